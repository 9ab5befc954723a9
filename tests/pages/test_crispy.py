"""Where a project has crispy-forms, that shows the fields; form and buttons stay the page's own."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User

from automations.models import AutomationTaskModel
from automations.views import entries
from tests.pages.conftest import browser
from tests.pages.test_pages import url
from tests.testapp.formset_processes import Order
from tests.testapp.page_processes import Everything

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def crispy(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    """Let the project have crispy-forms."""
    has_it = SimpleNamespace(is_installed=lambda name: name == "crispy_forms")
    monkeypatch.setattr(entries, "apps", has_it)
    templates = copy.deepcopy(settings.TEMPLATES)
    libraries = templates[0]["OPTIONS"].setdefault("libraries", {})
    libraries["crispy_forms_tags"] = "tests.testapp.pretend_crispy"
    settings.TEMPLATES = templates


def test_a_form_is_shown_by_crispy_forms(
    people: dict[str, User], asks: dict[str, AutomationTaskModel]
) -> None:
    text = browser(people, "member").get(url(asks["by_group"])).content.decode()
    assert text.count("by filter") == 1
    assert text.count("<form") == text.count("</form")
    assert 'name="csrfmiddlewaretoken"' in text
    assert ">Submit<" in text


def test_a_formset_is_shown_by_crispy_forms(people: dict[str, User]) -> None:
    task = AutomationTaskModel.objects.get(automation=Order().id, state="waiting")
    text = browser(people, "holder").get(url(task)).content.decode()
    assert text.count("by filter") == 1
    assert 'name="form-TOTAL_FORMS"' in text


def test_a_helper_makes_no_form_inside_of_the_form_and_is_not_changed_for_others(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = SimpleNamespace(name="mine", form_tag=True, disable_csrf=False)
    monkeypatch.setattr(Everything, "helper", helper, raising=False)
    text = browser(people, "member").get(url(asks["by_group"])).content.decode()
    assert "by helper mine, form_tag=False, no csrf=True" in text
    assert (helper.form_tag, helper.disable_csrf) == (True, False)
