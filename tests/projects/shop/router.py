"""Everything but the shop is kept in the database of the processes."""

from __future__ import annotations

from typing import Any


class Router:
    """Sends the shop to one database and the rest to the other."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Return the database of the model."""
        return "default" if model._meta.app_label == "shop" else "processes"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Return whether the app has its tables there."""
        return db == ("default" if app_label == "shop" else "processes")
