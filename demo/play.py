"""
Play a whole week of the demo without a browser, and count what came of it.

``make demo-run`` calls this. The moderators are played through Django's test client: they open
their list, read each form and send it. The clock is moved by the hour. What must come of it is
worked out from the files alone, by other code than that of the process.
"""

from __future__ import annotations

import csv
import datetime
import mailbox
import os
import re
import sys
import tempfile
from collections import Counter
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr, parsedate_to_datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
HOUR = datetime.timedelta(hours=1)
BEGIN = datetime.datetime(2026, 3, 2, 9, tzinfo=datetime.UTC)
#: The last hour of the week at which the moderators are asked; an hour later the week is over.
LAST_LOOK = 7 * 24 - 1


# What follows from the files


def expected() -> dict[str, Any]:
    """Return what must come of the week, from ``issues.csv`` and ``mails.mbox`` alone."""
    with (HERE / "data" / "issues.csv").open(newline="") as file:
        issues = list(csv.DictReader(file))
    accepted, rejected, hours, last = 0, 0, set(), {}
    parser = BytesParser(_class=EmailMessage, policy=policy.default)
    box = mailbox.mbox(HERE / "data" / "mails.mbox", create=False)
    for raw in box:
        mail = parser.parsebytes(bytes(raw))
        passed = (parsedate_to_datetime(str(mail["Date"])) - BEGIN) / HOUR
        if passed > LAST_LOOK:
            continue
        hours.add(int(passed) + 1)
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
    box.close()
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
        "mails sent": 3,
        "mails accepted": accepted,
        "mails rejected": rejected,
        "calls": int(call),
        "votes": {
            row["code"]: [votes[row["code"], choice] for choice in ("yes", "no", "abstain")]
            for row in issues
        },
    }


# The week


class Page(HTMLParser):
    """Reads a form's page as a person does: the question of each choice, and its name."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.questions: dict[str, str] = {}
        self._question: str | None = None
        self._in_legend = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "legend":
            self._in_legend, self._question = True, ""
        elif tag == "input" and given.get("type") == "radio" and self._question is not None:
            self.questions[given["name"] or ""] = self._question

    def handle_endtag(self, tag: str) -> None:
        if tag == "legend":
            self._in_legend = False

    def handle_data(self, data: str) -> None:
        if self._in_legend and self._question is not None:
            self._question += data


def moderate(client: Any) -> int:
    """Let a moderator do every task on the list; return how many forms were sent."""
    listed = client.get("/automations/").content.decode()
    addresses = re.findall(r'href="(/automations/\d+)"', listed)
    for address in addresses:
        questions = Page(client.get(address).content.decode()).questions
        if not questions:
            sys.exit(f"The form at {address} asks nothing.")
        answers = {
            name: "accept"
            if "[issues]" in question and not question.strip().startswith("Automatic:")
            else "reject"
            for name, question in questions.items()
        }
        response = client.post(address, answers)
        if response.status_code != 302:
            sys.exit(f"{address} answered {response.status_code} to {answers}.")
    return len(addresses)


def play() -> dict[str, Any]:
    """Play the week, hour by hour, and return what came of it."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client
    from issues.models import CalendarEntry, Issue
    from project import clock

    from automations.models import AutomationModel, AutomationTaskModel

    clock.stand_at(BEGIN)
    call_command("migrate", verbosity=0)
    call_command("load_demo")
    moderators = [Client(), Client()]
    for client, name in zip(moderators, ("mia", "max"), strict=True):
        client.force_login(User.objects.get(username=name))
    AutomationModel.run()
    for hour in range(1, 8 * 24):
        clock.stand_at(BEGIN + hour * HOUR)
        call_command("feed_mails", verbosity=0)
        report = AutomationModel.run()
        if not report.ok:
            sys.exit(f"Hour {hour}: {report}")
        moderate(moderators[hour % 2])
        if not AutomationModel.objects.filter(finished=False).exists():
            break
    run = AutomationModel.objects.get()
    tasks = AutomationTaskModel.objects.values_list("status", "state")
    return {
        "runs": dict(Counter(AutomationModel.objects.values_list("state", flat=True))),
        "tasks": dict(Counter(f"{status} {state}" for status, state in tasks)),
        "mails sent": len(list(Path(os.environ["DEMO_OUTBOX"]).glob("*"))),
        "mails accepted": len(run.data["accepted"]),
        "mails rejected": len(run.data["rejected"]),
        "calls": CalendarEntry.objects.count(),
        "votes": {
            issue.code: [issue.yes, issue.no, issue.abstain] for issue in Issue.objects.all()
        },
    }


def lines(counts: dict[str, Any]) -> dict[str, Any]:
    """Return the counts as the lines of a table."""
    table: dict[str, Any] = {}
    for name, value in counts.items():
        if isinstance(value, dict):
            table |= {f"{name}: {key}": item for key, item in value.items()}
        else:
            table[name] = value
    return table


def main() -> int:
    """Play, print the table, and say whether every count is what follows from the files."""
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "DEMO_HOME": home,
            "DEMO_OUTBOX": str(Path(home) / "outbox"),
            "DJANGO_SETTINGS_MODULE": "project.settings",
        }
        sys.path.insert(0, str(HERE))
        import django

        django.setup()
        counted, wanted = lines(play()), lines(expected())
    wrong = 0
    print(f"{'':36}{'counted':>16}{'from the files':>18}")
    for name in [*wanted, *(name for name in counted if name not in wanted)]:
        found, right = counted.get(name, 0), wanted.get(name, 0)
        wrong += found != right
        mark = "" if found == right else "   <-- differs"
        print(f"{name:36}{found!s:>16}{right!s:>18}{mark}")
    print("Every count follows from the files." if not wrong else f"{wrong} counts differ.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
