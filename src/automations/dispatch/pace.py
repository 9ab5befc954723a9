"""How long the work of each class takes, as far as this process has seen: which is quick."""

from __future__ import annotations

#: Runs of a class are quick if the work in one takes less than so many seconds, seen at least so
#: often. What the engine itself takes does not count: it is less in a shared transaction.
QUICK, OFTEN = 0.005, 3
#: How much the newest one counts.
WEIGHT = 0.2


class Pace:
    """The rolling time that the work in a run of each class takes while it is looked at."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, float]] = {}

    def note(self, label: str, seconds: float) -> None:
        """Note that the work in a run of the class has taken so long."""
        times, rolling = self._seen.get(label, (0, seconds))
        self._seen[label] = times + 1, rolling + WEIGHT * (seconds - rolling)

    def is_quick(self, label: str) -> bool:
        """Return whether the runs of the class are known to take but a moment."""
        times, rolling = self._seen.get(label, (0, 0.0))
        return times >= OFTEN and rolling < QUICK


pace = Pace()
