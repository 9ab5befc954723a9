"""Each page is for those who have both of its permissions, and looking at it changes nothing."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from automations.models import AutomationModel
from automations.views import DashboardView, TaskDashboardView
from tests.pages.rows import add_failed_task, make_run
from tests.pages.test_pages import fingerprint
from tests.testapp.dashboard_processes import Plain, WithCard

pytestmark = pytest.mark.django_db

VIEW = ["view_automationmodel", "view_automationtaskmodel"]
CHANGE = ["change_automationmodel", "change_automationtaskmodel"]
PAGES = {"dashboard": VIEW, "error_report": CHANGE, "history": CHANGE, "traceback": CHANGE}
#: The permissions that somebody has; None stands for a superuser.
PEOPLE = {
    "nobody": [],
    "view runs": VIEW[:1],
    "view tasks": VIEW[1:],
    "view": VIEW,
    "change runs": CHANGE[:1],
    "change tasks": CHANGE[1:],
    "change": CHANGE,
    "all": VIEW + CHANGE,
    "superuser": None,
}


@pytest.fixture
def addresses(db: None) -> dict[str, str]:
    """The address of each page, with something to show on it."""
    run = make_run(Plain, "failed")
    task = add_failed_task(run)
    make_run(WithCard)
    arguments = {"history": [run.pk], "traceback": [run.pk, task.pk]}
    return {name: reverse(f"automations:{name}", args=arguments.get(name)) for name in PAGES}


def log_in(rights: list[str] | None) -> Client:
    """Return the browser of somebody who has ``rights``."""
    user = User.objects.create(username="somebody", is_superuser=rights is None)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights or []))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.api("D7", "views", "urls")
def test_a_page_is_for_those_who_have_both_permissions(
    addresses: dict[str, str], page: str, who: str
) -> None:
    rights = PEOPLE[who]
    client = log_in(rights)
    before = fingerprint()
    allowed = rights is None or set(PAGES[page]) <= set(rights)
    for verb in ("get", "head", "options"):
        status = getattr(client, verb)(addresses[page]).status_code
        assert status == (200 if allowed else 403), verb
    for verb in ("post", "put", "patch", "delete"):
        status = getattr(client, verb)(addresses[page]).status_code
        assert status == (405 if allowed else 403), verb
    assert fingerprint() == before


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.api("views")
def test_who_is_not_logged_in_is_asked_to(addresses: dict[str, str], page: str) -> None:
    response = Client().get(addresses[page])
    assert response.status_code == 302
    assert response.url == f"/accounts/login/?next={addresses[page]}"


@pytest.mark.parametrize("who", PEOPLE)
def test_the_navigation_shows_what_one_may_see_and_nothing_else(
    addresses: dict[str, str], who: str
) -> None:
    rights = PEOPLE[who]
    text = log_in(rights).get(reverse("automations:task_list")).content.decode()
    for page in ("dashboard", "error_report"):
        allowed = rights is None or set(PAGES[page]) <= set(rights)
        assert (f'href="{addresses[page]}"' in text) == allowed, page


def test_the_page_that_one_is_on_is_marked(addresses: dict[str, str]) -> None:
    client = log_in(None)
    for page in ("dashboard", "error_report"):
        text = client.get(addresses[page]).content.decode()
        assert f'href="{addresses[page]}" aria-current="page"' in text
        assert text.count('aria-current="page"') == 1


def test_a_run_or_a_task_that_is_not_there_has_no_page(addresses: dict[str, str]) -> None:
    client = log_in(None)
    run = AutomationModel.objects.get(state="failed")
    other = make_run(Plain)
    task = add_failed_task(other)
    assert client.get(reverse("automations:traceback", args=[run.pk, task.pk])).status_code == 404
    assert client.get(reverse("automations:traceback", args=[0, task.pk])).status_code == 404
    assert client.get(reverse("automations:traceback", args=[run.pk, 0])).status_code == 404
    assert client.get(reverse("automations:history", args=[10**25])).status_code == 404
    assert client.get(f"/automations/dashboard/{10**25}/traceback/{10**25}").status_code == 404


@pytest.mark.api("views")
def test_the_dashboard_has_its_documented_name() -> None:
    assert DashboardView is TaskDashboardView
