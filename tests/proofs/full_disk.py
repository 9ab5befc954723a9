"""A disk that is full, now and then or always, for the processes that a test starts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection, models

from tests.proofs.trouble import when_free

#: How likely it is that there is no room, for the triggers to read.
CHANCE = "proof_of_a_full_disk"
#: What fills SQLite's file.
BALLAST = "proof_of_ballast"

TRIGGERS = {
    "postgresql": [
        """CREATE OR REPLACE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF random() < (SELECT chance FROM {chance}) THEN
                RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'no space left on device';
            END IF;
            RETURN new;
        END $$""",
        """CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table}
        FOR EACH ROW EXECUTE FUNCTION no_room()""",
    ],
    "mysql": [
        f"""CREATE TRIGGER no_room_{{table}}_{event} BEFORE {event} ON {{table}} FOR EACH ROW
        IF rand() < (SELECT chance FROM {{chance}}) THEN
            SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1021, MESSAGE_TEXT = 'Disk full';
        END IF"""  # noqa: S608 - no input
        for event in ("INSERT", "UPDATE")
    ],
}
NO_TRIGGERS = {
    "postgresql": ["DROP TRIGGER IF EXISTS no_room ON {table}"],
    "mysql": [
        f"DROP TRIGGER IF EXISTS no_room_{{table}}_{event}" for event in ("INSERT", "UPDATE")
    ],
}


class Disk:
    """How full the disk is."""

    def __init__(self, other: Any, pages: Path) -> None:
        self._other = other
        self._pages = pages

    def fill(self, chance: float = 1) -> None:
        """Let there be no room from now on, as likely as ``chance`` says; on SQLite never any."""
        if connection.vendor != "sqlite":
            self._other.execute(f"UPDATE {CHANCE} SET chance = {chance}")  # noqa: S608 - a number
            return
        # What earlier tests have left free in the file is room, too.
        free = self._number("freelist_count") * self._number("page_size")
        when_free(lambda: self._other.execute(f"INSERT INTO {BALLAST} VALUES (zeroblob({free}))"))  # noqa: S608 - a number
        count = self._number("page_count")
        (written := self._pages.with_suffix(".new")).write_text(str(count))
        written.replace(self._pages)

    def _number(self, name: str) -> int:
        self._other.execute(f"PRAGMA {name}")
        return int(self._other.fetchone()[0])

    def make_room(self) -> None:
        """Let there be room again."""
        self._pages.unlink(missing_ok=True)
        if connection.vendor != "sqlite":
            self.fill(0)


@contextmanager
def small_disk(other: Any, pages: Path, tables: list[type[models.Model]]) -> Iterator[Disk]:
    """
    Give a disk that can be filled. ``other`` is the cursor of one more connection.

    SQLite itself says that it is full, when the file would get more pages than ``pages`` says. The
    servers cannot be made to without a disk of their own: there a trigger on each of the
    ``tables`` raises what they would.
    """
    names = [model._meta.db_table for model in tables]
    try:
        if connection.vendor == "sqlite":
            other.execute(f"CREATE TABLE {BALLAST} (bytes blob)")
        else:
            other.execute(f"CREATE TABLE {CHANCE} (chance float)")
            other.execute(f"INSERT INTO {CHANCE} VALUES (0)")  # noqa: S608 - no input
        for table in names:
            for statement in TRIGGERS.get(connection.vendor, []):
                other.execute(statement.format(table=table, chance=CHANCE))
        yield Disk(other, pages)
    finally:
        pages.unlink(missing_ok=True)
        for table in names:
            for statement in NO_TRIGGERS.get(connection.vendor, []):
                other.execute(statement.format(table=table))
        if connection.vendor == "sqlite":
            when_free(lambda: other.execute(f"DROP TABLE {BALLAST}"))
        else:
            other.execute(f"DROP TABLE {CHANCE}")
