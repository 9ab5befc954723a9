"""After a test that has committed the database is as it was when it was made."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.commands import flush
from django.db import connection

pytestmark = pytest.mark.django_db(transaction=True)


def emptied() -> None:
    """Empty the database, as is done after a test."""
    call_command("flush", verbosity=0, interactive=False)


@pytest.fixture
def made() -> list[tuple[Any, ...]]:
    """All permissions of a database that has just been made."""
    emptied()
    emptied()
    return permissions()


def permissions() -> list[tuple[Any, ...]]:
    return list(Permission.objects.order_by("pk").values_list())


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list in which is noted how often all is made anew."""
    calls: list[str] = []
    ours = flush.emit_post_migrate_signal.__self__
    usual = ours._emit
    monkeypatch.setattr(ours, "_emit", lambda *how, **more: (calls.append("made"), usual(*how)))
    return calls


def test_what_a_test_has_left_is_gone_and_what_was_made_is_there(
    made: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_calls(monkeypatch)
    Group.objects.create(name="left").permissions.add(Permission.objects.first())
    emptied()
    assert not Group.objects.exists()
    assert permissions() == made
    assert calls == []


def another() -> None:
    kind = ContentType.objects.first()
    Permission.objects.create(name="one more", codename="more", content_type=kind)


@pytest.mark.parametrize(
    "change",
    [
        another,
        lambda: Permission.objects.order_by("pk")[:1].get().delete(),
        lambda: Permission.objects.filter(codename="add_user").update(name="another"),
    ],
)
def test_what_a_test_has_changed_of_it_is_made_anew(
    change: Any, made: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_calls(monkeypatch)
    change()
    emptied()
    names = set(Permission.objects.values_list("codename", "name", "content_type__model"))
    assert ("add_user", "Can add user", "user") in names
    assert ("more", "one more") not in {name[:2] for name in names}
    assert len(names) == len(made)
    assert calls == ["made"]
    emptied()
    assert calls == ["made"]


def test_no_row_of_any_other_table_is_left(made: list[tuple[Any, ...]]) -> None:
    from tests.testapp.processes import Straight

    Straight()
    emptied()
    kept = {"auth_permission", "django_content_type"}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(only_existing=True):
            cursor.execute(f"SELECT COUNT(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - ours
            (number,) = cursor.fetchone()
            assert bool(number) == (table in kept), table
