"""The audit finds what a measure that is switched off lets happen, and nothing while it is on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from automations.dispatch.claims import claimable
from automations.dispatch.lanes import Lanes
from automations.engine import attempts, steps
from automations.engine.locking import atomic, in_transaction
from automations.models import AutomationModel
from tests import forks
from tests.proofs.counting import audit
from tests.proofs.schedulers import finish_all
from tests.proofs.test_kills_by_phase import mortals
from tests.testapp.background import InterruptedLink
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Counted, Deadly, Line, Saved

ROOT = Path(__file__).resolve().parent.parent.parent
WORKER = str(Path(__file__).with_name("worker.py"))
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

pytestmark = [pytest.mark.no_cover, pytest.mark.django_db(transaction=True)]


@pytest.mark.processes
@pytest.mark.parametrize("on", [True, False])
def test_without_a_transaction_a_kill_doubles_an_effect(
    on: bool, child_environment: dict[str, str]
) -> None:
    child_environment |= {"ATM_TEST_CLAIM": "1"}
    run = Line(autorun=False)
    off = {} if on else {"ATM_TEST_WITHOUT_TRANSACTIONS": "1"}
    assert mortals(["user code:2"], child_environment | off) == [("user code", 9)]
    assert finish_all(child_environment, 120)
    found = audit([run])
    assert found.exact is on
    assert bool(found.doubled) is not on
    assert found.lost == found.stuck == []


@pytest.mark.parametrize("on", [True, False])
def test_without_a_savepoint_what_a_failed_task_has_done_stays(
    on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not on:
        monkeypatch.setattr(
            attempts, "atomic", lambda: nullcontext() if in_transaction() else atomic()
        )
        monkeypatch.setattr(attempts, "in_shared", nullcontext)
    found = audit([Saved()])
    assert found.exact is on
    assert bool(found.doubled) is not on


@pytest.mark.parametrize("on", [True, False])
def test_without_telling_trouble_with_the_database_from_errors_a_run_is_stuck(
    on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, tries = Line.work, []

    def interrupted(self: Counted, task: Any) -> None:
        work(self, task)
        tries.append(task.pk)
        if len(tries) == 2:
            raise OperationalError("the line is dead") from InterruptedLink()

    monkeypatch.setattr(Line, "work", interrupted)
    if not on:
        for module in (attempts, steps):
            monkeypatch.setattr(module, "is_transient", lambda error: False)
    run = Line()
    AutomationModel.run(timestamp=timezone.now() + timedelta(minutes=1))
    found = audit([run])
    assert found.exact is on
    assert found.stuck == ([] if on else [run.id])
    assert found.lost == ([] if on else [run.id])


@pytest.mark.processes
@pytest.mark.parametrize("on", [True, False])
def test_without_counting_deaths_a_task_that_kills_its_worker_kills_every_one(
    on: bool, child_environment: dict[str, str], tmp_path: Path
) -> None:
    poison, innocent = Deadly(autorun=False), Line(autorun=False)
    child_environment |= {"ATM_TEST_DEADLY": "kill", "ATM_TEST_ATTEMPTS": "3" if on else "1000"}
    (tmp_path / "gate").touch()
    deaths = 0
    for _ in range(5):
        # The claim of whoever has died is over.
        AutomationModel.objects.exclude(claimed_by="").update(claimed_until=LONG_AGO)
        command = [sys.executable, WORKER, str(tmp_path / "gate")]
        deaths += forks.run(command, env=child_environment, cwd=ROOT, timeout=60) < 0
    assert deaths == (3 if on else 5)
    assert (AutomationModel.objects.get(pk=poison.id).state == "failed") is on
    # Nobody comes to what stands behind it.
    found = audit([innocent])
    assert found.exact is on
    assert found.stuck == ([] if on else [innocent.id])


@pytest.mark.parametrize("on", [True, False])
def test_without_turns_a_crowd_of_one_class_keeps_a_run_of_another_waiting(
    on: bool, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ATM_BLOCK = 5
    crowd = [Line(autorun=False) for _ in range(30)]
    other = Saved(autorun=False)
    if not on:

        def by_due_time_alone(lanes: Lanes, now: datetime) -> Iterator[list[AutomationModel]]:
            while block := list(claimable(now).order_by("due", "pk")[: settings.ATM_BLOCK]):
                yield block

        monkeypatch.setattr(Lanes, "blocks", by_due_time_alone)
    assert AutomationModel.run().ok
    order = list(Effect.objects.order_by("pk").values_list("run", flat=True))
    before = len(set(order[: order.index(other.id)]))
    assert before == (settings.ATM_BLOCK if on else len(crowd))
    assert audit([*crowd, other]).exact
