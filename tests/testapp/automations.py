"""Automations of the project that the tests run in."""

from __future__ import annotations

import datetime

from automations import flow
from automations.flow import this
from tests.testapp import forms, models
from tests.testapp.story import tell


class IssueDiscussion(flow.Automation):
    issue_list = models.IssueList

    start =         flow.Execute(this.publish_announcement)
    parallel =      flow.Split().Next(this.moderation).Next(this.warning).Next(this.conf_call)

    moderation =    flow.If(this.no_new_mails).Then(this.repeat)
    moderate =      flow.Form(forms.MailModeration).Group(name='Moderators')
    repeat =        (flow.If(this.moderation_deadline_reached)
                        .Then(this.join)
                        .Else(this.moderation)
                    ).AfterWaitingFor(datetime.timedelta(hours=1))

    warning =       (flow.Execute(this.send_deadline_warning)
                        .AfterWaitingFor(datetime.timedelta(days=6))
                        .Next(this.join))

    conf_call =     flow.If(this.conf_call_this_week).Then(this.moderate_call).Else(this.join)
    moderate_call = flow.Execute(this.block_calendar)

    join          = flow.Join()
    evaluate      = flow.Execute(this.evaluate)
    end           = flow.End()

    def publish_announcement(self, task):
        tell("publish_announcement", self.issue_list.title)

    def no_new_mails(self, task):
        tell("no_new_mails")
        self.data["polls"] = self.data.get("polls", 0) + 1
        return self.data["polls"] % 24 != 0

    def moderation_deadline_reached(self, task):
        tell("moderation_deadline_reached")
        self.data["checks"] = self.data.get("checks", 0) + 1
        return self.data["checks"] >= 24 * 7

    def send_deadline_warning(self, task):
        tell("send_deadline_warning")

    def conf_call_this_week(self, task):
        tell("conf_call_this_week")
        return self.data.get("conf_call", True)

    def block_calendar(self, task):
        tell("block_calendar")

    def evaluate(self, task):
        tell("evaluate")
        return {"accepted": self.data.get("moderate")}
