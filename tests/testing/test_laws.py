"""What fails a story, whatever the process: tasks that are lost or doubled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from automations.engine.reading import open_tasks_of
from automations.models import AutomationModel, AutomationTaskModel
from automations.testing.laws import Broken, refuse_broken, refuse_late
from tests.plain import HOUR, NOW
from tests.testapp.explored import Order
from tests.testapp.tested import Hourly
from tests.testing.test_explore import people

__all__ = ["people"]

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("people")]


def judged(run: Any) -> None:
    """Look at the run as after an act of a story."""
    row = AutomationModel.objects.get(pk=run.id)
    plan = SimpleNamespace(automation=type(run))
    story: Any = SimpleNamespace(open_tasks=open_tasks_of(row), offered={}, plan=plan)
    refuse_broken(row, story)


def test_a_run_with_all_its_branches_is_as_it_should_be() -> None:
    judged(Order())
    judged(Hourly())  # which has no branches, and whose history is bounded


def test_a_run_that_goes_on_without_a_task_has_lost_it() -> None:
    run = Order()
    AutomationTaskModel.objects.open().delete()
    with pytest.raises(Broken, match=r"^Order \d+ goes on, but has no open task any more"):
        judged(run)


def test_a_run_that_has_ended_has_no_open_task() -> None:
    run = Order()
    AutomationModel.objects.update(state="finished", finished=True, due=None, ended=NOW)
    with pytest.raises(Broken, match=r"^Order \d+ has ended with open tasks"):
        judged(run)


def test_a_branch_that_was_not_opened_is_lost_and_one_that_was_opened_twice_is_doubled() -> None:
    run = Order()
    pack = AutomationTaskModel.objects.get(status="pack")
    AutomationTaskModel.objects.filter(pk=pack.pk).delete()
    with pytest.raises(Broken, match=r"start of Order \d+ has opened invoice, not pack, invoice"):
        judged(run)
    pack.save(force_insert=True)
    judged(run)
    pack.pk, pack.status = None, "join"
    pack.save(force_insert=True)
    with pytest.raises(Broken, match=r"has opened .*join.*, not pack, invoice"):
        judged(run)


@pytest.mark.parametrize(
    ("ended", "state", "late"),
    [
        (None, "running", True),
        (None, "failed", False),
        (NOW, "finished", False),
        (NOW + HOUR, "finished", True),
    ],
)
def test_a_run_is_late_if_it_has_not_ended_by_its_limit(ended: Any, state: str, late: bool) -> None:
    row = AutomationModel(pk=1, automation_class="shop.Order", state=state, ended=ended)
    row.finished = ended is not None
    if late:
        with pytest.raises(Broken, match=r"Order 1 has (not )?ended .* by 2|has not ended by"):
            refuse_late(row, NOW, NOW)
    else:
        refuse_late(row, NOW, NOW)
