"""What happens to the webinars over the week: sign-ups, cancellations, visits, a new date."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from functools import cache, partial
from operator import itemgetter
from typing import Any

from django.test import Client
from project import week

from automations.models import AutomationModel
from webinars.automations import WebinarJourney
from webinars.forms import SignUpForm
from webinars.models import Webinar

Row = dict[str, str]


def feed() -> int:
    """Let everything happen whose time has come; return how much that was."""
    return week.let_happen("webinars", calendar())


@cache
def calendar() -> week.Calendar:
    """Return what happens when, in order."""
    return sorted(events(), key=itemgetter(0))


def events() -> Iterator[tuple[datetime.datetime, Any]]:
    """Yield what each row of the files lets happen, with its time."""
    for file, column, happen in (
        ("registrations.csv", "time", sign_up),
        ("cancellations.csv", "time", cancel),
        ("attendance.csv", "left", leave),
        ("moves.csv", "time", move),
    ):
        for row in week.rows(file):
            yield datetime.datetime.fromisoformat(row[column]), partial(happen, row)


def sign_up(row: Row) -> None:
    """Let somebody sign up, if what was entered can be right."""
    form = SignUpForm(row)
    if form.is_valid():
        WebinarJourney(**form.cleaned_data)


def cancel(row: Row) -> None:
    """Press the button on the page to which the link in the person's mails leads."""
    for journey in running(row):
        answer = Client().post(journey.instance.way_out())
        if answer.status_code != 200:
            raise RuntimeError(f"Who wants to cancel is answered {answer.status_code}.")


def leave(row: Row) -> None:
    """Tell the person's journey how long the visit was."""
    joined, left = (datetime.datetime.fromisoformat(row[name]) for name in ("joined", "left"))
    minutes = (left - joined) // datetime.timedelta(minutes=1)
    for journey in running(row):
        WebinarJourney.dispatch_message(journey, "attended", data={"minutes": minutes})


def running(row: Row) -> Iterable[AutomationModel]:
    """Return the journey of the person who is named in the row, if there is one."""
    return AutomationModel.objects.filter(
        automation_class=WebinarJourney.get_automation_name(),
        finished=False,
        data__email=row["email"].lower(),
        data__webinar=Webinar.objects.get(code=row["webinar"]).pk,
    )


def move(row: Row) -> None:
    """Move a webinar, as an organiser does in the admin: nothing is to be done but to save it."""
    webinar = Webinar.objects.get(code=row["webinar"])
    webinar.begins = week.moment_of(row["begins"])
    webinar.save()
