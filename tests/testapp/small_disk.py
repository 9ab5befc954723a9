"""A disk that is full for SQLite: its own limit on the pages of a file, and its own error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.signals import connection_created

#: As many as SQLite allows.
NO_LIMIT = 0xFFFFFFFE


def limit_pages(file: str) -> None:
    """
    Let the database on all connections of this process have as many pages as ``file`` says.

    It is read before each statement. Without the file there is no limit.
    """
    pages = Path(file)

    def watch(connection: Any, **_: Any) -> None:
        limits = [NO_LIMIT]

        def limited(execute: Callable[..., Any], *arguments: Any) -> Any:
            limit = int(pages.read_text()) if pages.exists() else NO_LIMIT
            if limit != limits[-1]:
                limits.append(limit)
                connection.connection.execute(f"PRAGMA max_page_count = {limit}")
            return execute(*arguments)

        connection.execute_wrappers[:] = [limited]

    connection_created.connect(watch, weak=False)
