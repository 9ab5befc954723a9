"""What the work of a task does beside what it returns, where the steps after it depend on it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from django.apps import apps

from automations.engine.context import TaskContext
from automations.engine.locking import connection
from automations.engine.together import Together
from automations.engine.tripwire import LEAVES
from automations.outcomes import Outcome

#: Goes back to a savepoint, as Django or the work itself says it.
BACK = re.compile(r"\s*ROLLBACK\b.*\bTO\b", re.IGNORECASE | re.DOTALL)


class Watch:
    """
    Looks on while a task is worked on: at what must be through before the next one begins.

    ``wrote``: the work has written to the rows of the package by itself. ``seconds``: so long it
    took, without what is written down of it.
    """

    def __init__(self, context: TaskContext, together: Together | None = None) -> None:
        self._context = context
        self._together = together
        self.wrote = False
        self.seconds = 0.0
        self._database: Any = connection()
        self._before = len(self._database.run_on_commit)

    def work(self) -> Outcome:
        """Do the work of the task."""
        begun = time.monotonic()
        try:
            with self._database.execute_wrapper(self):
                return self._context.node.run(self._context)
        finally:
            self.seconds += time.monotonic() - begun

    def __call__(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any
    ) -> Any:
        """Let a statement pass, and note whether it writes to the rows of the package."""
        if self._together is not None and self._together.writes:
            return execute(sql, params, many, context)  # which is none of the work's
        if self._together is not None and (is_about_own(sql) or LEAVES.search(sql)):
            self._aside(self._together.write_early)
        if not self.wrote and not (isinstance(sql, str) and sql.startswith("SELECT")):
            self.wrote = is_about_own(sql)
        answer = execute(sql, params, many, context)
        if self._together is not None and isinstance(sql, str) and BACK.match(sql):
            self._aside(self._together.look_early)
        return answer

    def _aside(self, do: Callable[[], None]) -> None:
        """Do what is none of the work's."""
        begun = time.monotonic()
        try:
            do()
        finally:
            self.seconds -= time.monotonic() - begun

    def may_go_on(self) -> bool:
        """
        Return whether another task may be done in this transaction.

        Not if this one has something to do on commit; if it has written to the rows that are in
        memory here; and if the history behind it is cut, for rows in memory may refer to it.
        """
        hooks: list[Any] = self._database.run_on_commit[self._before :]
        node = self._context.known_node
        cut = node is None or (node.repeats and self._context.task.is_open is False)
        return not (self.wrote or cut or any(not robust for _, _, robust in hooks))


def is_about_own(sql: Any) -> bool:
    """Return whether the statement is about a table of the package, or may be."""
    return not isinstance(sql, str) or any(table in sql for table in own_tables())


@cache
def own_tables() -> tuple[str, ...]:
    """Return the names of the package's tables."""
    return tuple(model._meta.db_table for model in apps.get_app_config("automations").get_models())
