"""
What every step writes, in words that are put together once.

Django works out the words of each statement anew, which takes longer than the database needs for
it. Here they are kept by what they are about; the values are made ready by the fields, as for any
other statement. What needs more than that, an expression or a field with a way of its own to
be written, and a database that does not say which keys it has given, is left to Django.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Model

from automations.engine.locking import alias, connection, runs, tasks
from automations.engine.prepared import column
from automations.models import AutomationModel, AutomationTaskModel

#: What differs from one task that is opened to the next; all else is as its field has it at first.
OPENED = (
    *("automation_id", "previous_id", "fork_id", "status", "state", "created", "due", "finished"),
)

#: Where the values of an insert come, of as many rows as there are.
VALUES = "{values}"


def update_task(
    key: int, state: str, changes: Mapping[str, Any], opened: Sequence[AutomationTaskModel] = ()
) -> bool:
    """
    Write ``changes`` to the task if it is still in ``state``, and insert those that it opens.

    Return whether it was; if not, what was to be opened may be there and is to be undone. On
    PostgreSQL both are one statement.
    """
    database = connection()
    model: Any = AutomationTaskModel
    words = update_words(database.vendor, model, tuple(changes), "state")
    if words is None or any(map(is_expression, changes.values())):
        done = bool(tasks().filter(pk=key, state=state).update(**changes))
        if done and opened:
            insert_tasks(opened)
        return done
    values = made_ready(model, changes, database)
    values += [key, str(state)]
    insert = insert_words(database.vendor, model) if opened else None
    if insert is not None and database.vendor == "postgresql":
        closed = f"WITH closed AS ({words} RETURNING 1)"
        both = f"{closed} {insert}, (SELECT COUNT(*) FROM closed)"  # noqa: S608 - no input
        given = inserted(database, both, opened, values)
        return all(row[1] for row in given)
    with database.cursor() as cursor:
        cursor.execute(words, values)
        done = bool(cursor.rowcount)
    if done and opened:
        insert_tasks(opened)
    return done


def update_run(key: int, changes: Mapping[str, Any], *, new_data: bool) -> bool:
    """
    Write ``changes`` to a run that has not ended, and a new version with ``new_data``.

    Return whether it was there.
    """
    database = connection()
    model: Any = AutomationModel
    grown = "version" if new_data else ""
    words = update_words(database.vendor, model, tuple(changes), "finished", grown)
    if words is None or any(map(is_expression, changes.values())):
        more = {"version": F("version") + 1} if new_data else {}
        return bool(runs().filter(pk=key, finished=False).update(**changes, **more))
    with database.cursor() as cursor:
        cursor.execute(words, [*made_ready(model, changes, database), key, False])
        return bool(cursor.rowcount)


def update_all(
    model: Any, keys: Sequence[int], guard: tuple[str, Any], changes: Mapping[str, Any]
) -> int:
    """
    Write the same ``changes`` to all these rows, in one statement; return how many there were.

    ``guard`` is a column, and the value that it must have.
    """
    database = connection()
    name, wanted = guard
    words = update_words(database.vendor, model, tuple(changes), name, number=len(keys))
    if words is None or any(map(is_expression, changes.values())):
        rows = model._base_manager.using(alias()).filter(pk__in=keys, **{name: wanted})
        return int(rows.update(**changes))
    values = [
        *made_ready(model, changes, database),
        *keys,
        *made_ready(model, {name: wanted}, database),
    ]
    with database.cursor() as cursor:
        cursor.execute(words, values)
        return int(cursor.rowcount)


def is_expression(value: Any) -> bool:
    """Return whether only the database knows what the value comes to."""
    return hasattr(value, "resolve_expression")


def made_ready(model: Any, changes: Mapping[str, Any], database: BaseDatabaseWrapper) -> list[Any]:
    """Return the values as the database takes them."""
    find = model._meta.get_field
    return [find(name).get_db_prep_save(value, database) for name, value in changes.items()]


def insert_tasks(rows: Sequence[AutomationTaskModel]) -> None:
    """Insert tasks that are opened, all in one statement, and give each its key."""
    database = connection()
    model: Any = AutomationTaskModel
    words = insert_words(database.vendor, model)
    if words is None or not database.features.can_return_rows_from_bulk_insert:
        tasks().bulk_create(rows)
        return
    inserted(database, words, rows)


def inserted(
    database: BaseDatabaseWrapper,
    words: str,
    rows: Sequence[AutomationTaskModel],
    before: Sequence[Any] = (),
) -> list[tuple[Any, ...]]:
    """
    Insert the rows by these words, and give each its key; return what the database has returned.

    ``before`` are the values of what the words have before those of the rows.
    """
    model: Any = AutomationTaskModel
    usual = usual_values(database)
    values = list(before)
    for row in rows:
        own = list(usual)
        for at, field in differing(model):
            own[at] = field.get_db_prep_save(getattr(row, field.attname), database)
        values += own
    one = f"({', '.join(['%s'] * len(usual))})"
    with database.cursor() as cursor:
        cursor.execute(words.replace(VALUES, ", ".join([one] * len(rows))), values)
        given = cursor.fetchall()
    for row, (key, *_) in zip(rows, given, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, alias()
    return list(given)


@cache
def update_words(
    vendor: str,
    model: type[Model],
    names: tuple[str, ...],
    guard: str,
    grown: str = "",
    number: int = 1,
) -> str | None:
    """
    Return the words of an update of the columns, by key and ``guard``; None: ask Django.

    One is added to the column ``grown``, if one is named; ``number`` is how many keys there are.
    """
    fields = [model._meta.get_field(name) for name in names]
    if any(hasattr(field, "get_placeholder") for field in fields):
        return None
    quote = connection().ops.quote_name
    table, key, guard = map(quote, (model._meta.db_table, column(model, "pk"), guard))
    columns = [f"{quote(column(model, name))} = %s" for name in names]
    if grown:
        columns.append(f"{quote(grown)} = {quote(grown)} + 1")
    words = f"UPDATE {table} SET {', '.join(columns)}"  # noqa: S608 - no input
    keys = "= %s" if number == 1 else f"IN ({', '.join(['%s'] * number)})"
    return f"{words} WHERE {key} {keys} AND {guard} = %s"


@cache
def insert_words(vendor: str, model: type[Model]) -> str | None:
    """Return the words of an insert, with one place for all values; None: ask Django."""
    fields = written(model)
    if any(hasattr(field, "get_placeholder") for field in fields):
        return None
    quote = connection().ops.quote_name
    table, key = map(quote, (model._meta.db_table, column(model, "pk")))
    columns = ", ".join(quote(field.column) for field in fields)
    return f"INSERT INTO {table} ({columns}) VALUES {VALUES} RETURNING {key}"  # noqa: S608 - no input


@cache
def written(model: type[Model]) -> tuple[Any, ...]:
    """Return the fields that an insert writes: all but the key, which the database gives."""
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


@cache
def differing(model: type[Model]) -> tuple[tuple[int, Any], ...]:
    """Return those of the fields that an insert writes of which each row has its own, and where."""
    return tuple((at, field) for at, field in enumerate(written(model)) if field.attname in OPENED)


def usual_values(database: BaseDatabaseWrapper) -> tuple[Any, ...]:
    """Return what an insert writes to the columns of a task that has only been opened."""
    if database.vendor not in _usual:
        blank, model = AutomationTaskModel(), AutomationTaskModel
        _usual[database.vendor] = tuple(
            field.get_db_prep_save(getattr(blank, field.attname), database)
            for field in written(model)
        )
    return _usual[database.vendor]


_usual: dict[str, tuple[Any, ...]] = {}
