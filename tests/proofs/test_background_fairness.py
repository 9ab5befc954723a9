"""
A crowd of works of one class keeps no work of another from the threads: told by who is let in.

``ATM_PROOF_BACKLOG=100000`` for the full proof; nobody waits for the end of so much.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from automations.dispatch.background import Workers
from automations.dispatch.rota import Rota
from automations.dispatch.sweep import sweep
from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.proofs.schedulers import wait_until
from tests.proofs.test_fairness import SECOND, backlog
from tests.testapp.background import Crowd, Loner, Queueing, Single
from tests.testapp.proof_processes import Counted

pytestmark = [pytest.mark.no_cover, pytest.mark.django_db(transaction=True)]

BACKLOG = int(os.environ.get("ATM_PROOF_BACKLOG", "60"))
#: Of so many all are done. Without the measure that is before it is anybody else's turn.
FEW = min(BACKLOG, 60)


@pytest.fixture(autouse=True)
def gate() -> Any:
    """A gate that is closed at first, and open in the end."""
    Queueing.begun.clear()
    Queueing.gate.clear()
    yield Queueing.gate
    Queueing.gate.set()


@pytest.mark.parametrize(("threads", "on"), [(1, True), (4, True), (4, False)])
def test_a_crowd_of_works_of_one_class_keeps_no_work_of_another_waiting(
    threads: int,
    on: bool,
    gate: threading.Event,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    proof: Recorder,
) -> None:
    settings.ATM_THREADS = threads
    if not on:
        put = Rota.put
        # First come, first served.
        monkeypatch.setattr(Rota, "put", lambda rota, label, work: put(rota, "", work))
    number = BACKLOG if on else FEW
    label = Crowd.get_automation_name()
    # As sweeps leave them: they wait for the threads, and are not looked at again meanwhile.
    backlog(Crowd, "one", 3600 * SECOND, number)
    crowd = AutomationTaskModel.objects.filter(automation__automation_class=label)
    crowd.update(state="waiting")
    with Workers() as workers:
        for run, task in crowd.order_by("pk").values_list("automation", "pk"):
            workers.offer(run, task, label)
        assert wait_until(lambda: len(Queueing.begun) == threads)
        others: list[Counted] = [Loner(autorun=False), Single(autorun=False)]
        sweep(workers=workers)
        gate.set()
        done = AutomationModel.objects.filter(pk__in=[run.id for run in others], finished=True)
        assert wait_until(lambda: done.count() == len(others))
        if number == FEW:
            workers.wait()
    begun = list(Queueing.begun)
    places = [begun.index(type(run).__name__) for run in others]
    if on:
        # Those in hand, one of each class, and as many as threads race to tell of it.
        assert max(places) < threads + 3 + threads, places
        what = f"{number} works of one class before 2 of others in {threads} threads"
        proof("P5", done=f"{what}, begun after {max(places)}", found=audit(others))
    else:
        assert min(places) > FEW - threads, places
    if number == FEW:
        runs = AutomationModel.objects.filter(automation_class=label).values_list("pk", flat=True)
        found = audit([*others, *[Crowd(automation_id=run) for run in runs]])
        assert found.exact, found
