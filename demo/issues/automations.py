"""
The issue discussion: a working group discusses a list of issues by mail for a week.

Two moderators accept or reject each mail, the group is warned a day before the end, there is a
conference call if an issue needs one, and in the end the votes in the accepted mails are counted.
"""

import datetime
from typing import Any

from django.core.mail import send_mail

from automations import flow
from automations.flow import this
from issues import forms, mail, models

WEEK = datetime.timedelta(days=7)


# The class body down to ``end`` is the one that the documentation of the core concepts prints, word
# for word; the docstring of the process is that of the module.
# fmt: off
class IssueDiscussion(flow.Automation):  # noqa: D101 - see above
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

    # fmt: on
    class Meta:
        verbose_name = "Issue discussion"
        verbose_name_plural = "Issue discussions"

    def publish_announcement(self, task: Any) -> None:
        """Note when the week begins, and send the list to the group."""
        self.issue_list.announced = flow.now()
        self.issue_list.save(update_fields=["announced"])
        self.data.update(looked_at=0, accepted=[], rejected=[])
        issues = "\n".join(str(issue) for issue in self.issue_list.issues.all())
        self._tell("Issues for discussion", f"Please vote within a week:\n\n{issues}")

    def no_new_mails(self, task: Any) -> bool:
        """Look for mails that no moderator has been asked about, and keep which ones they are."""
        arrived = mail.count()
        self.data["new"] = list(range(self.data["looked_at"], arrived))
        self.data["looked_at"] = arrived
        return not self.data["new"]

    def moderation_deadline_reached(self, task: Any) -> bool:
        """Take in what the moderators have decided; end a week after the announcement."""
        for field, decision in self.data.pop("moderate", {}).items():
            kept = "accepted" if decision == "accept" else "rejected"
            self.data[kept].append(int(field.removeprefix("mail_")))
        return flow.now() >= self.issue_list.announced + WEEK

    def send_deadline_warning(self, task: Any) -> None:
        """Tell the group that one day is left."""
        self._tell("One day left to vote", "Votes that arrive tomorrow after this hour are late.")

    def conf_call_this_week(self, task: Any) -> bool:
        """Return whether an issue needs to be talked about."""
        return self.issue_list.issues.filter(needs_call=True).exists()

    def block_calendar(self, task: Any) -> None:
        """Put the conference call into the calendar: on the third day, at the same hour."""
        start = self.issue_list.announced + datetime.timedelta(days=3)
        self.issue_list.calls.create(title=f"Call: {self.issue_list}", start=start)

    # The printed class names a step and its method alike: the metaclass keeps the node, so that the
    # second definition, which F811 and no-redef suspect, loses nothing.
    def evaluate(self, task: Any) -> dict[str, list[int]]:  # type: ignore[no-redef]  # noqa: F811
        """Count the votes in the accepted mails: of each sender's votes on an issue the last."""
        last = {}
        for found in mail.read(self.data["accepted"]):
            for code, choice in found.votes:
                last[found.sender, code] = choice
        result = {}
        for issue in self.issue_list.issues.all():
            votes = [choice for (_, code), choice in last.items() if code == issue.code]
            issue.yes, issue.no, issue.abstain = map(votes.count, ("yes", "no", "abstain"))
            issue.save(update_fields=["yes", "no", "abstain"])
            result[issue.code] = [issue.yes, issue.no, issue.abstain]
        lines = "\n".join(f"{code}: {yes} yes, {no} no" for code, (yes, no, _) in result.items())
        self._tell("The result of the vote", lines)
        return result

    def _tell(self, subject: str, body: str) -> None:
        """Write to the group."""
        send_mail(f"[issues] {subject}", body, None, ["issues@example.org"])
