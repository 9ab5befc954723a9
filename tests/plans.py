"""
How the database answers a statement: which index it takes, told by the database itself.

What is explained is what the package really asks: it is caught on its way, while the function in
question does its work.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from tests.crowds import GROWING

#: What asks an index, looks at one end of it, reads it from end to end, or reads the whole table.
SEARCH, END, ORDER, WHOLE = "search", "end", "order", "whole"
#: What asks for rows.
ASKING = ("SELECT", "UPDATE", "DELETE")

numbers = itertools.count()

TABLES = {
    model._meta.db_table: model.__name__.removeprefix("Automation").removesuffix("Model").lower()
    or "run"
    for model in GROWING
}


class Look(NamedTuple):
    """One look into a table: of the model, in which way, by the index on which columns."""

    table: str
    way: str
    columns: tuple[str, ...] = ()


@dataclass
class Caught:
    """What was asked of the tables that grow."""

    #: With what each was asked first.
    statements: dict[str, Any] = field(default_factory=dict)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, *rest: Any) -> Any:
        """Note a statement, and let it be done."""
        if sql.startswith(ASKING) and any(table in sql for table in TABLES):
            self.statements.setdefault(sql, params)
        return execute(sql, params, *rest)

    def looks(self) -> dict[str, list[Look]]:
        """Return the looks that each of the statements takes into the tables that grow."""
        return {sql: list(explained(sql, params)) for sql, params in self.statements.items()}


@contextmanager
def caught() -> Iterator[Caught]:
    """Catch what is asked meanwhile."""
    found = Caught()
    with connection.execute_wrapper(found):
        yield found


def explained(sql: str, params: Any) -> Iterator[Look]:
    """Yield the looks that the statement takes into the tables that grow."""
    teller = {"postgresql": by_postgresql, "mysql": by_mariadb, "sqlite": by_sqlite}
    for name, way, index in teller[connection.vendor](sql, params):
        table = named(name, sql)
        if table in TABLES:
            columns = columns_of(table, index) if index else ()
            yield Look(TABLES[table], way, columns)


def named(name: str, sql: str) -> str:
    """Return the table that has that name in the statement."""
    found = re.search(rf"[`\"](\w+)[`\"] (?:AS )?[`\"]?{re.escape(name)}\b", sql)
    return found[1] if found and name not in TABLES else name


def columns_of(table: str, index: str) -> tuple[str, ...]:
    """Return the columns of the index."""
    if index == "PRIMARY KEY":
        return ("id",)
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute(f"PRAGMA index_info({connection.ops.quote_name(index)})")
            return tuple(row[2] for row in cursor.fetchall())
        constraints = connection.introspection.get_constraints(cursor, table)
    return tuple(constraints[index]["columns"])


def told(sql: str, params: Any) -> list[Any]:
    """Return what the database answers."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def by_sqlite(sql: str, params: Any) -> Iterator[tuple[str, str, str]]:
    """Yield table, way and index of each look."""
    # Words that are new each time: an explanation that was prepared before is not made anew.
    for *_, line in told(f"EXPLAIN QUERY PLAN /* {next(numbers)} */ {sql}", params):
        found = re.match(r"(SEARCH|SCAN) (\S+)(?: AS (\S+))?(?: USING (.*))?", line)
        if not found:
            continue
        index = re.search(r"(AUTOMATIC|INTEGER PRIMARY KEY|INDEX) ?(\w*)", found[4] or "")
        way = SEARCH if found[1] == "SEARCH" else ORDER if index else WHOLE
        name = "PRIMARY KEY" if index and index[1].startswith("INTEGER") else index and index[2]
        if index and index[1] == "AUTOMATIC":
            way, name = WHOLE, ""  # made for this statement alone, out of the whole table
        yield found[2], way, name or ""


def by_mariadb(sql: str, params: Any) -> Iterator[tuple[str, str, str]]:
    """Yield table, way and index of each look."""
    for row in told("EXPLAIN " + sql, params):
        _, _, table, kind, _, key, *_, extra = row
        if "optimized away" in (extra or ""):  # it has found the answer while it planned
            yield next(name for name in TABLES if name in sql), END, ""
        if not table or table.startswith("<"):
            continue
        way = {"ALL": WHOLE, "index": ORDER}.get(kind, SEARCH)
        for name in re.split("[,|]", key or ""):  # several where they are merged
            yield table, way, name


def by_postgresql(sql: str, params: Any) -> Iterator[tuple[str, str, str]]:
    """Yield table, way and index of each look."""
    ((plan,),) = told("EXPLAIN (FORMAT JSON) " + sql, params)
    plan = json.loads(plan) if isinstance(plan, str) else plan
    yield from parts(plan[0]["Plan"], "")


def parts(plan: dict[str, Any], table: str) -> Iterator[tuple[str, str, str]]:
    """Yield table, way and index of each look in the plan."""
    table = plan.get("Relation Name", table)
    if plan["Node Type"] == "Seq Scan":
        yield table, WHOLE, ""
    if index := plan.get("Index Name"):
        yield table, SEARCH if "Index Cond" in plan else ORDER, index
    for part in plan.get("Plans", []):
        yield from parts(part, table)
