"""The introductory example's week, as its author would test it."""

from __future__ import annotations

import datetime
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, User

from automations.testing import assert_path, assert_waiting_at, clock, complete
from tests.testapp import story
from tests.testapp.automations import IssueDiscussion
from tests.testapp.models import IssueList

MONDAY = datetime.datetime(2026, 3, 2, 9, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.django_db
def test_the_week_of_an_issue_discussion_is_tested_as_one_would_tell_it() -> None:
    mia = User.objects.create(username="mia")
    mia.groups.add(Group.objects.create(name="Moderators"))
    story.told.clear()
    with clock(MONDAY) as time:
        run = IssueDiscussion(issue_list=IssueList.objects.create(title="March"))
        assert_path(run, ["start", "parallel", ...])
        for day in range(1, 8):  # a mail comes on every day
            time.move_to(MONDAY + timedelta(days=day))
            assert_waiting_at(run, "moderate", for_user=mia)
            complete(run, "moderate", {"accepted": True}, user=mia)
        assert ("send_deadline_warning",) in story.told
        time.advance(hours=1)
    assert_path(run, ["start", "parallel", ..., "join", "evaluate", "end"])
    assert run.finished()
    story.told.clear()
