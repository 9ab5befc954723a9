"""A project that keeps its processes in another database than its shop; on SQLite."""

from __future__ import annotations

import os

SECRET_KEY = "for the tests only"  # noqa: S105 - it protects nothing
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "automations",
    "tests.projects.shop",
]
DATABASES = {
    alias: {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(os.environ["PROJECT_HOME"], f"{alias}.sqlite3"),  # noqa: PTH118
    }
    for alias in ("default", "processes")
}
DATABASE_ROUTERS = ["tests.projects.shop.router.Router"]
