"""The tasks of a user, in any template of a project."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.template import Context, RequestContext, Template
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from automations.models import AutomationTaskModel
from tests.pages.conftest import ENTITLED, NODES
from tests.pages.rows import add_question, make_run
from tests.testapp.dashboard_processes import Plain

pytestmark = pytest.mark.django_db

TASKS = "{% load atm_tags %}{% automation_tasks %}"


def render(source: str, user: Any, **values: Any) -> str:
    """Return the template ``source``, rendered for ``user``."""
    request = RequestFactory().get("/")
    request.user = user or AnonymousUser()
    return str(Template(source).render(RequestContext(request, {"request": request, **values})))


@pytest.mark.parametrize("name", [name for name in ENTITLED if name != "anonymous"])
@pytest.mark.api("template tags")
def test_a_template_shows_to_each_user_the_tasks_that_are_theirs(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], name: str
) -> None:
    text = render(TASKS, people[name])
    shown = {node for node in NODES if f'href="/automations/{asks[node].pk}"' in text}
    assert shown == (ENTITLED[name] if people[name].is_active else set())


def test_a_template_shows_nothing_to_who_is_not_logged_in(
    asks: dict[str, AutomationTaskModel],
) -> None:
    assert render(TASKS, AnonymousUser()) == ""
    assert Template(TASKS).render(Context()) == ""
    listed = "{% load atm_tags %}{% automation_task_list as tasks %}{{ tasks|length }}"
    assert render(listed, AnonymousUser()) == "0"
    assert Template(listed).render(Context()) == "0"


def test_the_tasks_can_be_shown_by_a_template_of_the_project(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    text = render(
        "{% load atm_tags %}{% automation_tasks template='testapp/tasks.html' %}", people["member"]
    )
    assert text.strip() == "1: By group"


@pytest.mark.api("template tags")
def test_the_tasks_can_be_had_as_a_variable(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    source = (
        "{% load atm_tags %}{% automation_task_list as tasks %}"
        "{% for task in tasks %}{% with names=task|names %}"
        "{{ names.node }} of {{ names.automation }},"
        "{{ task.automation|automation_name }}{% endwith %}{% endfor %}"
    )
    name = "Asking &lt;around&gt;"
    assert render(source, people["member"]) == f"By group of {name},{name}"


def test_a_long_list_is_cut_and_says_so(people: dict[str, User]) -> None:
    run = make_run(Plain, "running")
    tasks = [add_question(run, interaction_user=people["asked"]) for _ in range(7)]
    text = render("{% load atm_tags %}{% automation_tasks limit=3 %}", people["asked"])
    assert [f'href="/automations/{task.pk}"' in text for task in tasks] == [True] * 3 + [False] * 4
    assert "All 7 tasks" in text
    assert "All 7 tasks" not in render(TASKS, people["asked"])


def test_names_are_escaped_in_any_template(people: dict[str, User]) -> None:
    script = "<script>alert(1)</script>"
    add_question(make_run(Plain, "running"), interaction_user=people["asked"], status=script)
    text = render(TASKS, people["asked"])
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") == 2


def test_the_list_costs_the_same_whatever_the_number_of_tasks(people: dict[str, User]) -> None:
    run = make_run(Plain, "running")

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            render(TASKS, people["asked"])
        return len(queries)

    add_question(run, interaction_user=people["asked"])
    few = cost()
    for _ in range(20):
        add_question(run, interaction_user=people["asked"])
    assert cost() == few <= 3
