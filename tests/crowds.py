"""Many rows, made by the database itself out of a few: in the same way on every database."""

from __future__ import annotations

from typing import Any

from django.core.management.color import no_style
from django.db import connection
from django.db.models import Max, Min

from automations.models import (
    AutomationAuditModel,
    AutomationMessageModel,
    AutomationModel,
    AutomationNoticeModel,
    AutomationObjectModel,
    AutomationTaskModel,
)

#: The tables that grow with what is done.
GROWING: tuple[type[Any], ...] = (
    AutomationModel,
    AutomationTaskModel,
    AutomationMessageModel,
    AutomationAuditModel,
    AutomationObjectModel,
    AutomationNoticeModel,
)
#: Columns in which a row says which run, and which task, it belongs to or comes from.
OF_RUN, OF_TASK = ("automation_id",), ("previous_id", "fork_id", "task_id")


def multiply(run: AutomationModel, number: int) -> None:
    """
    Let there be so many runs like this one, itself included, with rows like its own.

    It is the latest run, and its rows are the latest ones, so that the copies follow them.
    """
    spans = {model: span(model, run) for model in GROWING if model is not AutomationNoticeModel}
    made = 1
    while made < number:
        more = min(made, number - made)
        for model, (least, wide) in spans.items():
            tasks = made * spans[AutomationTaskModel][1]
            moved = {
                "id": made * wide,
                **dict.fromkeys(OF_RUN, made),
                **dict.fromkeys(OF_TASK, tasks),
            }
            copy(model, moved, least, least + more * wide)
        made += more
    count_on()


def lengthen(run: AutomationModel, number: int) -> None:
    """Let the run, the latest one, have so many times its tasks: it has gone round."""
    least, wide = span(AutomationTaskModel, run)
    made = 1
    while made < number:
        more = min(made, number - made)
        moved = {"id": made * wide, **dict.fromkeys(OF_TASK, made * wide)}
        copy(AutomationTaskModel, moved, least, least + more * wide)
        made += more
    count_on()


def span(model: type[Any], run: AutomationModel) -> tuple[int, int]:
    """Return the first key of the run's rows, and how many keys they take: none, if it has none."""
    if model is AutomationModel:
        return run.pk, 1
    rows = model.objects.filter(automation=run)
    found = rows.aggregate(least=Min("pk"), greatest=Max("pk"))
    if found["least"] is None:
        return 0, 0
    return found["least"], found["greatest"] - found["least"] + 1


def copy(model: type[Any], moved: dict[str, int], first: int, end: int) -> None:
    """Copy the rows from the key ``first`` to before ``end``: ``moved`` columns by so much."""
    quote = connection.ops.quote_name
    names = [field.column for field in model._meta.concrete_fields]
    values = {name: quote(name) for name in names}
    values |= {name: f"{quote(name)} + {by}" for name, by in moved.items() if name in values}
    if model is AutomationModel:
        values["key"] = f"CAST({values['id']} AS CHAR(64))"
    columns, made = ", ".join(map(quote, names)), ", ".join(values[name] for name in names)
    table, key = quote(model._meta.db_table), quote("id")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({columns}) SELECT {made} FROM {table} "  # noqa: S608 - no input
            f"WHERE {key} >= {first} AND {key} < {end} ORDER BY {key}"
        )


def count_on() -> None:
    """Let the database give keys from behind the copies on."""
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(GROWING)):
            cursor.execute(statement)


def look_at_tables() -> None:
    """Let the database know how much there is, as it finds out by itself in a while."""
    say = {"postgresql": "VACUUM ANALYZE {}", "mysql": "ANALYZE TABLE {}"}.get(connection.vendor)
    if say is None:
        return  # SQLite is not told by Django either
    with connection.cursor() as cursor:
        for model in GROWING:
            cursor.execute(say.format(connection.ops.quote_name(model._meta.db_table)))
            if connection.vendor == "mysql":
                cursor.fetchall()
