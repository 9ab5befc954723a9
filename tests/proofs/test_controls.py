"""The audit finds what a measure that is switched off lets happen, and nothing while it is on."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from automations.engine import attempts, steps
from automations.engine.locking import atomic, in_transaction
from automations.models import AutomationModel
from tests.proofs.counting import audit
from tests.proofs.test_kills_by_phase import mortals
from tests.proofs.test_processes import finish_all
from tests.testapp.background import InterruptedLink
from tests.testapp.proof_processes import Counted, Line, Saved

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
