"""The goals, and whether a measure meets its own."""

from __future__ import annotations

from typing import Any

#: By work, name and unit: the most that is allowed, on each database or on all of them.
GOALS: dict[tuple[str, str, str], float | dict[str, float]] = {
    ("W1", "bursts", "x F1"): {"sqlite-full": 0.9, "sqlite-normal": 1.2, "postgresql": 1.0},
    ("W1", "commit per task", "x F1"): {"postgresql": 1.6},
    ("W1", "bursts", "statements a step"): 2.5,
    ("W1", "commit per task", "statements a step"): 4,
    ("W2", "bursts", "x F1"): {"sqlite-full": 1.3, "sqlite-normal": 2.0, "postgresql": 1.8},
    ("W3", "idle sweep", "statements"): 2,
    ("W3", "idle sweep", "ms"): 3,
    ("W4", "inbox", "queries"): 6,
    ("W4", "inbox", "ms"): 50,
    ("W5", "1 process", "s"): 10,
    ("W5", "2 processes", "s"): 6,
    ("W5", "1 process", "not once"): 0,
    ("W5", "2 processes", "not once"): 0,
    ("W6", "page of a run", "queries"): 8,
    ("W6", "page of a run", "ms"): 100,
    ("W7", "import", "ms"): 30,
    ("W7", "import", "MiB"): 4,
}

#: What F2 takes of F1's time on a quiet machine: far from it, the figures beside it say little.
SANE = {"sqlite-full": 0.33, "sqlite-normal": 0.14, "postgresql": 0.57}

#: Milliseconds of a step of F1 there. Goals in seconds were set for a machine as quick as that.
QUICK_F1 = {"sqlite-full": 0.69, "sqlite-normal": 0.43, "postgresql": 1.49}


def goal_of(measure: dict[str, Any], database: str) -> float | None:
    """Return the goal of a measure; None if it has none. A number in the name is a size."""
    name = measure["name"].partition(",")[0]
    goal = GOALS.get((measure["work"], name, measure["unit"]))
    return goal.get(database) if isinstance(goal, dict) else goal


def judged(measure: dict[str, Any], database: str) -> dict[str, Any]:
    """Return the measure with its goal, and whether that is met."""
    goal = goal_of(measure, database)
    met = None if goal is None else measure["value"] <= goal
    return {**measure, "database": database, "goal": goal, "met": met}
