"""
The two statements that every step makes, in words that are put together once.

Django works out the words of each statement anew, which takes longer than the database needs for
it. Here they are kept by what they are about; the values are made ready by the fields, as for any
other statement. What needs more than that, an expression or a field with a way of its own to
be written, and a database that does not say which keys it has given, is left to Django.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db.models import Model

from automations.engine.locking import alias, connection, tasks
from automations.models import AutomationTaskModel


def update_task(key: int, state: str, changes: Mapping[str, Any]) -> bool:
    """Write ``changes`` to the task if it is still in ``state``; return whether it was."""
    database = connection()
    model: Any = AutomationTaskModel
    words = update_words(database.vendor, model, tuple(changes))
    if words is None or any(hasattr(value, "resolve_expression") for value in changes.values()):
        return bool(tasks().filter(pk=key, state=state).update(**changes))
    find = model._meta.get_field
    values = [find(name).get_db_prep_save(value, database) for name, value in changes.items()]
    with database.cursor() as cursor:
        cursor.execute(words, [*values, key, str(state)])
        return bool(cursor.rowcount)


def insert_tasks(rows: Sequence[AutomationTaskModel]) -> None:
    """Insert the rows, all in one statement, and give each its key."""
    database = connection()
    model: Any = AutomationTaskModel
    words = insert_words(database.vendor, model)
    if words is None or not database.features.can_return_rows_from_bulk_insert:
        tasks().bulk_create(rows)
        return
    fields = written(model)
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), database)
        for row in rows
        for field in fields
    ]
    one = f"({', '.join(['%s'] * len(fields))})"
    with database.cursor() as cursor:
        cursor.execute(words % ", ".join([one] * len(rows)), values)
        keys = [key for (key,) in cursor.fetchall()]
    for row, key in zip(rows, keys, strict=True):
        row.pk = key
        row._state.adding, row._state.db = False, alias()


@cache
def update_words(vendor: str, model: type[Model], names: tuple[str, ...]) -> str | None:
    """Return the words of an update of the columns, by key and state; None: ask Django."""
    fields = [model._meta.get_field(name) for name in names]
    if any(hasattr(field, "get_placeholder") for field in fields):
        return None
    quote = connection().ops.quote_name
    table, key, state = map(quote, (model._meta.db_table, column(model, "pk"), "state"))
    columns = ", ".join(f"{quote(column(model, name))} = %s" for name in names)
    return f"UPDATE {table} SET {columns} WHERE {key} = %s AND {state} = %s"  # noqa: S608 - no input


@cache
def insert_words(vendor: str, model: type[Model]) -> str | None:
    """Return the words of an insert, with one place for all values; None: ask Django."""
    fields = written(model)
    if any(hasattr(field, "get_placeholder") for field in fields):
        return None
    quote = connection().ops.quote_name
    table, key = map(quote, (model._meta.db_table, column(model, "pk")))
    columns = ", ".join(quote(field.column) for field in fields)
    return f"INSERT INTO {table} ({columns}) VALUES %s RETURNING {key}"  # noqa: S608 - no input


@cache
def written(model: type[Model]) -> tuple[Any, ...]:
    """Return the fields that an insert writes: all but the key, which the database gives."""
    return tuple(field for field in model._meta.concrete_fields if not field.primary_key)


def column(model: type[Model], name: str) -> str:
    """Return the column of the field ``name``; "pk" is the key's."""
    field: Any = model._meta.pk if name == "pk" else model._meta.get_field(name)
    return str(field.column)
