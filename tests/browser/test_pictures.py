"""Pictures of processes in a real browser: for everybody, under a strict policy, by keyboard."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from tests.browser.conftest import Open
from tests.browser.test_browser import look
from tests.testapp.picture_processes import Pictured

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def addresses(db: None) -> list[str]:
    Group.objects.create(name="reviewers")
    run = Pictured()
    return [
        reverse("automations:picture", args=[run.id]),
        reverse("automations:process", args=[Pictured.get_automation_name()]),
    ]


@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "de")])
def test_pictures_are_for_everybody(
    people: dict[str, User], addresses: list[str], open_page: Open, scheme: str, language: str
) -> None:
    page = open_page(people["root"], addresses[0], color_scheme=scheme, locale=language)
    for address in addresses:
        page.goto(address)
        page.locator("summary").first.click()
        look(page)
        # The stylesheet has been let in by the policy, and the file has its own.
        stroke = page.locator(".atm-diagram .line").first
        assert stroke.evaluate("line => getComputedStyle(line).fill") == "none"


def test_a_step_is_found_with_the_keyboard_and_leads_to_its_task(
    people: dict[str, User], addresses: list[str], open_page: Open
) -> None:
    page = open_page(people["root"], addresses[0], java_script_enabled=False)
    assert page.locator("[data-atm-zoom]").first.is_hidden()
    for _ in range(60):
        page.keyboard.press("Tab")
        if "Ask:" in (page.locator(":focus").get_attribute("aria-label") or ""):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**?task=*#task-*")
    place = page.url.partition("#")[2]
    assert page.locator(f"#{place} strong").inner_text() == "Ask"


def test_a_picture_is_made_larger_and_smaller(
    people: dict[str, User], addresses: list[str], open_page: Open
) -> None:
    page = open_page(people["root"], addresses[1])

    def width() -> float:
        return float(page.locator(".atm-picture-frame svg").get_attribute("width") or 0)

    usual = width()
    page.click("[data-atm-zoom=in]")
    assert width() == pytest.approx(usual * 1.25)
    page.click("[data-atm-zoom=fit]")
    frame = page.locator(".atm-picture-frame")
    assert width() <= max(usual, frame.bounding_box()["width"])  # type: ignore[index] # it is seen
    frame.focus()
    fitting = width()
    page.keyboard.press("-")
    assert width() < fitting


def test_the_page_of_a_run_shows_its_picture(
    people: dict[str, User], addresses: list[str], open_page: Open
) -> None:
    page = open_page(people["root"], addresses[0].removesuffix("/picture"))
    assert page.locator("[data-node=ask].waiting").count() == 1
    page.locator("a[aria-label^='Ask:']").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**#task-*")
    look(page)
