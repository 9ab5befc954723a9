"""What the database says about the migrations of release 0.9.4.1, and what we refuse."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder

APP = "automations"

#: The migrations of release 0.9.4.1, which one of ours stands for.
REPLACED = (
    "0001_initial",
    "0002_auto_20210506_1957",
    "0003_auto_20210511_0825",
    "0004_auto_20210511_1042",
    "0005_automationmodel_key",
    "0006_auto_20211121_1357",
)

#: What the last of them has brought into the tables: whoever has these columns has all of it.
LAST_COLUMNS = {
    "automations_automationmodel": "key",
    "automations_automationtaskmodel": "requires_interaction",
}


class HalfUpgraded(CommandError):
    """The database stands between two releases; nothing has been changed."""


def missing(database: BaseDatabaseWrapper) -> list[str]:
    """Return which migrations of release 0.9.4.1 are lacking; none if it never was there."""
    applied = MigrationRecorder(database).applied_migrations()
    lacking = [name for name in REPLACED if (APP, name) not in applied]
    return [] if len(lacking) == len(REPLACED) else lacking


def refusal(database: BaseDatabaseWrapper) -> str | None:
    """Return what is wrong with a database that lacks some of them, and a way on; None if none."""
    lacking = missing(database)
    if not lacking or is_only_unrecorded(database):
        return None
    return (
        f"The tables of automations in the database {database.alias!r} are older than release "
        f"0.9.4.1 of django-automations: {', '.join(lacking)} not applied. Migrate with "
        f"django-automations 0.9.4.1 first, then with this version. Nothing has been changed."
    )


class RefuseHalf(Operation):
    """
    Refuse a database in which only some of the migrations of release 0.9.4.1 are applied.

    Django leaves out a migration that stands for others if only some of those are applied, and
    goes on behind it. So this has to be the first operation behind it.
    """

    reduces_to_sql = False

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing."""

    def database_forwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Raise `HalfUpgraded`, or do nothing."""
        database = schema_editor.connection
        lacking = missing(database)
        if not lacking:
            return
        if is_only_unrecorded(database):
            recorder = MigrationRecorder(database)
            for name in lacking:
                recorder.record_applied(APP, name)
            raise HalfUpgraded(
                "An earlier migrate was interrupted when the tables were complete, but before all "
                "of that was written down. It is now. Run migrate again."
            )
        raise HalfUpgraded(refusal(database))

    def database_backwards(
        self, app_label: str, schema_editor: Any, from_state: Any, to_state: Any
    ) -> None:
        """Do nothing."""

    def describe(self) -> str:
        return "Refuse tables that are older than release 0.9.4.1"


def is_only_unrecorded(database: BaseDatabaseWrapper) -> bool:
    """
    Return whether the tables are complete, and only the record of the migrations is not.

    So it is where tables are changed without transactions, and the migration that stands for
    those of release 0.9.4.1 was interrupted while it was being recorded, name by name.
    """
    if database.features.can_rollback_ddl:
        return False
    with database.cursor() as cursor:
        tables = set(database.introspection.table_names(cursor))
        return all(
            table in tables
            and column
            in {found.name for found in database.introspection.get_table_description(cursor, table)}
            for table, column in LAST_COLUMNS.items()
        )
