"""
The system checks: what is wrong with processes, settings and databases, before anything runs.

The app registers them (`automations.apps`); this module is imported when they are run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as project
from django.core.checks import ERROR, INFO, WARNING, CheckMessage
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from automations import registry, settings, triggers
from automations.definition import known
from automations.definition.validation import find_problems
from automations.dispatch.base import INLINE, get_dispatcher
from automations.engine.locking import alias, connection, reads_the_past
from automations.exceptions import DispatchError
from automations.models import AutomationPreferenceModel
from automations.upgrade import record

LEVELS = {"E": ERROR, "W": WARNING, "I": INFO}


def check_definitions(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report every flaw of every process."""
    flaws = {
        automation: (*find_problems(automation._meta), *triggers.problems(automation))
        for automation in registry.automations()
    }
    flaws |= {base: (*triggers.problems(base),) for base in registry.abstract()}
    return [
        message(problem.code, problem.message, problem.hint, automation)
        for automation, problems in flaws.items()
        for problem in problems
    ] + [
        message(problem.code, problem.message, problem.hint, definition.owner)
        for definition, problem in known.clashing_names()
    ]


def check_dispatchers(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report dispatchers that are asked for and that are not there."""
    asked: dict[str, str] = {settings.get("ATM_DISPATCHER"): "ATM_DISPATCHER"}
    for automation in registry.automations():
        definition = automation._meta
        asked.setdefault(definition.options.dispatcher, f"Meta.dispatcher of {definition.label}")
        for name, node in definition.nodes.items():
            asked.setdefault(node.dispatcher or "", f".DispatchTo() of {definition.label}.{name}")
    found = []
    for name, where in asked.items():
        if name in ("", INLINE):
            continue
        try:
            get_dispatcher(name)
        except DispatchError as error:
            found.append(message("E009", f"{where}: {error}", "Install it, or name another one."))
    return found


def check_settings(
    app_configs: Sequence[AppConfig] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Report settings that cannot work."""
    found = [
        message("E003", f"The setting {name} must be {wanted}.", "Put that right, or remove it.")
        for name, wanted in settings.wrong()
    ]
    given = [name for name in settings.SWAPPED_TOGETHER if hasattr(project, name)]
    if given and len(given) < len(settings.SWAPPED_TOGETHER):
        found.append(
            message(
                "E001",
                f"Of {', '.join(settings.SWAPPED_TOGETHER)} only {' and '.join(given)} is there.",
                "Set all three of them, or none: together they say who is asked.",
            )
        )
    if settings.get("ATM_EMAIL") not in ("", *AutomationPreferenceModel.ByEmail.values):
        hint = "Let it be each, daily or never; empty: nobody is told by e-mail."
        found.append(message("E010", f"ATM_EMAIL is {settings.get('ATM_EMAIL')!r}.", hint))
    elif settings.get("ATM_EMAIL") and not settings.get("ATM_SITE"):
        found.append(
            message(
                "E011",
                "ATM_EMAIL is set, but ATM_SITE is not: the e-mails could lead nowhere.",
                "Set ATM_SITE to the address of the site, such as https://example.org.",
            )
        )
    if not project.USE_TZ:
        found.append(
            message(
                "E002",
                "USE_TZ is False, so times are ambiguous when the clocks change.",
                "Set USE_TZ = True; timers and deadlines rely on it.",
            )
        )
    if settings.get("ATM_NOTIFY") is True and connection().vendor != "postgresql":
        found.append(
            message(
                "W004",
                f"ATM_NOTIFY is True, but the database {alias()!r} is not PostgreSQL: nobody is "
                f"woken.",
                "Remove the setting; automation_step --every looks at its interval.",
            )
        )
    return found


def check_databases(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Iterable[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Report settings of the database that runs are kept in which cost safety or speed."""
    if alias() not in (databases or ()):
        return []
    database = connections[alias()]
    return [*_autocommit(database), *VENDORS.get(database.vendor, _nothing)(database)]


def check_upgrade(
    app_configs: Sequence[AppConfig] | None = None,
    databases: Iterable[str] | None = None,
    **kwargs: Any,
) -> list[CheckMessage]:
    """Report tables that are too old: `migrate` asks before it looks at the migrations."""
    if alias() not in (databases or ()):
        return []
    text = record.refusal(connections[alias()])
    hint = "See how to upgrade from release 0.9.4.1 in the documentation."
    return [message("E008", text, hint)] if text else []


def message(code: str, text: str, hint: str, obj: Any = None) -> CheckMessage:
    """Return the message of a system check; the code's letter says how serious it is."""
    return CheckMessage(LEVELS[code[0]], text, hint=hint, obj=obj, id=f"automations.{code}")


def _autocommit(database: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    if not database.settings_dict.get("AUTOCOMMIT", True):
        yield message(
            "E004",
            f"The database {database.alias!r} has AUTOCOMMIT off, so no step is ever committed.",
            "Remove AUTOCOMMIT from its settings.",
        )


def _sqlite(database: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    with database.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        (journal,) = cursor.fetchone()
    if journal not in ("wal", "memory"):
        yield message(
            "I001",
            f"The SQLite database {database.alias!r} is in journal mode {journal!r}: whoever reads "
            f"waits for whoever writes.",
            "Put 'init_command': 'PRAGMA journal_mode=WAL' into its OPTIONS.",
        )
    if getattr(database, "transaction_mode", None) not in ("IMMEDIATE", "EXCLUSIVE"):
        yield message(
            "I002",
            f"The SQLite database {database.alias!r} begins its transactions without the write "
            f"lock: views of yours that read before they write may fail when a step is at work.",
            "Put 'transaction_mode': 'IMMEDIATE' into its OPTIONS.",
        )


def _postgresql(database: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    with database.cursor() as cursor:
        cursor.execute("SHOW default_transaction_isolation")
        (isolation,) = cursor.fetchone()
    if isolation in ("repeatable read", "serializable") and not reads_the_past(database):
        yield message(
            "W005",
            f"The server gives the database {database.alias!r} the isolation level {isolation!r}, "
            f"of which the package is not told: it may act on what is no longer so.",
            "Put 'isolation_level' into its OPTIONS, or use PostgreSQL's default, read committed.",
        )


def _mysql(database: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    with database.cursor() as cursor:
        cursor.execute("SELECT @@default_storage_engine")
        (engine,) = cursor.fetchone()
        cursor.execute("SELECT @@character_set_connection")
        (charset,) = cursor.fetchone()
    if engine.lower() != "innodb":
        yield message(
            "E005",
            f"The database {database.alias!r} makes tables with the engine {engine}, which has no "
            f"transactions.",
            "Use InnoDB.",
        )
    if charset != "utf8mb4":
        yield message(
            "W003",
            f"The database {database.alias!r} speaks {charset}, which cannot keep every text.",
            "Put 'charset': 'utf8mb4' into its OPTIONS.",
        )
    isolation = getattr(database, "isolation_level", None)
    if isolation != "read committed":
        yield message(
            "W002",
            f"The database {database.alias!r} uses the isolation level {isolation!r}: steps block "
            f"each other with gap locks.",
            "Remove 'isolation_level' from its OPTIONS; Django's default is 'read committed'.",
        )
    if not database.features.has_select_for_update_skip_locked:
        yield message(
            "I003",
            f"The database {database.alias!r} has no SKIP LOCKED: sweeps wait for each other.",
            "Use MariaDB 10.6, MySQL 8.0.1 or later.",
        )


def _nothing(database: BaseDatabaseWrapper) -> Iterator[CheckMessage]:
    return iter(())


VENDORS = {"sqlite": _sqlite, "postgresql": _postgresql, "mysql": _mysql}
