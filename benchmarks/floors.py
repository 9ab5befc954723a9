"""
The floors: the least that a step can cost, written by hand.

F1 is one Django transaction per task, with one INSERT of a task row and one UPDATE of the run; F1b
the same statements, ten tasks in one transaction; F2 is F1 on the raw driver, with the statements
that Django has made for F1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from automations.models import AutomationModel, AutomationTaskModel

#: Tasks that share a transaction in F1b.
TOGETHER = 10

Statement = tuple[str, Sequence[Any]]


def a_run() -> AutomationModel:
    """Make the run to which the tasks of a floor belong."""
    return AutomationModel.objects.create(automation_class="benchmarks.floor", due=timezone.now())


def task_of(run: AutomationModel) -> None:
    """Write the two statements of one task."""
    now = timezone.now()
    AutomationTaskModel.objects.create(
        automation=run,
        status="step",
        state="completed",
        message="",
        result="done",
        created=now,
        finished=now,
    )
    AutomationModel.objects.filter(pk=run.pk).update(due=now, updated=now)


def f1(steps: int) -> None:
    """Do so many tasks, each in a transaction of its own."""
    run = a_run()
    for _ in range(steps):
        with transaction.atomic():
            task_of(run)


def f1b(steps: int) -> None:
    """Do so many tasks, ten in a transaction."""
    run = a_run()
    for _ in range(steps // TOGETHER):
        with transaction.atomic():
            for _ in range(TOGETHER):
                task_of(run)


def f2(steps: int) -> None:
    """Do so many tasks on the raw driver, each in a transaction of its own."""
    raw, (insert, update) = connection.connection, statements(a_run())
    if connection.vendor == "sqlite":
        # The driver is told to begin nothing by itself, as by Django.
        for _ in range(steps):
            raw.execute("BEGIN IMMEDIATE")
            raw.execute(*insert).fetchone()
            raw.execute(*update)
            raw.execute("COMMIT")
        return
    raw.autocommit = False
    try:
        with raw.cursor() as cursor:
            for _ in range(steps):
                cursor.execute(*insert)
                cursor.fetchone()
                cursor.execute(*update)
                raw.commit()
    finally:
        raw.rollback()
        raw.autocommit = True


def statements(run: AutomationModel) -> list[Statement]:
    """Return what Django tells the driver for one task, which is undone."""
    told: list[Statement] = []

    def note(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        told.append((sql, params))
        return execute(sql, params, many, context)

    with transaction.atomic():
        with connection.execute_wrapper(note):
            task_of(run)
        transaction.set_rollback(True)
    if connection.vendor == "sqlite":
        return [(sql % (("?",) * len(params)), params) for sql, params in told]
    return told
