"""The issues of the week, and who moderates."""

from __future__ import annotations

from project import people, week

from issues.automations import IssueDiscussion
from issues.models import Issue, IssueList


def load() -> None:
    """Load the issues and let their discussion begin."""
    for name in ("mia", "max"):
        people.make(name, group="Moderators")
    issue_list = IssueList.objects.create(title="Issues of the week")
    Issue.objects.bulk_create(
        Issue(
            issue_list=issue_list,
            code=row["code"],
            title=row["title"],
            needs_call=row["needs_call"] == "yes",
        )
        for row in week.rows("issues.csv")
    )
    IssueDiscussion(issue_list=issue_list, autorun=False)
