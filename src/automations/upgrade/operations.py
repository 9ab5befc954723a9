"""
Operations of migrations that can be run again after they were interrupted anywhere.

MariaDB and MySQL commit every statement that changes a table. A migration that is interrupted
there is run again from its beginning, over tables in which a part of it is done already. So each
operation here repeats all its statements, and leaves out those whose effect is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from django.db import DatabaseError, migrations
from django.db.migrations.operations.base import Operation

#: Error numbers of MariaDB and MySQL (their server error reference) for "is there already" (table,
#: column, index, constraint) and "is gone already".
DONE_ALREADY = frozenset({1050, 1060, 1061, 1091, 1826, 3822})
#: Not so clear a number: "cannot create table", because of this error of the storage engine.
CANNOT_CREATE, DUPLICATE_NAME = 1005, "errno: 121"


@contextmanager
def repeatable(editor: Any) -> Iterator[None]:
    """
    Put no statement off until the end of the migration; leave out what is done already.

    Django records a migration in its transaction only if nothing was put off.
    """
    usual = editor.execute
    if not editor.connection.features.can_rollback_ddl:
        editor.execute = partial(execute_once, usual)
    try:
        yield
        for statement in editor.deferred_sql:
            editor.execute(statement, None)
        editor.deferred_sql.clear()
    finally:
        editor.execute = usual


def execute_once(execute: Callable[..., None], sql: Any, params: Any = ()) -> None:
    """Execute the statement, unless what it does is done."""
    try:
        execute(sql, params)
    except DatabaseError as error:
        if not is_done_already(error):
            raise


def is_done_already(error: BaseException) -> bool:
    """Return whether ``error`` says that what the statement would do is done."""
    number = error.args[0] if error.args else None
    return number in DONE_ALREADY or (
        number == CANNOT_CREATE and DUPLICATE_NAME in str(error.args[1:])
    )


class Repeatable(Operation):
    """Makes the forward way of a schema operation repeatable."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Do the operation, or what is still left of it."""
        with repeatable(schema_editor):
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class CreateModel(Repeatable, migrations.CreateModel):
    """Django's operation of this name, repeatable."""


class AddField(Repeatable, migrations.AddField):
    """Django's operation of this name, repeatable."""


class AlterField(Repeatable, migrations.AlterField):
    """Django's operation of this name, repeatable, but for foreign keys: see `ForeignKeys`."""


class RemoveField(Repeatable, migrations.RemoveField):
    """Django's operation of this name, repeatable."""


class AddIndex(Repeatable, migrations.AddIndex):
    """Django's operation of this name, repeatable."""


class AddConstraint(Repeatable, migrations.AddConstraint):
    """Django's operation of this name, repeatable."""


class DescribeField(migrations.AlterField):
    """Note a change of a field that the database does not see."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Do nothing."""

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Do nothing."""


class ForeignKeys(Operation):
    """
    Make the foreign keys of a model that are not there.

    To change a column, Django takes its foreign keys away and puts back those that it has found.
    If it was interrupted in between, it finds none the next time.
    """

    reduces_to_sql = True

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Compare the model with its table and add what is missing."""
        database = schema_editor.connection
        if database.features.can_rollback_ddl:
            return
        model = to_state.apps.get_model(app_label, self.model_name)
        with database.cursor() as cursor:
            found = database.introspection.get_constraints(cursor, model._meta.db_table)
        held = {tuple(item["columns"]) for item in found.values() if item["foreign_key"]}
        for field in model._meta.local_fields:
            if field.many_to_one and field.db_constraint and (field.column,) not in held:
                schema_editor.execute(
                    schema_editor._create_fk_sql(model, field, "_fk_%(to_table)s_%(to_column)s")
                )

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Do nothing."""

    def describe(self) -> str:
        return f"Make the foreign keys of {self.model_name} that are not there"
