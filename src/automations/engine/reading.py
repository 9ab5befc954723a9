"""
Reading a run and its open tasks under the lock, and what a Join asks.

By two statements, for what is open is to be read after the lock is there: a statement of PostgreSQL
or MariaDB that waits for a lock, or passes it over, reads other tables as they were before. On
SQLite the transaction has begun with the lock, and one statement reads both.
"""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from typing import Any

from automations.engine.locking import connection, lock_run, runs, tasks
from automations.engine.prepared import Prepared, Words, column
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.tasks import TaskState

#: The row of a run, and the rows of its open tasks.
RUN = Prepared(lambda key: runs().filter(pk=key))
OPEN_TASKS = Prepared(lambda key: tasks().open().filter(automation=key))


def lock_with_tasks(
    run_id: int, *, wait: bool
) -> tuple[AutomationModel | None, list[AutomationTaskModel]]:
    """Lock a run as `lock_run` does; return it and its open tasks, as they are under the lock."""
    both: list[AutomationTaskModel] | None = None

    def read(key: int) -> AutomationModel | None:
        nonlocal both
        run, both = read_both(key)
        return run

    run = lock_run(run_id, wait=wait, read=read)
    if run is None:
        return None, []
    if both is None:
        return run, open_tasks_of(run)
    return run, known_by(run, both)


def open_tasks_of(run: AutomationModel) -> list[AutomationTaskModel]:
    """Return the open tasks of ``run``, oldest first, each knowing it without another query."""
    return known_by(run, OPEN_TASKS.all(run.pk, connection()))


def known_by(run: AutomationModel, found: list[AutomationTaskModel]) -> list[AutomationTaskModel]:
    """Return the tasks, oldest first, each knowing its run."""
    found.sort(key=attrgetter("pk"))
    for task in found:
        task.automation = run
    return found


def read_both(run_id: int) -> tuple[AutomationModel | None, list[AutomationTaskModel]]:
    """Return the run and its open tasks, read by one statement of SQLite."""
    database = connection()
    run, open_tasks = RUN.words(database), OPEN_TASKS.words(database)
    width = max(len(run.columns), len(open_tasks.columns))
    words = f"{part(0, run, width)} UNION ALL {part(1, open_tasks, width)}"
    with database.cursor() as cursor:
        cursor.execute(words, [*run.params_for(run_id), *open_tasks.params_for(run_id)])
        rows = cursor.fetchall()
    first = run.objects((row[1:] for row in rows if not row[0]), database)
    return next(iter(first), None), open_tasks.objects(
        (row[1:] for row in rows if row[0]), database
    )


def part(which: int, words: Words[Any], width: int) -> str:
    """
    Return the words of a query as a part of one for other rows too, of so many columns.

    The driver goes by the type of a column, which is that of the first part. An expression, as
    ``+column`` is, has none; Django's own converters make of the values what is to be made.
    """
    columns = [f"+{column}" for column in words.columns]
    padding = ["NULL"] * (width - len(columns))
    return f"SELECT {', '.join([str(which), *columns, *padding])}{words.rest}"


def arrivals(fork_id: int, status: str) -> tuple[int | None, int, list[int]]:
    """
    Return the Split around the Split ``fork_id``, how many branches it has opened, and arrivals.

    These are the tasks at the Join ``status`` where its branches have ended, the oldest first.
    """
    database = connection()
    with database.cursor() as cursor:
        given: list[Any] = [fork_id, fork_id, fork_id, status, TaskState.MERGED.value]
        cursor.execute(arrivals_words(database.vendor), given)
        rows = cursor.fetchall()
    (outer, expected), *arrived = sorted(rows, key=lambda row: row[1] is None)
    return outer, expected, sorted(key for key, _ in arrived)


@cache
def arrivals_words(vendor: str) -> str:
    """Return the words of what a Join asks: about its Split, and which branches have arrived."""
    quote, model = connection().ops.quote_name, AutomationTaskModel
    table, key = quote(model._meta.db_table), quote(column(model, "pk"))
    previous, fork = quote(column(model, "previous")), quote(column(model, "fork"))
    status, state = quote("status"), quote("state")
    opened = f"(SELECT COUNT(*) FROM {table} WHERE {previous} = %s)"  # noqa: S608 - no input
    split = f"SELECT {fork}, {opened} FROM {table} WHERE {key} = %s"  # noqa: S608 - no input
    merged = f"{fork} = %s AND {status} = %s AND {state} = %s"
    return f"{split} UNION ALL SELECT {key}, NULL FROM {table} WHERE {merged}"  # noqa: S608 - ditto
