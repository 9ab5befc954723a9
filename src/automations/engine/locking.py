"""
The lock on a run, and the database's own time.

Whoever moves a run holds the lock on its row: ``SELECT ... FOR UPDATE`` where the database has
it, and on SQLite the database's one write lock, taken by a transaction that begins IMMEDIATE or
by a write as its first statement.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from django.db import connections, models, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Func
from django.db.utils import Error as DatabaseError

from automations import settings
from automations.engine.prepared import Prepared
from automations.engine.trouble import is_lock_timeout, is_transient
from automations.engine.turns import begins_with_lock, begun_in_turn, in_turn, rested
from automations.exceptions import RunBusy
from automations.models import AutomationMessageModel, AutomationModel, AutomationTaskModel
from automations.models.tasks import TaskQuerySet

Runs = models.QuerySet[AutomationModel]
Row = TypeVar("Row", bound=models.Model)
Result = TypeVar("Result")


class DatabaseNow(Func):
    """The database's own time: for claims, which must not jump when process time is moved."""

    output_field = models.DateTimeField()
    template = "STRFTIME('%%%%Y-%%%%m-%%%%d %%%%H:%%%%M:%%%%f', 'NOW')"

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """The time of this statement, not of the transaction's beginning."""
        return super().as_sql(compiler, connection, template="STATEMENT_TIMESTAMP()", **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """In UTC, as Django stores times, whatever the session's time zone."""
        return super().as_sql(compiler, connection, template="UTC_TIMESTAMP(6)", **context)


def from_now(delay: timedelta) -> Any:
    """Return the expression for the database's time after ``delay``."""
    return models.ExpressionWrapper(DatabaseNow() + delay, output_field=models.DateTimeField())


def alias() -> str:
    """Return the alias of the database that runs are kept in."""
    return router.db_for_write(AutomationModel)


def connection() -> BaseDatabaseWrapper:
    """Return the connection to the database that runs are kept in."""
    return connections[alias()]


def runs() -> Runs:
    """Return all runs, in the database that they are written to."""
    return AutomationModel.objects.using(alias())


def tasks() -> TaskQuerySet:
    """Return all tasks, in the database that they are written to."""
    return AutomationTaskModel.objects.using(alias())


def messages() -> models.QuerySet[AutomationMessageModel]:
    """Return all messages, in the database that they are written to."""
    return AutomationMessageModel.objects.using(alias())


def in_transaction() -> bool:
    """Return whether a transaction of the caller's is open."""
    return connection().in_atomic_block


def for_update(queryset: Runs, *, skip_locked: bool) -> Runs:
    """Return ``queryset`` with the lock that fits the database."""
    features = connection().features
    if not features.has_select_for_update:
        return queryset
    return queryset.select_for_update(
        skip_locked=skip_locked and features.has_select_for_update_skip_locked,
        no_key=features.has_select_for_no_key_update,
    )


def skip_locked(queryset: models.QuerySet[Row]) -> models.QuerySet[Row]:
    """Return ``queryset`` with a lock on its rows that passes over those that others have."""
    features = connection().features
    if not features.has_select_for_update:
        return queryset
    return queryset.select_for_update(skip_locked=features.has_select_for_update_skip_locked)


def take_write_lock(limit: float | None = None) -> None:
    """
    On SQLite, make sure that this transaction holds the write lock before it reads.

    A transaction that reads first and writes later would fail if another has written meanwhile,
    so a write comes first; that it touches no row does not matter. ``limit`` is how many seconds
    to wait for it, if not as many as the connection says.
    """
    database = connection()
    if database.vendor != "sqlite" or begins_with_lock(database):
        return
    table = database.ops.quote_name(AutomationModel._meta.db_table)
    with database.cursor() as cursor:
        write = f"UPDATE {table} SET version = version WHERE id = 0"  # noqa: S608 - no input
        in_turn(database, lambda: cursor.execute(write), limit)


def lock_run(
    run_id: int, *, wait: bool, read: Callable[[int], AutomationModel | None] | None = None
) -> AutomationModel | None:
    """
    Lock the row of a run and return it as it is under the lock; inside a transaction.

    With ``wait``, wait for it up to ``ATM_LOCK_TIMEOUT`` seconds and raise `RunBusy` after that;
    without, return None if somebody else has it. None also if there is no such run. ``read`` reads
    it on SQLite, where the lock has been taken before.
    """
    database = connection()
    if read is None or database.vendor != "sqlite":
        read = partial((WAITED_FOR if wait else NOT_WAITED_FOR).first, database=database)
    if not wait:
        take_write_lock()
        return in_step(read(run_id))
    try:
        with limited_wait(database):
            take_write_lock(settings.get("ATM_LOCK_TIMEOUT"))
            return in_step(read(run_id))
    except DatabaseError as error:
        if is_lock_timeout(error):
            raise RunBusy(
                f"Run {run_id} is being worked on and did not become free in "
                f"{settings.get('ATM_LOCK_TIMEOUT')} seconds. Try again."
            ) from error
        raise


#: The row of a run with its lock, for who waits for it and for who does not.
WAITED_FOR = Prepared(lambda key: for_update(runs().filter(pk=key), skip_locked=False))
NOT_WAITED_FOR = Prepared(lambda key: for_update(runs().filter(pk=key), skip_locked=True))


def in_step(run: AutomationModel | None) -> AutomationModel | None:
    """
    Return ``run``, marked as the object that is written when its lock is given back.

    Where a transaction of PostgreSQL goes on reading what was there when it began, also after it
    has waited for the lock, whoever has the lock writes the row: then the database refuses the
    lock to a transaction that is older than that, and so could not see what was done under it.
    """
    if run is not None:
        run.in_step = True
        if reads_the_past(connection()):
            runs().filter(pk=run.pk).update(version=F("version"))
    return run


def reads_the_past(database: BaseDatabaseWrapper) -> bool:
    """Return whether a transaction of PostgreSQL reads what was there when it began."""
    level = getattr(database, "isolation_level", None)
    return getattr(level, "name", "") in ("REPEATABLE_READ", "SERIALIZABLE")


@contextmanager
def limited_wait(database: BaseDatabaseWrapper) -> Iterator[None]:
    """Wait for locks inside the block no longer than ``ATM_LOCK_TIMEOUT`` seconds."""
    limit = settings.get("ATM_LOCK_TIMEOUT")
    with database.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute(f"SET LOCAL lock_timeout = {max(1, int(limit * 1000))}")
            yield
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        elif database.vendor == "mysql":
            cursor.execute("SELECT @@innodb_lock_wait_timeout")
            (usual,) = cursor.fetchone()
            cursor.execute(f"SET innodb_lock_wait_timeout = {max(1, round(limit))}")
            try:
                yield
            finally:
                cursor.execute(f"SET innodb_lock_wait_timeout = {int(usual)}")
        else:
            yield  # on SQLite the limit is kept by whoever takes the write lock


def atomic(limit: float | None = None) -> AbstractContextManager[None]:
    """
    Return the transaction of a step, or a savepoint in the caller's.

    ``limit`` is how many seconds to wait for SQLite's write lock, if not as many as the
    connection says.
    """
    database = connection()
    put_right(database)
    if not database.needs_rollback:
        # Django calls it the cause of a broken transaction whatever has broken one on this
        # connection before, however long ago. What breaks this one comes from now on.
        database.rollback_exc = None  # type: ignore[attr-defined] # the stubs do not know it
    block = transaction.atomic(using=database.alias)
    if database.in_atomic_block:
        return block
    if database.vendor == "sqlite":
        if begins_with_lock(database):
            return rested(begun_in_turn(database, block, limit))
        return rested(whole(database, block))
    return whole(database, block)


@contextmanager
def whole(database: BaseDatabaseWrapper, block: transaction.Atomic) -> Iterator[None]:
    """Be the transaction ``block``; leave no connection behind that nobody can use."""
    try:
        with block:
            yield
    finally:
        put_right(database)


def put_right(database: BaseDatabaseWrapper) -> None:
    """
    Let go of a connection that was lost while it was made.

    Django makes a new one when a transaction has ended by losing the old one. If that is lost as
    well before it is ready, what is left looks like one on which the caller manages transactions:
    the next block would begin by a savepoint, fail, and never be left again.
    """
    raw: Any = database.connection
    if raw is None or database.in_atomic_block or database.get_autocommit():
        return
    if getattr(raw, "closed", False) or not getattr(raw, "open", True):
        abandon(database)


def renew_connection() -> None:
    """
    Give this thread another connection if this one cannot be used, or is in a transaction.

    For whoever knows that there is none of a caller's: what is open then will be ended by nobody.
    """
    if in_transaction():
        abandon()
        del connections[alias()]
    else:
        connection().close_if_unusable_or_obsolete()


def in_own_turn(write: Callable[[], Result]) -> Result:
    """
    Return what ``write`` returns: one statement that is a transaction of its own.

    On SQLite it waits for the write lock as a step does. The database's own way of waiting is not
    fair to it, and holds a connection for as long.
    """
    database = connection()
    if database.vendor != "sqlite" or database.in_atomic_block:
        return write()
    return in_turn(database, write, None)


@contextmanager
def act_on(run_id: int) -> Iterator[None]:
    """
    Be one transaction in which a person, or code outside a step, changes a run.

    Raise `RunBusy` if the database is in trouble or does not give a lock in time; inside a
    transaction of the caller's its own error, for that transaction cannot go on.
    """
    try:
        with atomic(settings.get("ATM_LOCK_TIMEOUT")):
            yield
    except DatabaseError as error:
        if in_transaction() or not is_transient(error):
            raise
        raise RunBusy(f"Run {run_id} cannot be changed just now. Try again.") from error


def abandon(database: BaseDatabaseWrapper | None = None) -> None:
    """
    Close the connection, and with it its transaction, which the server rolls back by itself.

    For one that may be half-way through something: what is said on it, even ROLLBACK, may not be
    what is done.
    """
    with suppress(Exception):
        (database or connection()).close()


def leave_connections() -> None:
    """
    Close this thread's connections: work that runs out of stack or memory stops anywhere.

    What the next one, innocent, would ask might get the rest of an answer to somebody else. A
    connection in a transaction is left to whoever has begun that.
    """
    for database in connections.all(initialized_only=True):
        if not database.in_atomic_block:
            abandon(database)


def is_past(moment: datetime | None, now: datetime) -> bool:
    """Return whether ``moment`` has come."""
    return moment is not None and moment <= now
