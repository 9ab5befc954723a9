"""The class of the core concepts page, word for word, runs its week as the page says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User

from automations.dispatch import inline
from automations.models import AutomationModel, AutomationTaskModel
from tests.plain import HOUR, NOW
from tests.proofs.recording import Recorder
from tests.testapp import story
from tests.testapp.automations import IssueDiscussion
from tests.testapp.forms import MailModeration
from tests.testapp.models import IssueList

ROOT = Path(__file__).parent.parent.parent
HOURS = 7 * 24


@pytest.fixture
def mia(db: None) -> User:
    """A moderator."""
    user = User.objects.create(username="mia")
    user.groups.add(Group.objects.create(name="Moderators"))
    return user


def moderate(mia: User) -> int:
    """Let the moderator do what waits for her; return how much that was."""
    waiting = AutomationTaskModel.get_open_tasks(mia)
    for task in waiting:
        form = MailModeration({"accepted": "on"})
        assert form.is_valid()
        inline.submit(task.automation_id, task.pk, form, mia)
    return len(waiting)


def week(run: IssueDiscussion, mia: User) -> int:
    """Let the week pass, hour by hour; return how many forms were filled in."""
    forms = moderate(mia)
    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(HOURS + 1):
            clock.shift(HOUR)
            assert AutomationModel.run().ok
            forms += moderate(mia)
            if run.finished():
                return forms
    raise AssertionError("The week did not end.")


@pytest.mark.parametrize("conf_call", [True, False])
@pytest.mark.api("E5", "E10", "E11", "E15")
def test_each_method_is_called_as_often_as_the_process_says(
    mia: User, conf_call: bool, proof: Recorder
) -> None:
    story.told.clear()
    with time_machine.travel(NOW, tick=False):
        issues = IssueList.objects.create(title="March")
        run = IssueDiscussion(issue_list=issues, conf_call=conf_call)
    assert week(run, mia) == HOURS // 24
    assert Counter(what for what, *_ in story.told) == {
        "publish_announcement": 1,
        "no_new_mails": HOURS,
        "moderation_deadline_reached": HOURS,
        "send_deadline_warning": 1,
        "conf_call_this_week": 1,
        "evaluate": 1,
    } | ({"block_calendar": 1} if conf_call else {})
    row = AutomationModel.objects.get(pk=run.id)
    assert row.ended == NOW + HOURS * HOUR
    tasks = AutomationTaskModel.objects.filter(automation=run.id)
    assert tasks.get(status="evaluate").result == {"accepted": {"accepted": True}}
    assert tasks.get(status="warning").finished == NOW + 6 * 24 * HOUR
    assert tasks.filter(status="join").count() == 3
    assert tasks.get(status="join", state="completed").message == "Joined"
    call = "with" if conf_call else "without"
    done = f"the introductory example for {HOURS} hours, {call} its conference call"
    proof("P3", "P8", done=done, exact=1)


@pytest.mark.api("A15")
def test_weeks_that_run_beside_each_other_do_not_mix(mia: User) -> None:
    with time_machine.travel(NOW, tick=False):
        runs = [
            IssueDiscussion(issue_list=IssueList.objects.create(title=title), conf_call=call)
            for title, call in (("March", True), ("April", False))
        ]
    week(runs[0], mia)
    assert all(run.finished() for run in runs)
    called = AutomationTaskModel.objects.filter(status="moderate_call")
    assert [task.automation_id for task in called] == [runs[0].id]


@pytest.mark.api("E1")
def test_the_demo_has_the_same_class_word_for_word() -> None:
    def body(path: str) -> list[str]:
        lines = (ROOT / path).read_text().splitlines()
        first = next(at for at, line in enumerate(lines) if "issue_list = models" in line)
        last = next(at for at, line in enumerate(lines) if line.endswith("flow.End()"))
        return lines[first : last + 1]

    assert body("demo/issues/automations.py") == body("tests/testapp/automations.py")


@pytest.mark.api("D7")
def test_loading_listing_and_binding_a_running_week_executes_nothing(mia: User) -> None:
    run = IssueDiscussion(issue_list=IssueList.objects.create(title="March"))
    before: Any = list(AutomationTaskModel.objects.values())
    story.told.clear()
    loaded = IssueDiscussion(automation_id=run.id)
    assert loaded.issue_list.title == "March"
    assert AutomationModel.objects.get().instance.data == loaded.data
    AutomationTaskModel.get_open_tasks(mia)
    assert story.told == []
    assert list(AutomationTaskModel.objects.values()) == before


@pytest.mark.api("E7", "D3", "N2")
def test_an_if_waits_its_hour_and_then_asks_once_in_each_round(mia: User) -> None:
    asked = []
    with time_machine.travel(NOW, tick=False) as clock:
        run = IssueDiscussion(issue_list=IssueList.objects.create(title="March"))
        story.told.clear()
        for _ in range(8):
            clock.shift(HOUR / 4)
            AutomationModel.run()
            AutomationModel.run()
            asked.append([what for what, *_ in story.told].count("moderation_deadline_reached"))
    assert asked == [0, 0, 0, 1, 1, 1, 1, 2]
    rounds = AutomationTaskModel.objects.filter(automation=run.id, status="repeat").order_by("pk")
    assert [task.created - NOW for task in rounds] == [0 * HOUR, HOUR, 2 * HOUR]
