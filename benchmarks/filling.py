"""Many rows, made by the database itself out of a few that the package has made."""

from __future__ import annotations

from typing import Any

from django.db import connection, models

from automations.models import AutomationModel, AutomationTaskModel

RUNS, TASKS = AutomationModel._meta.db_table, AutomationTaskModel._meta.db_table


def multiply(run: AutomationModel, number: int, **changes: str) -> None:
    """
    Let there be so many more runs like this one, each with a task like each of its tasks.

    ``changes`` are columns of the tasks, as SQL: ``n`` counts the runs there from 1. What a task
    came from is not kept.
    """
    if number <= 0:
        return
    first = (AutomationModel.objects.aggregate(last=models.Max("pk"))["last"] or 0) + 1
    columns = names_of(AutomationModel)
    values = {name: f"r.{name}" for name in columns}
    values |= {"id": f"{first} - 1 + n", "key": f"'{first}-' || n"}
    execute(RUNS, values, f"{counted(number)} JOIN {RUNS} r ON r.id = {run.pk}")
    columns = names_of(AutomationTaskModel)
    for task in AutomationTaskModel.objects.filter(automation=run).order_by("pk"):
        values = {name: f"t.{name}" for name in columns if name != "id"}
        values |= {"automation_id": f"{first} - 1 + n", "previous_id": "NULL", **changes}
        execute(TASKS, values, f"{counted(number)} JOIN {TASKS} t ON t.id = {task.pk}")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{RUNS}', 'id'), max(id)) FROM {RUNS}"
            )


def names_of(model: type[models.Model]) -> list[str]:
    """Return the columns of the model."""
    return [field.column for field in model._meta.concrete_fields if field.column]


def counted(number: int) -> str:
    """Return a table of the numbers from 1."""
    if connection.vendor == "postgresql":
        return f"generate_series(1, {number}) AS c(n)"
    return (
        "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "
        f"WHERE n < {number}) SELECT n FROM c) AS c"
    )


def execute(table: str, values: dict[str, str], source: str) -> None:
    """Insert the values, made of the source."""
    names, made = ", ".join(f'"{name}"' for name in values), ", ".join(values.values())
    with connection.cursor() as cursor:
        cursor.execute(f'INSERT INTO "{table}" ({names}) SELECT {made} FROM {source}')


def look_at_tables() -> None:
    """Let the database know how much there is, as it finds out by itself in a while."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"VACUUM ANALYZE {RUNS}")
            cursor.execute(f"VACUUM ANALYZE {TASKS}")
        else:
            cursor.execute("ANALYZE")


def emptied() -> None:
    """Remove all runs and tasks."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"TRUNCATE {RUNS}, {TASKS} RESTART IDENTITY CASCADE")
            return
    for model in (AutomationTaskModel, AutomationModel):
        model._base_manager.all()._raw_delete(using="default")


def run_of(found: Any) -> AutomationModel:
    """Return the row of a run."""
    return AutomationModel.objects.get(pk=found.id)
