"""The issue discussion: two moderators take turns, hour by hour."""

from __future__ import annotations

import datetime
import mailbox
import math
from collections import Counter
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from typing import Any

from issues.automations import IssueDiscussion
from issues.models import CalendarEntry, Issue

from automations.models import AutomationModel
from plays import files, outcome
from plays.person import Answers, Page, Person

#: The last hour of the week at which the moderators are asked; an hour later the week is over.
LAST_LOOK = 7 * 24 - 1


def moments() -> Iterator[datetime.datetime]:
    """Yield when mails arrive."""
    for mail in arriving():
        yield parsedate_to_datetime(str(mail["Date"]))


def arriving() -> Iterator[EmailMessage]:
    """Yield the mails of the week."""
    parser = BytesParser(_class=EmailMessage, policy=policy.default)
    box = mailbox.mbox(files.DATA / "mails.mbox", create=False)
    for raw in box:
        yield parser.parsebytes(bytes(raw))
    box.close()


def expected() -> dict[str, Any]:
    """Return what must come of the week, from ``issues.csv`` and ``mails.mbox`` alone."""
    issues = files.rows("issues.csv")
    accepted, rejected, hours, last = 0, 0, set(), {}
    for mail in arriving():
        passed = (parsedate_to_datetime(str(mail["Date"])) - files.BEGIN) / files.HOUR
        if passed > LAST_LOOK:
            continue
        hours.add(math.ceil(passed))
        # A moderator accepts what is about the list of issues and was written by a person.
        if "[issues]" not in str(mail["Subject"]) or "Auto-Submitted" in mail:
            rejected += 1
            continue
        accepted += 1
        text = mail.get_body(("plain",))
        for line in text.get_content().splitlines() if text else []:
            word, _, rest = line.partition(" ")
            if word == "Vote:" and len(rest.split()) == 2:
                code, choice = rest.split()
                last[parseaddr(str(mail["From"]))[1], code.upper()] = choice.lower()
    votes = Counter((code, choice) for (_, code), choice in last.items())
    call = any(row["needs_call"] == "yes" for row in issues)
    passes = 7 * 24  # the first look at once, then one every hour until the last
    return {
        "runs": {"finished": 1},
        "tasks": {
            "start completed": 1,
            "parallel completed": 1,
            "moderation completed": passes,
            "moderate completed": len(hours),
            "repeat completed": passes,
            "warning completed": 1,
            "conf_call completed": 1,
            **({"moderate_call completed": 1} if call else {}),
            "join completed": 1,
            "join merged": 2,
            "evaluate completed": 1,
            "end completed": 1,
        },
        "mails": {
            "[issues] Issues for discussion": 1,
            "[issues] One day left to vote": 1,
            "[issues] The result of the vote": 1,
        },
        "accepted": accepted,
        "rejected": rejected,
        "calls": int(call),
        "votes": {
            row["code"]: [votes[row["code"], choice] for choice in ("yes", "no", "abstain")]
            for row in issues
        },
    }


class Cast:
    """The moderators."""

    def __init__(self) -> None:
        self.moderators = [Person("mia"), Person("max")]

    def act(self, hour: int) -> None:
        """Let the moderator whose turn it is do what there is to do."""
        self.moderators[hour % 2].do_tasks(moderate)


def moderate(page: Page) -> Answers:
    """Accept what is about the list of issues and was written by a person."""
    return {
        name: "accept"
        if "[issues]" in question and not question.strip().startswith("Automatic:")
        else "reject"
        for name, question in page.questions.items()
    }


def counted() -> dict[str, Any]:
    """Return what came of the week."""
    run = AutomationModel.objects.get(automation_class=IssueDiscussion.get_automation_name())
    return {
        "runs": outcome.runs(IssueDiscussion),
        "tasks": outcome.tasks(IssueDiscussion),
        "mails": outcome.mails("issues@example.org"),
        "accepted": len(run.data["accepted"]),
        "rejected": len(run.data["rejected"]),
        "calls": CalendarEntry.objects.count(),
        "votes": {
            issue.code: [issue.yes, issue.no, issue.abstain] for issue in Issue.objects.all()
        },
    }
