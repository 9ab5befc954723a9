"""The templates: which there are, that they are sound, and that a project can replace each."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.template.loader import get_template
from django.urls import reverse

from automations.models import AutomationTaskModel
from tests.pages.conftest import browser
from tests.testapp.processes import Fragile

pytestmark = pytest.mark.django_db

DOCUMENTED = [
    *("base", "task_list", "form_view", "dashboard", "history", "traceback", "error_report"),
    *("preformatted_traceback", "includes/dashboard", "includes/dashboard_item"),
    *("includes/form_view", "includes/task_item", "includes/task_list"),
]
VOID = {"meta", "link", "input", "br", "hr", "img", "path", "circle"}


class Elements(HTMLParser):
    """Keeps which elements are open, and complains of an end without a beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        """What SVG has inside needs no end of its own."""
        assert tag in VOID or "svg" in self.open, self.getpos()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, self.getpos()


@pytest.mark.api("templates")
@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_template_is_there(name: str) -> None:
    assert get_template(f"automations/{name}.html")


@pytest.mark.api("templates")
def test_every_page_closes_what_it_opens(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    failed = Fragile(fail=True)
    task = AutomationTaskModel.objects.get(automation=failed.id, state="failed")
    root = browser(people, "root")
    form = reverse("automations:task", args=[asks["by_user"].pk])
    root.post(reverse("automations:task", args=[asks["by_right"].pk]), {"text": "done"})
    for address in (
        form,
        f"{form}?back=/my/page/",
        reverse("automations:task", args=[asks["by_right"].pk]),
        reverse("automations:task_list"),
        reverse("automations:dashboard"),
        reverse("automations:error_report"),
        reverse("automations:history", args=[failed.id]),
        reverse("automations:traceback", args=[failed.id, task.pk]),
    ):
        elements = Elements()
        elements.feed(root.get(address).content.decode())
        assert elements.open == [], address


@pytest.mark.api("templates")
@pytest.mark.parametrize("name", ["base", "task_list", "includes/task_list", "includes/task_item"])
def test_a_template_of_the_project_takes_the_place_of_ours(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    settings: Any,
    tmp_path: Path,
    name: str,
) -> None:
    own = tmp_path / "automations" / f"{name}.html"
    own.parent.mkdir(parents=True)
    own.write_text("The project's own.")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    page = browser(people, "asked").get(reverse("automations:task_list")).content.decode()
    assert "The project's own." in page
