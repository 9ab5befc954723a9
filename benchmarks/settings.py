"""
A small Django project for the benchmark, on one of three databases.

``ATM_BENCH_DATABASE`` chooses it: ``sqlite-full`` or ``sqlite-normal`` (what ``synchronous`` is),
or ``postgresql``. ``ATM_BENCH_NAME`` names it; `benchmarks.databases` makes and drops it.
"""

from __future__ import annotations

import os
from typing import Any

DATABASE = os.environ.get("ATM_BENCH_DATABASE", "sqlite-normal")
NAME = os.environ.get("ATM_BENCH_NAME", ":memory:")


def sqlite(synchronous: str) -> dict[str, Any]:
    """Return a database in a file, as the documentation recommends it."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": NAME,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={synchronous};",
            "timeout": 20,
        },
    }


def postgresql() -> dict[str, Any]:
    """Return the PostgreSQL that the environment names as for libpq, else this machine's."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME,
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
        "PORT": os.environ.get("PGPORT", "5432"),
        "USER": os.environ.get("PGUSER", "postgres"),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
    }


DATABASES = {
    "default": postgresql()
    if DATABASE == "postgresql"
    else sqlite(DATABASE.removeprefix("sqlite-").upper())
}

SECRET_KEY = "for the benchmark only"
ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "benchmarks.urls"
STATIC_URL = "static/"
USE_TZ = True
# On a machine that is busy otherwise a run takes long; it is to come to its end in one call.
ATM_BUDGET_SECONDS = 600
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.staticfiles",
    "automations",
    "benchmarks",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
