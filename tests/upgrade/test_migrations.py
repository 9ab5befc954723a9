"""The tables: from nothing, from release 0.9.4.1, from anything between, and interrupted."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps as project_apps
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import DatabaseError, IntegrityError, connections
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from django.db.migrations.recorder import MigrationRecorder

from automations import checks
from automations.upgrade import conversion, operations
from automations.upgrade.record import REPLACED, HalfUpgraded
from tests.conftest import ROOT
from tests.upgrade.databases import APP, LAST, SQUASHED, empty_database, migrate, schema
from tests.upgrade.old_rows import OldRows

#: At how many places the upgrade is interrupted; "all" takes a while on MariaDB.
PLACES = os.environ.get("ATM_TEST_PLACES", "2")

AUTH = ("auth", "0012_alter_user_first_name_max_length")


@pytest.fixture
def alias(django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), empty_database() as alias:
        yield alias


@pytest.fixture
def other(django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), empty_database() as alias:
        yield alias


def make_old(alias: str) -> None:
    """Bring the database to where release 0.9.4.1 leaves it, with a few runs."""
    rows = OldRows(migrate(alias, SQUASHED), alias)
    MigrationRecorder(connections[alias]).record_unapplied(*SQUASHED)
    for number in range(3):
        run = rows.run("Fork", data={"number": number})
        split = rows.task(run, "split", message="Split")
        rows.task(run, "join", rows.task(run, "left", split), message="Open Join", result=[])
        rows.task(run, "right", split, done=False)
    failed = rows.run(finished=True)
    report = {"error": "Traceback (most recent call last):\n", "html": "<p>"}
    rows.task(failed, "boom", done=False, message="E()", result=report)


def dump(alias: str) -> dict[str, list[Any]]:
    """Return all rows, without what is random or the moment of the upgrade."""
    found = {}
    for model in project_apps.get_app_config(APP).get_models():
        rows = list(model._base_manager.using(alias).order_by("pk").values())
        for row in rows:
            assert len(row.pop("key", "0" * 32) or "") == 32
            row["due"] = bool(row.get("due"))
        found[model.__name__] = rows
    return found


def forget(alias: str) -> None:
    """Remove the app from the database, whatever has become of it."""
    connection = connections[alias]
    MigrationRecorder(connection).migration_qs.filter(app=APP).delete()
    with connection.cursor() as cursor:
        tables = [
            connection.ops.quote_name(table)
            for table in connection.introspection.table_names(cursor)
            if table.startswith(f"{APP}_")
        ]
        if connection.vendor == "postgresql":
            for table in tables:
                cursor.execute(f"DROP TABLE {table} CASCADE")
            return
        with connection.constraint_checks_disabled():
            for table in tables:
                cursor.execute(f"DROP TABLE {table}")


def test_a_new_database_has_the_tables_that_the_models_describe(alias: str, other: str) -> None:
    migrate(alias)
    migrate(other, AUTH)
    with connections[other].schema_editor() as editor:
        for model in project_apps.get_app_config(APP).get_models():
            editor.create_model(model)
    assert schema(alias) == schema(other)
    assert len(schema(alias)) == 10


def test_an_upgraded_database_has_the_same_tables_as_a_new_one(alias: str, other: str) -> None:
    make_old(alias)
    migrate(alias)
    migrate(other)
    assert schema(alias) == schema(other)
    assert SQUASHED in MigrationRecorder(connections[alias]).applied_migrations()


@pytest.mark.django_db
def test_no_change_of_the_models_lacks_a_migration() -> None:
    loader = MigrationLoader(None)
    assert loader.graph.leaf_nodes(APP) == [LAST]
    call_command("makemigrations", APP, check_changes=True, dry_run=True, verbosity=0)


def test_the_first_migration_stands_for_all_of_the_old_release() -> None:
    loader = MigrationLoader(None)
    assert loader.disk_migrations[SQUASHED].replaces == [(APP, name) for name in REPLACED]


@pytest.mark.parametrize("applied", [1, 4, 5])
def test_tables_that_are_older_are_refused_in_clear_words_and_unharmed(
    alias: str, applied: int
) -> None:
    migrate(alias, AUTH)
    recorder = MigrationRecorder(connections[alias])
    for name in REPLACED[:applied]:
        recorder.record_applied(APP, name)
    with connections[alias].cursor() as cursor:
        cursor.execute("CREATE TABLE automations_automationmodel (id integer)")
        cursor.execute("INSERT INTO automations_automationmodel VALUES (7)")
    before = schema(alias), recorder.applied_migrations().keys()
    for _ in range(2):
        with pytest.raises(HalfUpgraded, match=r"Migrate with django-automations 0\.9\.4\.1 first"):
            migrate(alias)
    assert (schema(alias), recorder.applied_migrations().keys()) == before
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT id FROM automations_automationmodel")
        assert cursor.fetchall() in ([(7,)], ((7,),))


def test_migrate_refuses_them_before_it_looks_at_the_migrations(
    alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(alias, AUTH)
    monkeypatch.setattr(checks, "alias", lambda: alias)
    assert checks.check_upgrade(databases=[alias]) == checks.check_upgrade() == []
    MigrationRecorder(connections[alias]).record_applied(APP, REPLACED[0])
    with pytest.raises(SystemCheckError, match=r"E008.*older than release 0\.9\.4\.1"):
        call_command("migrate", database=alias, verbosity=0, skip_checks=False)


@pytest.mark.parametrize("recorded", [1, 5, 6])
def test_a_first_migration_that_was_interrupted_while_recorded_can_be_run_again(
    alias: str, other: str, monkeypatch: pytest.MonkeyPatch, recorded: int
) -> None:
    usual, left = MigrationRecorder.record_applied, [recorded]

    def record(self: MigrationRecorder, app: str, name: str) -> None:
        if app == APP:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
        usual(self, app, name)

    migrate(alias, AUTH)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MigrationRecorder, "record_applied", record)
        migrate(alias)
    if not connections[alias].features.can_rollback_ddl and recorded < 6:
        monkeypatch.setattr(checks, "alias", lambda: alias)
        assert checks.check_upgrade(databases=[alias]) == []
        with pytest.raises(HalfUpgraded, match=r"Run migrate again\."):
            migrate(alias)
    migrate(alias)
    migrate(other)
    assert schema(alias) == schema(other)


class Interruption(Exception):
    """Somebody has pulled the plug."""


class Places:
    """Counts places where the upgrade may be interrupted, and interrupts it at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at, self.passed = at, 0

    def __call__(self) -> None:
        if self.passed == self.at:
            raise Interruption
        self.passed += 1

    def around(self, usual: Callable[..., Any]) -> Callable[..., Any]:
        """Return ``usual`` with a place behind it."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            answer = usual(*args, **kwargs)
            self()
            return answer

        return watched


@contextmanager
def interrupted(at: int | None) -> Iterator[Places]:
    """Interrupt at the place of this number: behind a statement, an operation or a block."""
    places = Places(at)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "BLOCK", 1)
        patch.setattr(
            BaseDatabaseSchemaEditor, "execute", places.around(BaseDatabaseSchemaEditor.execute)
        )
        for kind in (operations.Repeatable, operations.ForeignKeys):
            patch.setattr(kind, "database_forwards", places.around(kind.database_forwards))
        for name in ("convert_block", "_take_down", "_give_unique_keys"):
            patch.setattr(
                conversion.Conversion, name, places.around(getattr(conversion.Conversion, name))
            )
        yield places


def hang_up(alias: str) -> None:
    """
    Lose the connection to the database, as a process does that ends.

    On SQLite Django has it check all foreign keys even when an error is on its way, and leaves
    the transaction open if some are wrong just then.
    """
    raw = connections[alias].connection
    if raw:
        raw.close()
    del connections[alias]


def some(places: int) -> list[int]:
    """Return numbers of places to interrupt at."""
    if PLACES == "all":
        return list(range(places))
    return sorted(random.sample(range(places), min(int(PLACES), places)))


@pytest.mark.processes
def test_an_upgrade_that_is_interrupted_anywhere_can_be_run_again(alias: str) -> None:
    migrate(alias, AUTH)
    make_old(alias)
    with interrupted(None) as places:
        migrate(alias)
    straight = schema(alias), dump(alias)
    assert places.passed > 60
    for place in some(places.passed):
        forget(alias)
        make_old(alias)
        with interrupted(place), pytest.raises((Interruption, IntegrityError)):
            migrate(alias)
        hang_up(alias)
        migrate(alias)
        assert (schema(alias), dump(alias)) == straight, f"interrupted at place {place}"


@pytest.mark.processes
def test_a_new_database_that_is_interrupted_anywhere_can_be_completed(alias: str) -> None:
    migrate(alias, AUTH)
    with interrupted(None) as places:
        migrate(alias)
    straight = schema(alias)
    for place in some(places.passed):
        forget(alias)
        with interrupted(place), pytest.raises((Interruption, IntegrityError)):
            migrate(alias)
        hang_up(alias)
        migrate(alias)
        assert schema(alias) == straight, f"interrupted at place {place}"


def test_an_app_without_runs_can_be_taken_out_again(alias: str) -> None:
    migrate(alias)
    migrate(alias, (APP, None))
    assert schema(alias) == {}
    migrate(alias)
    assert len(schema(alias)) == 10


def test_only_what_is_done_already_is_left_out() -> None:
    assert operations.is_done_already(DatabaseError(1060, "Duplicate column name 'state'"))
    assert operations.is_done_already(
        DatabaseError(1005, 'Can\'t create table (errno: 121 "Duplicate key on write or update")')
    )
    for error in (DatabaseError(1005, "Can't create table (errno: 150)"), DatabaseError(), None):
        assert not operations.is_done_already(error or DatabaseError(1064, "syntax"))


def test_every_operation_says_what_it_does() -> None:
    graph = MigrationLoader(None).graph
    mine = [key for key in graph.nodes if key[0] == APP]
    listed: list[Operation] = [step for key in mine for step in graph.nodes[key].operations]
    assert all(operation.describe() for operation in listed)


@pytest.mark.processes
def test_another_group_model_is_what_groups_point_to(alias: str) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.upgrade.other_group.settings",
        "ATM_TEST_DATABASE": settings.VENDOR,
        "ATM_TEST_DATABASE_NAME": str(connections[alias].settings_dict["NAME"]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }

    def django(*arguments: str) -> str:
        command = [sys.executable, "-W", "error", "-m", "django", *arguments]
        answer = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        return answer.stdout

    django("migrate", *SQUASHED)
    rows = OldRows(MigrationLoader(connections[alias]).project_state([SQUASHED]).apps, alias)
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO auth_group (id, name) VALUES (1, 'blue'), (2, 'green')")
    django("migrate", "other_group")
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO other_group_team (id, name) VALUES (1, 'red team')")
    run = rows.run()
    open_form: dict[str, Any] = {"done": False, "requires_interaction": True}
    known = rows.task(run, "ask", interaction_group_id=1, **open_form)
    gone = rows.task(run, "ask_again", interaction_group_id=2, **open_form)
    django("migrate")
    assert "No changes" in django("makemigrations", "--check", "--dry-run", APP)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, interaction_group_id, interaction_group_name, state"
            " FROM automations_automationtaskmodel ORDER BY id"
        )
        assert [tuple(row) for row in cursor.fetchall()] == [
            (known, 1, "red team", "waiting"),
            # A name without its group: nobody but a superuser may act.
            (gone, None, "group 2", "waiting"),
        ]
        constraints = connection.introspection.get_constraints(
            cursor, "automations_automationtaskmodel"
        )
    pointed_to = [
        item["foreign_key"][0]
        for item in constraints.values()
        if item["columns"] == ["interaction_group_id"] and item["foreign_key"]
    ]
    assert pointed_to == ["other_group_team"]
