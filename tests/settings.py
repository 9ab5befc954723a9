"""
A small Django project for the tests, on one of three databases.

``ATM_TEST_DATABASE`` chooses the database: ``sqlite`` (default), ``postgresql`` or ``mariadb``.
``ATM_TEST_DATABASE_NAME`` makes an existing database the ordinary one: a process that a test
starts works in the database of the test.
"""

from __future__ import annotations

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

# One name for this run of the tests, so that several at a time do not meet in one database. The
# processes that it starts (workers of pytest-xdist, for one) inherit the name.
RUN = os.environ.setdefault("ATM_TEST_RUN", str(os.getpid()))
DIRECTORY = Path(tempfile.gettempdir()) / f"automations-tests-{RUN}"

# How many seconds a process waits for a lock of the database, if not as long as is usual: a test
# that holds one longer need not take long.
PATIENCE = os.environ.get("ATM_TEST_PATIENCE")

# The isolation level of all transactions, if not the usual one. On MariaDB also whether one that
# reads what was there when it began is refused to write what has changed since.
ISOLATION = os.environ.get("ATM_TEST_ISOLATION")
SNAPSHOT = os.environ.get("ATM_TEST_SNAPSHOT") == "1"

VENDOR = os.environ.get("ATM_TEST_DATABASE", "sqlite")
NAME = os.environ.get("ATM_TEST_DATABASE_NAME")


def sqlite() -> dict[str, Any]:
    """Return a database in a file, so that other processes can open it."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": NAME or ":memory:",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "timeout": float(PATIENCE or 20),
        },
        "TEST": {"NAME": str(DIRECTORY / "test.sqlite3")},
    }


def postgresql() -> dict[str, Any]:
    """Return the PostgreSQL that the environment names as for libpq, else this machine's."""
    options: dict[str, Any] = {}
    if PATIENCE:
        limit = float(PATIENCE) * 1000
        options["options"] = f"-c lock_timeout={limit:.0f} -c deadlock_timeout=20"
    if ISOLATION:
        from psycopg import IsolationLevel

        options["isolation_level"] = IsolationLevel[ISOLATION.replace(" ", "_").upper()]
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": NAME or "automations",
        "HOST": os.environ.get("PGHOST", "127.0.0.1"),
        "PORT": os.environ.get("PGPORT", "5432"),
        "USER": os.environ.get("PGUSER", "postgres"),
        "PASSWORD": os.environ.get("PGPASSWORD", ""),
        "OPTIONS": options,
        "TEST": {"NAME": f"test_automations_{RUN}"},
    }


def mariadb() -> dict[str, Any]:
    """Return the MariaDB that the environment names, else this machine's."""
    import pymysql

    pymysql.install_as_MySQLdb()
    begin = [f"lock_wait_timeout = {PATIENCE}"] if PATIENCE else []
    begin += ["innodb_snapshot_isolation = ON"] if SNAPSHOT else []
    return {
        "ENGINE": "django.db.backends.mysql",
        "NAME": NAME or "automations",
        "HOST": os.environ.get("MYSQL_HOST", "127.0.0.1"),
        "PORT": os.environ.get("MYSQL_PORT", "3306"),
        "USER": os.environ.get("MYSQL_USER", "root"),
        "PASSWORD": os.environ.get("MYSQL_PASSWORD", ""),
        "OPTIONS": {
            "charset": "utf8mb4",
            # Django's default, said aloud: what a locked row shows depends on it.
            "isolation_level": ISOLATION or "read committed",
            **({"init_command": "SET " + ", ".join(begin)} if begin else {}),
        },
        "TEST": {
            "NAME": f"test_automations_{RUN}",
            "CHARSET": "utf8mb4",
            # Deliberately one that takes "a" and "A" for equal, as nearly every user's database
            # does: a constraint or a look-up that needs a binary collation fails here.
            "COLLATION": "utf8mb4_unicode_ci",
        },
    }


DATABASES = {"default": {"sqlite": sqlite, "postgresql": postgresql, "mariadb": mariadb}[VENDOR]()}

SECRET_KEY = "for the tests only"
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.admin",
    "django.contrib.staticfiles",
    "automations",
    "tests.testapp",
    # A queue in the database. With Django 5.2 it brings the tasks that Django 6 has by itself.
    *(["django_tasks"] if not find_spec("django.tasks") else []),
    "django_tasks_db",
]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": []}}

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "tests.policy.content_security_policy",
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

# Not UTC, and with a change of clocks: a wall-clock rule that is worked out in UTC shows.
TIME_ZONE = "Europe/Berlin"
USE_TZ = True
LANGUAGE_CODE = "en"
USE_I18N = True

# Django 6.1 warns where nothing says how mail is sent; Django 5.2 does not know this.
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}

STATIC_URL = "static/"
MEDIA_ROOT = str(DIRECTORY / "media")
LOGIN_REDIRECT_URL = "/"

# What a test asks of the processes that it starts: to give a dead one's work up sooner, to be
# more patient with tasks that are killed, to do less behind each request, and to be woken.
ATM_COMMIT_EVERY = int(os.environ.get("ATM_TEST_COMMIT_EVERY", "20"))
ATM_CLAIM = float(os.environ.get("ATM_TEST_CLAIM", "60"))
ATM_DISPATCHER = os.environ.get("ATM_TEST_DISPATCHER", "inline")
ATM_QUEUE = os.environ.get("ATM_TEST_QUEUE", "")
ATM_ATTEMPTS = int(os.environ.get("ATM_TEST_ATTEMPTS", "3"))
ATM_BUDGET_TASKS = int(os.environ.get("ATM_TEST_BUDGET", "100"))
ATM_NOTIFY = os.environ.get("ATM_TEST_NOTIFY") == "1"

# Hashing is slow on purpose; no test has a password to protect.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
