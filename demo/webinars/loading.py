"""The webinars of the week, and who organises them."""

from __future__ import annotations

from django.contrib.auth.models import Permission
from project import people, week

from webinars.models import Webinar


def load() -> None:
    """Load the webinars."""
    olga = people.make("olga", group="Organisers", is_staff=True)
    olga.groups.get().permissions.set(
        Permission.objects.filter(codename__in=["view_webinar", "change_webinar"])
    )
    for row in week.rows("webinars.csv"):
        Webinar.objects.create(
            code=row["code"], title=row["title"], begins=week.moment_of(row["begins"])
        )
