"""The audit: every effect of every run is there, exactly once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from automations.models import AutomationModel, AutomationTaskModel
from tests.testapp.models import Effect
from tests.testapp.proof_processes import Counted


@dataclass
class Audit:
    """What was found: runs that are stuck, effects that are lost or doubled."""

    runs: int
    stuck: list[int]
    lost: list[int]
    doubled: list[tuple[int, str, int | None]]

    @property
    def exact(self) -> bool:
        """Whether nothing is stuck, lost or doubled."""
        return not (self.stuck or self.lost or self.doubled)

    def numbers(self) -> dict[str, int]:
        """Return how many runs there were, were exact, and were wrong in which way."""
        doubled = {run for run, _, _ in self.doubled}
        return {
            "runs": self.runs,
            "exact": self.runs - len(doubled.union(self.stuck, self.lost)),
            "stuck": len(self.stuck),
            "lost": len(self.lost),
            "doubled": len(doubled),
        }


def audit(runs: list[Counted]) -> Audit:
    """Count what the runs have left."""
    keys = [run.id for run in runs]
    effects = Counter(Effect.objects.filter(run__in=keys).values_list("run", "node", "task"))
    per_run = Counter(run for run, _, _ in effects.elements())
    finished = set(
        AutomationModel.objects.filter(pk__in=keys, state="finished").values_list("pk", flat=True)
    )
    open_tasks = set(
        AutomationTaskModel.objects.open()
        .filter(automation__in=keys)
        .values_list("automation", flat=True)
    )
    return Audit(
        runs=len(keys),
        stuck=[run.id for run in runs if run.id not in finished or run.id in open_tasks],
        lost=[run.id for run in runs if per_run[run.id] < run.effects],
        doubled=[key for key, count in effects.items() if count > 1]
        + [(run.id, "*", None) for run in runs if per_run[run.id] > run.effects],
    )
