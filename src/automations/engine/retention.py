"""
Deleting the runs that have ended long ago, with everything that belongs to them.

The package's own tables are emptied with a few statements per batch and without loading rows, for
a run may have a million tasks; no signals are sent for them. No statement and no transaction grows
with the tables: runs are looked through a stride at a time, and of a long run a part of its rows
is deleted at a time, the newest first, since rows point to older ones. What a project keeps about
runs and tasks is let go as its ``on_delete`` says, by Django.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial
from graphlib import TopologicalSorter
from itertools import islice
from typing import Any

from django.db.models import CASCADE, Count, ForeignObjectRel, Model, QuerySet
from django.db.models.deletion import Collector

from automations import settings
from automations.engine.locking import (
    alias,
    atomic,
    connection,
    for_update,
    runs,
    take_write_lock,
    tasks,
)
from automations.models import AutomationModel
from automations.models.runs import RunState

#: Runs in these states are history; those stopped by an error are not, unless one says so.
ENDED = (RunState.FINISHED.value, RunState.CANCELLED.value)
#: States that a run can be deleted in.
DELETABLE = (*ENDED, RunState.FAILED.value)
BATCH, LARGEST_BATCH = 500, 10_000
#: Runs that one statement looks at, and rows of a table that one transaction deletes.
STRIDE, MANY = 10_000, 1_000
#: Rows of a run that one statement puts into order.
LONG = 100_000


def delete_history(
    days: float = 30, states: Collection[str] = ENDED, batch: int = BATCH
) -> Counter[str]:
    """Do what `delete_in_batches` does, wholly; return how many rows of each model are gone."""
    return sum(delete_in_batches(days, states, batch), Counter())


def delete_in_batches(
    days: float, states: Collection[str] = ENDED, batch: int = BATCH
) -> Iterator[Counter[str]]:
    """
    Delete the runs in ``states`` that have ended more than ``days`` days ago, in process time.

    Yield, after each transaction, how many rows of each model it has deleted: ``batch`` runs, or
    fewer if they have many tasks. Runs that somebody is just working on are left for the next time.
    Raise `ValueError` if ``days`` or ``batch`` cannot be, or if runs do not end in one of
    ``states``.
    """
    before = ended_before(days)
    check(states, batch)
    old = partial(is_old, before=before, states=states)
    for ids in batched(found(old), batch):
        sizes = sizes_of(ids)
        for some in together(ids, sizes):
            if sizes[some[0]] > MANY:
                yield from shorten(some[0], old)
            with atomic():
                free = locked(some, old)
                deleted = delete_runs(free) if free else Counter()
            if free:
                yield deleted


def is_old(state: str, ended: datetime | None, before: datetime, states: Collection[str]) -> bool:
    """Return whether a run in ``state`` that has ended then is in ``states`` since ``before``."""
    return state in states and ended is not None and ended < before


def found(old: Callable[[str, Any], bool]) -> Iterator[int]:
    """
    Yield the runs that are ``old``, by their keys.

    Decided here, so that no database is led to another index than that of the keys.
    """
    last = 0
    while True:
        rows = runs().filter(pk__gt=last).order_by("pk").values_list("pk", "state", "ended")
        stride = list(rows[:STRIDE])
        yield from (pk for pk, state, ended in stride if old(state, ended))
        if len(stride) < STRIDE:
            return
        last = stride[-1][0]


def batched(ids: Iterable[int], size: int) -> Iterator[list[int]]:
    """Yield the keys in lists of that size."""
    left = iter(ids)
    while some := list(islice(left, size)):
        yield some


def together(ids: list[int], sizes: Counter[int]) -> Iterator[list[int]]:
    """Yield the runs in lists with no more rows than are deleted at a time; long ones alone."""
    some: list[int] = []
    room = MANY
    for run_id in ids:
        if some and sizes[run_id] > room:
            yield some
            some, room = [], MANY
        some.append(run_id)
        room -= sizes[run_id]
    yield some


def sizes_of(ids: list[int]) -> Counter[int]:
    """Return how many rows belong to each of the runs."""
    sizes: Counter[int] = Counter()
    for model, relation in own_relations().items():
        name = relation.field.name
        rows = model._base_manager.using(alias()).filter(**{f"{name}__in": ids})
        counted = rows.order_by().values_list(name).annotate(number=Count("pk"))
        sizes.update(dict(counted))
    return sizes


def locked(ids: Collection[int], old: Callable[[str, Any], bool]) -> list[int]:
    """Lock those of the runs that are still ``old`` and that nobody works on; return them."""
    take_write_lock()
    rows = for_update(runs().filter(pk__in=ids).order_by("pk"), skip_locked=True)
    free = rows.values_list("pk", "state", "ended")
    return [pk for pk, state, ended in free if old(state, ended)]


def shorten(run_id: int, old: Callable[[str, Any], bool]) -> Iterator[Counter[str]]:
    """
    Delete the newest rows of a long run, each time in a transaction, until few are left.

    What must not lose the run, or one of its tasks, is asked before anything is deleted.
    """
    own = own_relations()
    asked = False
    for model in leaves_first(own):
        for keys in newest_first(model, own[model].field.name, run_id):
            deleted: Counter[str] = Counter()
            with atomic():
                if not locked([run_id], old):
                    return
                if not asked:
                    let_go_of([run_id], deleted)
                    asked = True
                empty(model, {"pk__in": keys}, deleted)
            yield deleted


def newest_first(model: type[Model], name: str, run_id: int) -> Iterator[list[int]]:
    """
    Yield the keys of the newest rows of a run, many at a time; a few of them, the oldest, stay.

    Each list is to be deleted before the next. A run with more rows than are put into order is
    looked for among all rows, a stride at a time: no index has its rows in the order of their keys.
    """
    everything = model._base_manager.using(alias()).order_by("-pk")
    rows, older = everything.filter(**{name: run_id}), everything
    keys: list[int] = []
    past = rows.order_by().values_list("pk")[LONG : LONG + 1]
    while list(past.all()) and (stride := list(older.values_list("pk", name)[:STRIDE])):
        older = everything.filter(pk__lt=stride[-1][0])
        keys += [pk for pk, its_run in stride if its_run == run_id]
        while len(keys) >= MANY:
            yield keys[:MANY]
            keys = keys[MANY:]
    rest = list(rows.values_list("pk", flat=True)[:LONG])
    for at in range(0, len(rest) - MANY, MANY):
        yield rest[at : at + MANY]


def count_history(days: float, states: Collection[str] = ENDED) -> tuple[int, int]:
    """Return how many runs, and how many tasks of theirs, `delete_in_batches` would delete."""
    before = ended_before(days)
    check(states)
    its_runs = its_tasks = 0
    for ids in batched(found(partial(is_old, before=before, states=states)), BATCH):
        its_runs += len(ids)
        its_tasks += tasks().filter(automation__in=ids).count()
    return its_runs, its_tasks


def ended_before(days: float) -> datetime:
    """Return the moment ``days`` ago. Raise `ValueError` if that is none."""
    try:
        if not isinstance(days, bool) and days >= 0:
            return settings.now() - timedelta(days=days)
    except (TypeError, OverflowError):
        pass
    raise ValueError(
        f"{days!r} is no number of days that can be counted back from now: give one from 0, such "
        f"as 30."
    )


def check(states: Collection[str], batch: int = BATCH) -> None:
    """Raise `ValueError` if runs in one of ``states`` must stay, or ``batch`` cannot be."""
    if wrong := sorted(set(states) - set(DELETABLE)):
        raise ValueError(
            f"Runs that are {', '.join(map(str, wrong))} are not deleted; states that can be: "
            f"{', '.join(DELETABLE)}."
        )
    if not 1 <= batch <= LARGEST_BATCH:
        raise ValueError(f"{batch} runs make no batch: give a number from 1 to {LARGEST_BATCH}.")


def delete_runs(ids: list[int]) -> Counter[str]:
    """
    Delete these runs with all that belongs to them, inside a transaction that has locked them.

    Return how many rows of each model were deleted, by its label.
    """
    deleted: Counter[str] = Counter()
    own = own_relations()
    for model in leaves_first(own):
        empty(model, {f"{own[model].field.name}__in": ids}, deleted)
    for relation in relations(AutomationModel):
        if not is_own(relation):
            let_go(relation, {f"{relation.field.name}__in": ids}, deleted)
    delete_rows(runs().filter(pk__in=ids), deleted)
    return deleted


def empty(model: type[Model], condition: dict[str, Any], deleted: Counter[str]) -> None:
    """Delete the rows of the model, once whatever points to them is let go."""
    rows = model._base_manager.using(alias()).filter(**condition)
    keys = list(rows.values_list("pk", flat=True)[: MANY + 1])
    if not keys:
        return
    if len(keys) <= MANY:
        # With the keys at hand no database goes through all that points to rows of this kind.
        condition = {"pk__in": keys}
        rows = model._base_manager.using(alias()).filter(**condition)
    loose: dict[str, None] = {}
    for relation in relations(model):
        name = relation.field.name
        if relation.field.model is model:
            loose[name] = None  # one task of a run points to another
        else:
            let_go(relation, {f"{name}__{key}": value for key, value in condition.items()}, deleted)
    if loose and not connection().features.can_defer_constraint_checks:
        rows.update(**loose)
    delete_rows(rows, deleted)


def let_go_of(ids: list[int], deleted: Counter[str]) -> None:
    """Do what ``on_delete`` says with what a project keeps about the runs and their rows."""
    own = own_relations()
    ways: dict[type[Model], str] = {AutomationModel: "pk"}
    ways.update({model: relation.field.name for model, relation in own.items()})
    for model, way in ways.items():
        for relation in relations(model):
            if relation.field.model not in own:
                let_go(relation, {f"{relation.field.name}__{way}__in": ids}, deleted)


def own_relations() -> dict[type[Model], ForeignObjectRel]:
    """Return by which relation the rows of each table of the package belong to a run."""
    pointing = relations(AutomationModel)
    return {relation.field.model: relation for relation in pointing if is_own(relation)}


def relations(model: type[Model]) -> list[ForeignObjectRel]:
    """Return the foreign keys that point to ``model``, hidden ones included."""
    return [
        field
        for field in model._meta.get_fields(include_hidden=True)
        if isinstance(field, ForeignObjectRel) and (field.one_to_many or field.one_to_one)
    ]


def is_own(relation: ForeignObjectRel) -> bool:
    """Return whether this is a table of the package whose rows are deleted with their run."""
    app = AutomationModel._meta.app_label
    return relation.field.model._meta.app_label == app and relation.on_delete is CASCADE


def leaves_first(own: Collection[type[Model]]) -> Iterable[type[Model]]:
    """Return the models in such an order that whatever points to one of them comes before it."""
    graph = {
        model: {
            relation.field.model
            for relation in relations(model)
            if relation.field.model in own and relation.field.model is not model
        }
        for model in own
    }
    return TopologicalSorter(graph).static_order()


def let_go(relation: ForeignObjectRel, condition: dict[str, Any], deleted: Counter[str]) -> None:
    """Do what ``on_delete`` says with the rows that point to what is about to be deleted."""
    rows = relation.field.model._base_manager.using(alias()).filter(**condition)
    if rows.exists():
        collector = Collector(using=alias(), origin=rows)
        on_delete: Any = relation.on_delete  # a foreign key has one
        on_delete(collector, relation.field, rows, alias())
        deleted.update(collector.delete()[1])


def delete_rows(rows: QuerySet[Any], deleted: Counter[str]) -> None:
    """Delete ``rows`` in one statement, and count them."""
    deleted[rows.model._meta.label] += rows._raw_delete(alias())
