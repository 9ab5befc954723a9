"""A full disk delays: no run is ended, lost or doubled by it, and no worker ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from automations.dispatch.sweep import sweep
from automations.engine import attempts, steps
from automations.models import AutomationModel
from tests.plain import HOUR
from tests.proofs.counting import audit
from tests.proofs.full_disk import small_disk
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import wait_until
from tests.proofs.test_database_trouble import FORCED, Worker, all_ended, untouched
from tests.proofs.trouble import another_connection
from tests.testapp.models import Effect
from tests.testapp.proof_processes import SHAPES, Counted, Line

pytestmark = [
    pytest.mark.processes,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: For which tables there is no room; on SQLite all of them are one file.
TABLES: dict[str, list[type[models.Model]]] = {
    "the project's own": [Effect],
    "the package's": list(apps.get_app_config("automations").get_models()),
}


@pytest.mark.parametrize("tables", TABLES if connection.vendor != "sqlite" else ["all"])
def test_a_disk_that_is_full_ends_no_run_and_no_worker(
    tables: str, child_environment: dict[str, str], tmp_path: Path, proof: Recorder
) -> None:
    pages = tmp_path / "pages"
    child_environment |= {"ATM_TEST_CLAIM": "1", "ATM_TEST_PAGES": str(pages)}
    runs: list[Counted] = [
        SHAPES[at % len(SHAPES)](autorun=False) for at in range(25 + FORCED // 4)
    ]
    with another_connection() as other, small_disk(other, pages, TABLES.get(tables, [])) as disk:
        worker = Worker(child_environment, tmp_path / "said")
        try:
            assert wait_until(Effect.objects.exists)
            disk.fill()
            full = wait_until(lambda: worker.troubled() >= FORCED, 60 + FORCED)
            disk.fill(0.2)  # and then a page becomes free from time to time
            full = full and wait_until(
                lambda: worker.troubled() >= FORCED * 1.25 or all_ended(), 60 + FORCED
            )
            disk.make_room()
            finished = wait_until(all_ended, 120 + 2 * FORCED)
        finally:
            disk.make_room()
            code = worker.end()
    found = audit(runs)
    done = f"{worker.troubled()} times no room on the disk for {tables} tables"
    proof("P6", done=done, found=found)
    assert full, worker.said.read_text()
    assert finished, worker.said.read_text()
    assert found.exact, found
    assert worker.troubled() >= FORCED
    assert code == 0
    assert untouched()


@pytest.mark.skipif(
    connection.vendor == "sqlite",
    reason="SQLite undoes the whole transaction by itself, which is noticed whatever the error is",
)
@pytest.mark.parametrize("on", [True, False])
def test_without_telling_a_full_disk_from_errors_a_run_is_stuck(
    on: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not on:
        for module in (attempts, steps):
            monkeypatch.setattr(module, "is_transient", lambda error: False)
    runs: list[Counted] = [Line(autorun=False) for _ in range(3)]
    with another_connection() as other, small_disk(other, tmp_path / "pages", [Effect]) as disk:
        disk.fill()
        assert sweep().failed == (0 if on else len(runs))
        disk.make_room()
        AutomationModel.run(timestamp=timezone.now() + HOUR)
    found = audit(runs)
    assert found.exact is on
    assert found.stuck == ([] if on else [run.id for run in runs])
