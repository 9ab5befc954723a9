"""``manage.py load_demo``: the people, the issues, and the beginning of the week."""

from __future__ import annotations

import csv
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand
from django.db import transaction

from issues.automations import IssueDiscussion
from issues.models import Issue, IssueList

#: Who there is; each one's password is the name.
PEOPLE = {
    "admin": "the administrator",
    "mia": "a moderator",
    "max": "a moderator",
    "eve": "a guest",
}


class Command(BaseCommand):
    """Fill an empty demo, and leave one that is filled as it is."""

    help = "Load the people and the issues, and start the discussion, if that has not been done."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if IssueList.objects.exists():
            return
        moderators, _ = Group.objects.get_or_create(name="Moderators")
        for name in PEOPLE:
            make = User.objects.create_superuser if name == "admin" else User.objects.create_user
            user = make(name, f"{name}@example.org", name)
            if name in ("mia", "max"):
                user.groups.add(moderators)
        issue_list = IssueList.objects.create(title="Issues of the week")
        with (settings.DATA / "issues.csv").open(newline="") as file:
            Issue.objects.bulk_create(
                Issue(
                    issue_list=issue_list,
                    code=row["code"],
                    title=row["title"],
                    needs_call=row["needs_call"] == "yes",
                )
                for row in csv.DictReader(file)
            )
        IssueDiscussion(issue_list=issue_list, autorun=False)
