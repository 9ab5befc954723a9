"""The page on running it."""

from __future__ import annotations

from pathlib import Path

import pytest
from blocks import Page
from django.db.utils import ConnectionHandler
from django.test import override_settings
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from automations.checks import check_settings

page = Page("run", globals())
NOTIFY = page.settings("ATM_NOTIFY")
OPTIONS = page.text("keepalives")
DATABASES = page.settings("DATABASES", BASE_DIR=Path(__file__).parent)


def test_the_setting_of_notify_is_one_that_only_postgresql_honours() -> None:
    with override_settings(**NOTIFY):
        assert [flaw.id for flaw in check_settings()] == ["automations.W004"]


def test_postgresql_takes_the_options() -> None:
    options = eval("{" + OPTIONS + "}")["OPTIONS"]
    assert len(conninfo_to_dict(make_conninfo(**options))) == 4


@pytest.mark.django_db
def test_sqlite_takes_the_options(tmp_path: Path) -> None:
    DATABASES["DATABASES"]["default"]["NAME"] = tmp_path / "db.sqlite3"
    connection = ConnectionHandler(DATABASES["DATABASES"])["default"]
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        assert cursor.fetchone() == ("wal",)
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone() == (1,)
    connection.close()
