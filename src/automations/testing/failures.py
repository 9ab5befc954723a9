"""Errors in a process under test: the test's own, unless it wants incidents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.test import override_settings

from automations.engine.locking import tasks
from automations.engine.witnesses import Witness, seen_by
from automations.models import AutomationTaskModel
from automations.models.tasks import TaskState

#: Seconds that a request may take in a test: where a run stands must not depend on the machine.
PATIENCE = 3600


class Failures(Witness):
    """What tasks have failed with; ``incidents`` says that this is as it should be."""

    def __init__(self, *, incidents: bool = False) -> None:
        self.incidents = incidents
        self.found: list[tuple[int, BaseException]] = []

    def failed(self, task: AutomationTaskModel, error: BaseException) -> None:
        if _collecting[-1] is self:  # blocks may be nested
            self.found.append((task.pk, error))

    def surface(self, *, incidents: bool = False) -> None:
        """Raise the first error, as it was raised, unless incidents are wanted; forget all."""
        found, self.found = self.found, []
        if not found or incidents or self.incidents:
            return
        rows = tasks().filter(pk__in=[key for key, _ in found], state=TaskState.FAILED)
        # What has failed in a transaction that was undone has not failed.
        failed = rows.select_related("automation").in_bulk()
        left = [(failed[key], error) for key, error in found if key in failed]
        if left:
            first = left[0][1]
            for task, _ in left:
                run = task.automation
                first.add_note(f"{task.status} of {run.automation_class} {run.pk} has failed.")
            raise first


_collecting: list[Failures] = []


@contextmanager
def collecting(*, incidents: bool) -> Iterator[Failures]:
    """Collect what fails in the block, and raise it at its end unless ``incidents`` are wanted."""
    failures = Failures(incidents=incidents)
    _collecting.append(failures)
    try:
        with override_settings(ATM_BUDGET_SECONDS=PATIENCE), seen_by(failures):
            yield failures
    finally:
        _collecting.remove(failures)
    failures.surface()


@contextmanager
def surfacing(*, incidents: bool = False) -> Iterator[None]:
    """Raise at the end of the block what has failed since the last one, or in it."""
    if not _collecting:
        with collecting(incidents=incidents):
            yield
        return
    failures = _collecting[-1]
    yield
    failures.surface(incidents=incidents)
