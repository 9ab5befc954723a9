"""A request is answered within its budget; the rest is for the scheduler."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from automations.models import AutomationModel, AutomationTaskModel
from tests.proofs.counting import audit
from tests.proofs.recording import Recorder
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Counted, Endless, Line

pytestmark = [
    pytest.mark.alone,
    pytest.mark.no_cover,
    pytest.mark.django_db(transaction=True),
]

#: Seconds in which the request is answered: of processor time where other tests run beside it.
ANSWERED = 1.5
clock = time.process_time if "PYTEST_XDIST_WORKER" in os.environ else time.monotonic


@pytest.mark.parametrize("limit", ["tasks", "seconds"])
def test_a_loop_without_end_that_a_post_sets_off_is_answered_within_the_budget(
    limit: str, settings: Any, proof: Recorder
) -> None:
    ada = User.objects.create(username="ada")
    ada.user_permissions.add(Permission.objects.get(codename="view_effect"))
    client = Client()
    client.force_login(ada)
    if limit == "tasks":
        settings.ATM_BUDGET_TASKS, settings.ATM_BUDGET_SECONDS = 20, 60
    else:
        settings.ATM_BUDGET_TASKS = 100_000
    run = Endless()
    task = AutomationTaskModel.objects.get(automation=run.id, state="waiting")
    page = reverse("automations:task", args=[task.pk])
    begun = clock()
    response = client.post(page, {"approved": "on", "reason": "good"})
    took = clock() - begun
    passes = Effect.objects.filter(run=run.id).count()
    assert response.status_code == 302
    assert took < ANSWERED
    assert 1 < passes <= (20 if limit == "tasks" else 110)
    row = AutomationModel.objects.get(pk=run.id)
    assert (row.state, row.claimed_by) == ("running", "")

    # The scheduler goes on with it, and neither it nor others are held up.
    settings.ATM_SWEEP_TASKS = 30
    others: list[Counted] = [Line(autorun=False) for _ in range(3)]
    assert AutomationModel.run().ok
    assert passes < Effect.objects.filter(run=run.id).count() <= passes + 30
    assert audit(others).exact
    run = Endless(automation_id=run.id)
    run.data["enough"] = True
    run.save()
    assert AutomationModel.run().ok
    assert run.finished()
    counted = AutomationModel.objects.get(pk=run.id).data["count"]
    effects = Effect.objects.filter(run=run.id)
    assert counted == effects.count() == effects.values("task").distinct().count()
    done = f"a loop without end in a POST, its {limit} limited: answered in {took:.1f} s"
    proof("P20", done=done, exact=1)
