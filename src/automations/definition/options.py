"""What the inner class ``Meta`` of an automation says about how it runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import Any

from django.forms import BaseForm

from automations.definition.problems import Problem
from automations.definition.recurrence import Cron

#: How many closed tasks an endless run keeps unless ``Meta.keep_history`` says otherwise.
KEPT = 1000


@dataclass(frozen=True)
class Options:
    """
    The options of one automation.

    An ``abstract`` one is only there to be extended. ``schedule`` starts a run at each of its
    times; ``former_names`` are dotted paths that runs may still carry; ``keep_history`` is how
    many closed tasks of a run are kept each time it comes to a `Repeat` (None: all).
    ``commit_every`` is how many tasks of a run may share a transaction (None: as
    ``ATM_COMMIT_EVERY`` says). ``dispatcher`` says where its runs are worked on ("": as the
    settings say). ``subject`` tells one run from another where people read, with entries of its
    data in braces: ``"{title} for {name}"``. Whoever has ``start_permission`` may start a run by
    hand, with what is entered in ``start_form``; everybody who is logged in, if only the form is
    given. What cannot be meant is kept in ``wrong``, for the check.
    """

    abstract: bool = False
    schedule: Cron | None = None
    former_names: tuple[str, ...] = ()
    keep_history: int | None = KEPT
    commit_every: int | None = None
    dispatcher: str = ""
    subject: str = ""
    start_form: Any = None
    start_permission: str = ""
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
        every = _first("commit_every", [own, *inherited], None)
        if every is not None and (
            not isinstance(every, int) or isinstance(every, bool) or every < 1
        ):
            wrong.append(("commit_every", every))
            every = None
        where = _first("dispatcher", [own, *inherited], "")
        if not isinstance(where, str):
            wrong.append(("dispatcher", where))
            where = ""
        subject = _first("subject", [own, *inherited], "")
        if not is_subject(subject):
            wrong.append(("subject", subject))
            subject = ""
        form = _first("start_form", [own, *inherited], None)
        if form is not None and not (isinstance(form, type) and issubclass(form, BaseForm)):
            wrong.append(("start_form", form))
            form = None
        right = _first("start_permission", [own, *inherited], "")
        if not isinstance(right, str) or (right and "." not in right):
            wrong.append(("start_permission", right))
            # Nobody has it: what was meant to be guarded is not open to all.
            form, right = None, ""
        abstract_one = bool(said.get("abstract"))
        return cls(
            abstract=abstract_one,
            schedule=schedule,
            former_names=tuple(names),
            keep_history=kept,
            commit_every=every,
            dispatcher=where,
            subject=subject,
            start_form=form,
            start_permission=right,
            wrong=tuple(wrong),
        )

    @property
    def by_hand(self) -> bool:
        """Whether people may start runs."""
        return not self.abstract and bool(self.start_form or self.start_permission)

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
    "subject": 'a text with entries of the data in braces, "{title} for {name}"',
    "start_form": "a form class",
    "start_permission": "the name of a permission, 'app_label.codename'",
    "commit_every": "a whole number of tasks from 1, or None for the setting",
    "keep_history": "a whole number of tasks, or None to keep all",
}


def is_subject(value: Any) -> bool:
    """Return whether ``value`` is a text with names in braces and nothing else of a format."""
    if not isinstance(value, str):
        return False
    try:
        parts = list(Formatter().parse(value))
    except ValueError:
        return False
    # Two underscores would be more than a name where the data is searched.
    return all(
        name is None or (name.isidentifier() and "__" not in name and not spec and not conversion)
        for _, name, spec, conversion in parts
    )


def subject_fields(subject: str) -> list[str]:
    """Return the names in braces."""
    return list(dict.fromkeys(name for _, name, _, _ in Formatter().parse(subject) if name))


def _first(name: str, metas: Iterable[Any], default: Any) -> Any:
    for meta in metas:
        if meta is not None and hasattr(meta, name):
            return getattr(meta, name)
    return default
