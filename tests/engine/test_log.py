"""What has gone wrong is in the log: which task of which run, and with what error."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from automations.engine import blocks, outside, steps
from tests.engine.rows import at
from tests.engine.test_bystanders import at_work, claimed
from tests.engine.test_outside import expire
from tests.engine.test_trouble import deadlock
from tests.testapp.processes import Fragile, Straight

pytestmark = pytest.mark.django_db


def said(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Return the level and the words of each line."""
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_a_failed_task_is_in_the_log_with_its_error(caplog: pytest.LogCaptureFixture) -> None:
    run = Fragile(fail=True)
    task = at(run, "risky")
    assert said(caplog) == [("ERROR", f"Task {task.pk} (risky) of run {run.id} has failed")]
    (record,) = caplog.records
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RuntimeError)
    assert record.name == "automations"


def test_a_task_whose_worker_never_comes_back_is_in_the_log(
    settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ATM_ATTEMPTS = 1
    run = at_work()
    task = at(run, "work")
    expire(run)
    assert outside.take(run.id, task.pk, "another") is None
    ((level, words),) = said(caplog)
    assert level == "ERROR"
    assert words.startswith(f"Task {task.pk} (work) of run {run.id}: The worker did not come back")


@pytest.mark.django_db(transaction=True)
def test_a_step_that_the_database_has_disturbed_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Straight, "note", deadlock(1))
    run = Straight(autorun=False)
    assert steps.step(run.id).delayed
    ((level, words),) = said(caplog)
    assert (level, words[: len(f"Run {run.id} is")]) == ("WARNING", f"Run {run.id} is")
    assert "delayed by the database" in words


@pytest.mark.django_db(transaction=True)
def test_a_block_that_is_lost_is_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Straight, "note", deadlock(1))
    run = claimed()
    with caplog.at_level(logging.INFO, "automations"):
        assert blocks.block([run.id], claim="me", now=steps.settings.now()) == {}
    ((level, words),) = said(caplog)
    assert level == "INFO"
    assert words.startswith(f"Runs [{run.id}] go on one by one: ")
