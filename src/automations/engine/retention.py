"""
Deleting the runs that have ended long ago, with everything that belongs to them.

The package's own tables are emptied with a few statements per batch and without loading rows, for
a run may have a million tasks; no signals are sent for them. What a project keeps about runs and
tasks is let go as its ``on_delete`` says, by Django.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from typing import Any

from django.db.models import CASCADE, ForeignObjectRel, Model, QuerySet
from django.db.models.deletion import Collector

from automations import settings
from automations.engine.locking import alias, atomic, for_update, runs, take_write_lock, tasks
from automations.models import AutomationModel
from automations.models.runs import RunState

#: Runs in these states are history; those stopped by an error are not, unless one says so.
ENDED = (RunState.FINISHED.value, RunState.CANCELLED.value)
#: States that a run can be deleted in.
DELETABLE = (*ENDED, RunState.FAILED.value)
BATCH, LARGEST_BATCH = 500, 10_000


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

    Yield, after each transaction of ``batch`` runs, how many rows of each model it has deleted.
    Runs that somebody is just working on are left for the next time. Raise `ValueError` if
    ``days`` or ``batch`` cannot be, or if a state is not one that runs end in.
    """
    before = ended_before(days)
    check(states, batch)
    last = 0
    while True:
        with atomic():
            take_write_lock()
            old = ended(before, states).filter(pk__gt=last).order_by("pk")
            found = for_update(old, skip_locked=True).values_list("pk", flat=True)
            ids = list(found[:batch])
            deleted = delete_runs(ids) if ids else Counter()
        if not ids:
            return
        yield deleted
        last = ids[-1]


def count_history(days: float, states: Collection[str] = ENDED) -> tuple[int, int]:
    """Return how many runs, and how many tasks of theirs, `delete_in_batches` would delete."""
    before = ended_before(days)
    check(states)
    old = ended(before, states)
    return old.count(), tasks().filter(automation__in=old).count()


def ended(before: datetime, states: Collection[str]) -> QuerySet[AutomationModel]:
    """Return the runs in ``states`` that have ended before that moment."""
    return runs().filter(finished=True, state__in=list(states), ended__lt=before)


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
    pointing = relations(AutomationModel)
    own = {relation.field.model: relation for relation in pointing if is_own(relation)}
    for model in leaves_first(own):
        field = own[model].field.name
        rows = model._base_manager.using(alias()).filter(**{f"{field}__in": ids})
        loose: dict[str, None] = {}
        for relation in relations(model):
            name = relation.field.name
            if relation.field.model is model:
                loose[name] = None  # one task of a run points to another
            else:
                let_go(relation, {f"{name}__{field}__in": ids}, deleted)
        if loose:
            rows.update(**loose)
        delete_rows(rows, deleted)
    for relation in pointing:
        if not is_own(relation):
            let_go(relation, {f"{relation.field.name}__in": ids}, deleted)
    delete_rows(runs().filter(pk__in=ids), deleted)
    return deleted


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
    if number := rows._raw_delete(alias()):
        deleted[rows.model._meta.label] += number
