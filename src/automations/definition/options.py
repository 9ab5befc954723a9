"""What the inner class ``Meta`` of an automation says about how it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from automations.definition.problems import Problem
from automations.definition.recurrence import Cron

#: How many closed tasks an endless run keeps unless ``Meta.keep_history`` says otherwise.
KEPT = 1000


@dataclass(frozen=True)
class Options:
    """
    The options of one automation.

    An ``abstract`` one is only there to be extended. ``schedule`` starts a run at each of its
    times; ``former_names`` are dotted paths that runs
    may still carry; ``keep_history`` is how many closed tasks of a run are kept each time it
    comes to a `Repeat` (None: all). ``dispatcher`` says where its runs are worked on ("": as the
    settings say). What cannot be meant is kept in ``wrong``, for the check.
    """

    abstract: bool = False
    schedule: Cron | None = None
    former_names: tuple[str, ...] = ()
    keep_history: int | None = KEPT
    dispatcher: str = ""
    wrong: tuple[tuple[str, Any], ...] = field(default=())

    @classmethod
    def read(cls, own: Any, inherited: Iterable[Any], abstract: Iterable[Any] = ()) -> Options:
        """
        Return what ``Meta`` says: ``own`` is the class's own, ``inherited`` those of its bases.

        A schedule, former names and being abstract belong to one class, also if its ``Meta``
        extends that of a base; those that are ``abstract`` hand their schedule on.
        """
        wrong: list[tuple[str, Any]] = []
        schedule = _first("schedule", [own, *abstract], None)
        if schedule is not None and not isinstance(schedule, Cron):
            wrong.append(("schedule", schedule))
            schedule = None
        said: Mapping[str, Any] = vars(own) if own else {}
        names = said.get("former_names", ())
        if isinstance(names, str) or not all(isinstance(name, str) for name in names):
            wrong.append(("former_names", names))
            names = ()
        kept = _first("keep_history", [own, *inherited], KEPT)
        if kept is not None and (not isinstance(kept, int) or isinstance(kept, bool) or kept < 0):
            wrong.append(("keep_history", kept))
            kept = KEPT
        where = _first("dispatcher", [own, *inherited], "")
        if not isinstance(where, str):
            wrong.append(("dispatcher", where))
            where = ""
        abstract_one = bool(said.get("abstract"))
        return cls(abstract_one, schedule, tuple(names), kept, where, tuple(wrong))

    def problems(self, label: str) -> Iterator[Problem]:
        """Yield what is wrong with the options of the automation ``label``."""
        for name, value in self.wrong:
            yield Problem(
                "E127", f"Meta.{name} of {label} cannot be {value!r}.", f"Give {WANTED[name]}."
            )
        if self.schedule and (problem := self.schedule.problem()):
            yield Problem(
                "E127",
                f"Meta.schedule of {label} cannot be used: {problem}",
                f"Give {WANTED['schedule']}.",
            )


WANTED = {
    "schedule": 'flow.Cron("0 9 * * MON")',
    "former_names": 'a list of dotted paths, ["shop.automations.Order"]',
    "dispatcher": 'the name of a dispatcher, "celery"',
    "keep_history": "a whole number of tasks, or None to keep all",
}


def _first(name: str, metas: Iterable[Any], default: Any) -> Any:
    for meta in metas:
        if meta is not None and hasattr(meta, name):
            return getattr(meta, name)
    return default
