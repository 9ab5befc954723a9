"""Rights on single objects count, where a backend knows such rights."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations.engine import holds
from automations.exceptions import NotAllowed
from automations.inbox import Inbox, Wanted
from automations.models import AutomationObjectModel, AutomationTaskModel
from automations.models.rights import know_objects
from tests.testapp.models import Effect, IssueList
from tests.testapp.object_processes import OfList

pytestmark = pytest.mark.django_db

RIGHT = "testapp.view_effect"
DJANGO = "django.contrib.auth.backends.ModelBackend"


class Objects(BaseBackend):
    """Knows who may do what to which object, as django-guardian does."""

    granted: ClassVar[set[tuple[int, str, Any]]] = set()
    asked: ClassVar[list[tuple[str, Any]]] = []

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        """Return whether it was granted; about nothing it knows nothing."""
        if obj is None:
            return False
        assert perm.partition(".")[0] == obj._meta.app_label, "guardian raises an error then"
        self.asked.append((perm, obj))
        return (user_obj.pk, perm, obj) in self.granted


class Renamed(ModelBackend):
    """A backend that only lets users in in another way."""

    def authenticate(self, *args: Any, **kwargs: Any) -> None:
        """Nobody."""


@pytest.fixture
def ada(settings: Any) -> User:
    """Somebody without any right, in a project with rights on objects."""
    settings.AUTHENTICATION_BACKENDS = [DJANGO, "tests.models.test_object_rights.Objects"]
    Objects.granted.clear()
    Objects.asked.clear()
    return User.objects.create(username="ada")


def asked_about(issues: IssueList) -> AutomationTaskModel:
    """Return the task of a new run about this list."""
    return AutomationTaskModel.objects.get(automation=OfList(issue_list=issues).id, state="waiting")


def grant(user: User, issues: IssueList) -> None:
    """Let the user have the right on this list."""
    Objects.granted.add((user.pk, RIGHT, issues))


def test_a_right_on_what_a_run_is_about_lets_one_do_its_task_and_no_other(ada: User) -> None:
    mine, other = IssueList.objects.create(title="a"), IssueList.objects.create(title="b")
    tasks = [asked_about(mine), asked_about(other)]
    grant(ada, mine)
    assert [task.may_be_done_by(ada) for task in tasks] == [True, False]
    assert list(AutomationTaskModel.objects.doable_by(ada)) == tasks[:1]
    assert list(Inbox(ada).tasks(Wanted())) == tasks[:1]
    assert Inbox(ada).counts()["open"] == 1
    browser = Client()
    browser.force_login(ada)
    assert [task.pk for task in browser.get("/automations/").context["tasks"]] == [tasks[0].pk]
    answers = [browser.get(f"/automations/{task.pk}").status_code for task in tasks]
    assert answers == [200, 404]
    with pytest.raises(NotAllowed):
        holds.take(tasks[1].automation_id, tasks[1].pk, ada)
    sent = {"approved": "on", "reason": "good"}
    assert browser.post(f"/automations/{tasks[1].pk}", sent).status_code == 404
    assert browser.post(f"/automations/{tasks[0].pk}", sent).status_code == 302
    tasks[0].refresh_from_db()
    assert tasks[0].state == "completed"


def test_a_right_that_is_taken_back_counts_no_more(ada: User) -> None:
    issues = IssueList.objects.create(title="a")
    task = asked_about(issues)
    grant(ada, issues)
    assert task.may_be_done_by(ada)
    Objects.granted.clear()
    assert not task.may_be_done_by(ada)


def test_a_right_on_everything_needs_no_object(ada: User) -> None:
    task = asked_about(IssueList.objects.create(title="a"))
    ada.user_permissions.add(Permission.objects.get(codename="view_effect"))
    ada = User.objects.get(pk=ada.pk)
    assert task.may_be_done_by(ada)
    assert list(Inbox(ada).tasks(Wanted())) == [task]
    assert Objects.asked == []


def test_an_object_that_is_gone_gives_no_right(ada: User) -> None:
    issues = IssueList.objects.create(title="a")
    task = asked_about(issues)
    grant(ada, issues)
    Objects.granted.add((ada.pk, RIGHT, issues))
    IssueList.objects.all().delete()
    assert not task.may_be_done_by(ada)
    AutomationObjectModel.objects.update(model="gone.model")
    assert not task.may_be_done_by(ada)
    assert not AutomationTaskModel.objects.doable_by(ada).exists()


def test_what_runs_are_about_is_fetched_at_once(ada: User) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            list(Inbox(User.objects.get(pk=ada.pk)).tasks(Wanted()))
        return len(found)

    asked_about(IssueList.objects.create(title="a"))
    one = queries()
    for title in "bcdefgh":
        grant(ada, issues := IssueList.objects.create(title=title))
        asked_about(issues)
    assert queries() == one
    assert Inbox(ada).counts()["open"] == 7


def test_no_object_is_asked_for_where_no_backend_knows_any(ada: User, settings: Any) -> None:
    task = asked_about(IssueList.objects.create(title="a"))
    assert know_objects()
    for backends in ([DJANGO], ["tests.models.test_object_rights.Renamed"]):
        settings.AUTHENTICATION_BACKENDS = backends
        assert not know_objects()
        with CaptureQueriesContext(connection) as queries:
            assert not task.may_be_done_by(User.objects.get(pk=ada.pk))
        assert not [query for query in queries if "automationobject" in query["sql"]]
    assert Effect.objects.count() == 0
