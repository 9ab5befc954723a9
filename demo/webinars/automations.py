"""
The webinar: what everybody who signs up for it gets, and when.

A welcome at once, a reminder the day before, the link an hour before; and for those who stayed
the recording. All of it follows the webinar's date, also when that is moved. Each mail has a link
by which one cancels; whoever does gets nothing more. The organiser can start a journey by hand, for
somebody who has called.
"""

from __future__ import annotations

import datetime
from typing import Any

from django.conf import settings
from django.core.mail import send_mail
from django.utils.timezone import localtime

from automations import flow
from automations.flow import this
from webinars.forms import SignUpForm
from webinars.models import Webinar

HOUR = datetime.timedelta(hours=1)
DAY = datetime.timedelta(days=1)

#: How many minutes somebody has to be there to have stayed.
STAYED = 45

#: What stands at the end of the mails before the webinar.
WAY_OUT = "\n\nYou cannot come? Cancel here: {way_out}"


class WebinarJourney(flow.Automation):
    """The way of one person from signing up for a webinar to its recording."""

    unique = ("email", "webinar")

    webinar = Webinar

    welcome = flow.Execute(this.send_welcome)
    until_the_end = flow.Split().Next(this.soon).Next(this.cancellation)

    soon = flow.If(this.begins_within_a_day).Then(this.link)
    reminder = flow.Execute(this.send_reminder).AfterWaitingUntil(this.reminder_time)
    link = flow.Execute(this.send_link).AfterWaitingUntil(this.link_time)
    stayed = (
        flow.If(this.has_stayed)
        .Then(this.replay)
        .Else(this.end)
        .AfterWaitingUntil(this.replay_time)
    )
    replay = flow.Execute(this.offer_replay).Next(this.end)

    cancellation = flow.ReceiveMessage("cancel")
    goodbye = flow.Execute(this.confirm_cancellation)

    end = flow.End(terminate=True)

    class Meta:
        verbose_name = "Webinar journey"
        verbose_name_plural = "Webinar journeys"
        subject = "{name}, {title}"
        start_form = SignUpForm
        start_permission = "webinars.change_webinar"

    # When

    def begins_within_a_day(self, task: Any) -> bool:
        """Return whether it is too late for a reminder, for it begins soon or has begun."""
        return flow.now() >= self.reminder_time(task)

    def reminder_time(self, task: Any) -> datetime.datetime:
        """A day before the webinar begins."""
        return self.webinar.begins - DAY

    def link_time(self, task: Any) -> datetime.datetime:
        """An hour before; for those who sign up later, this is at once."""
        return self.webinar.begins - HOUR

    def replay_time(self, task: Any) -> datetime.datetime:
        """150 minutes after the beginning."""
        return self.webinar.ends

    # Who stays

    @flow.require_data_parameters(minutes=int)
    def receive_attended(self, token: Any, data: dict[str, Any]) -> None:
        """Add up how long the person was there: some leave and come back."""
        self.data["minutes"] = self.data.get("minutes", 0) + data["minutes"]

    def has_stayed(self, task: Any) -> bool:
        """Return whether the person has seen most of it."""
        return self.data.get("minutes", 0) >= STAYED

    # What is written

    def way_out(self) -> str:
        """Return the path of the page with the button by which the person cancels."""
        return flow.message_link(self, "cancel")

    def send_welcome(self, task: Any) -> None:
        """Confirm the sign-up, and keep what people are to read of it."""
        self.data["title"] = self.webinar.title
        self._write("Welcome", "Thank you for signing up. It begins on {begins}." + WAY_OUT)

    def send_reminder(self, task: Any) -> None:
        """Remind of the date, as it is now."""
        self._write("Tomorrow", "We look forward to seeing you on {begins}." + WAY_OUT)

    def send_link(self, task: Any) -> None:
        """Send the way in."""
        way_in = "https://example.org/webinars/{code}/ is open from {begins} on."
        self._write("Your link", way_in + WAY_OUT)

    def offer_replay(self, task: Any) -> None:
        """Offer the recording."""
        self._write("The recording", "See it again: https://example.org/webinars/{code}/replay/")

    def confirm_cancellation(self, task: Any) -> None:
        """Say that nothing more will come."""
        self._write("Cancelled", "You will get no more mails about this webinar.")

    def _write(self, subject: str, body: str) -> None:
        """Write to the person, with the webinar's facts in the text."""
        begins = f"{localtime(self.webinar.begins):%A, %d %B, %H:%M}"
        way_out = settings.SITE + self.way_out()
        text = body.format(code=self.webinar.code, begins=begins, way_out=way_out)
        send_mail(
            f"{subject}: {self.webinar}",
            f"Dear {self.data['name']},\n\n{text}\n",
            "webinars@example.org",
            [self.data["email"]],
        )
