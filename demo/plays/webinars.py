"""The webinars: nobody has to log in. People sign up, cancel and come; one date is moved twice."""

from __future__ import annotations

import datetime
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webinars.automations import WebinarJourney

from automations.models import AutomationTaskModel
from plays import files, outcome
from plays.files import DAY, HOUR, moment

FILES = {
    "registrations.csv": "time",
    "cancellations.csv": "time",
    "attendance.csv": "left",
    "moves.csv": "time",
}
REPLAY = datetime.timedelta(minutes=150)
ADDRESS = re.compile(r"[\w+-]+(\.[\w+-]+)*@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


def moments() -> Iterator[datetime.datetime]:
    """Yield when something happens that the files tell of."""
    for name, column in FILES.items():
        for row in files.rows(name):
            yield moment(row[column])


@dataclass
class Journey:
    """What becomes of one sign-up that counts."""

    webinar: str
    begins: datetime.datetime
    signed_up: datetime.datetime
    cancelled: datetime.datetime | None = None
    minutes: int = 0

    @property
    def in_time(self) -> bool:
        """Whether there is a day left at least."""
        return self.signed_up < self.begins - DAY

    def gets(self, when: datetime.datetime) -> bool:
        """Return whether the person has not cancelled before a mail was due."""
        return self.cancelled is None or self.cancelled > when

    @property
    def reminded(self) -> bool:
        """Whether there was a reminder."""
        return self.in_time and self.gets(self.begins - DAY)

    @property
    def invited(self) -> bool:
        """Whether the link was sent."""
        return self.gets(max(self.signed_up, self.begins - HOUR))

    @property
    def stayed(self) -> bool:
        """Whether the person was there for three quarters of an hour."""
        return self.cancelled is None and self.minutes >= 45


def journeys() -> list[Journey]:
    """Return the sign-ups of the files that count, with what becomes of each."""
    begins = {row["code"]: moment(row["begins"]) for row in files.rows("webinars.csv")}
    for row in files.rows("moves.csv"):
        if moment(row["time"]) > min(begins[row["webinar"]], moment(row["begins"])) - DAY:
            sys.exit("A webinar is moved when some have been reminded: that is not foreseen here.")
        begins[row["webinar"]] = moment(row["begins"])
    happening = [
        (moment(row[column]), name, row)
        for name, column in FILES.items()
        for row in files.rows(name)
    ]
    found: list[Journey] = []
    current: dict[tuple[str, str], Journey] = {}
    for when, name, row in sorted(happening, key=lambda item: item[0]):
        if name == "moves.csv":
            continue
        key = row["email"].lower(), row["webinar"]
        known = current.get(key)
        if name == "registrations.csv":
            over = when >= begins[row["webinar"]] + REPLAY
            if known is None and not over and ADDRESS.fullmatch(row["email"]):
                current[key] = Journey(row["webinar"], begins[row["webinar"]], when)
                found.append(current[key])
        elif known and name == "cancellations.csv":
            known.cancelled = when
            del current[key]
        elif known:
            spent = moment(row["left"]) - moment(row["joined"])
            known.minutes += int(spent.total_seconds()) // 60
    return found


def expected() -> dict[str, Any]:
    """Return what must come of the week."""
    every = journeys()
    cancelled = [one for one in every if one.cancelled]
    #: Where those who have cancelled stood then.
    before_reminder = sum(one.in_time and not one.reminded for one in cancelled)
    before_link = sum(not one.invited for one in cancelled) - before_reminder
    count = {
        "reminder": sum(one.reminded for one in every),
        "link": sum(one.invited for one in every),
        "replay": sum(one.stayed for one in every),
    }
    return {
        "runs": {"finished": len(every)},
        "tasks": {
            "welcome completed": len(every),
            "until_the_end completed": len(every),
            "soon completed": len(every),
            "reminder completed": count["reminder"],
            "reminder cancelled": before_reminder,
            "link completed": count["link"],
            "link cancelled": before_link,
            "stayed completed": len(every) - len(cancelled),
            "stayed cancelled": len(cancelled) - before_reminder - before_link,
            "replay completed": count["replay"],
            "cancellation completed": len(cancelled),
            "cancellation cancelled": len(every) - len(cancelled),
            "goodbye completed": len(cancelled),
            "end completed": len(every),
        },
        "mails": {
            "Welcome": len(every),
            "Tomorrow": count["reminder"],
            "Your link": count["link"],
            "The recording": count["replay"],
            "Cancelled": len(cancelled),
        },
        # A day, and an hour, before the date to which the webinar has been moved in the end.
        "reminded": Counter(f"{one.begins - DAY:%A %H:%M}" for one in every if one.reminded),
        "invited": Counter(
            f"{one.begins - HOUR:%A %H:%M}"
            if one.signed_up < one.begins - HOUR
            else "when signing up later"
            for one in every
            if one.invited
        ),
    }


class Cast:
    """Nobody: what people do here stands in the files."""

    def act(self, hour: int) -> None:
        """Do nothing."""


def counted() -> dict[str, Any]:
    """Return what came of the week."""
    done = AutomationTaskModel.objects.filter(
        automation__automation_class=WebinarJourney.get_automation_name(), state="completed"
    )
    reminded = done.filter(status="reminder").values_list("finished", flat=True)
    invited = done.filter(status="link").values_list("created", "finished")
    return {
        "runs": outcome.runs(WebinarJourney),
        "tasks": outcome.tasks(WebinarJourney),
        "mails": outcome.mails("webinars@example.org"),
        "reminded": Counter(f"{when:%A %H:%M}" for when in reminded),
        "invited": Counter(
            f"{when:%A %H:%M}" if opened < when else "when signing up later"
            for opened, when in invited
        ),
    }
