"""Django deletes a run with all that belongs to it, and nothing that others still point to."""

from __future__ import annotations

import pytest
from django.db.models import RestrictedError

from automations.models import AutomationModel, AutomationTaskModel
from tests.testapp.durable import Halting

pytestmark = pytest.mark.django_db


def test_a_run_that_has_passed_a_split_is_deleted_by_django_with_its_tasks() -> None:
    runs = [Halting(), Halting()]
    rows = AutomationTaskModel.objects.filter(automation__in=[run.id for run in runs])
    assert rows.exclude(fork=None).count() == 4
    AutomationModel.objects.get(pk=runs[0].id).delete()
    assert set(rows.values_list("automation", flat=True)) == {runs[1].id}
    AutomationModel.objects.filter(pk=runs[1].id).delete()
    assert not rows.exists()


def test_a_split_is_not_deleted_without_its_branches() -> None:
    run = Halting()
    rows = AutomationTaskModel.objects.filter(automation=run.id)
    before = set(rows.values_list("pk", "fork"))
    with pytest.raises(RestrictedError):
        rows.get(status="start").delete()
    assert set(rows.values_list("pk", "fork")) == before
