"""Pictures of processes in a real browser: for everybody, under a strict policy, by keyboard."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse

from automations import flow
from automations.flow import this
from automations.models import AutomationModel
from automations.views import pictures
from tests.browser.conftest import Open
from tests.browser.test_browser import DESKTOP, PHONE, look
from tests.diagrams.corpus import chain, made, wide
from tests.testapp.picture_processes import Pictured

if TYPE_CHECKING:
    from playwright.sync_api import Page

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


def shown(page: Page, selector: str) -> bool:
    """Return whether all of an element is inside of the frame that scrolls."""
    inner = page.locator(selector).bounding_box()
    outer = page.locator(".atm-picture-frame").bounding_box()
    assert inner is not None
    assert outer is not None
    return all(
        outer[place] <= inner[place]
        and inner[place] + inner[size] <= outer[place] + outer[size]
        for place, size in (("x", "width"), ("y", "height"))
    )  # fmt: skip


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_picture_is_shown_where_the_run_is(
    people: dict[str, User], addresses: list[str], open_page: Open, size: Any
) -> None:
    for address in (addresses[0], addresses[0].removesuffix("/picture")):
        page = open_page(people["root"], address, viewport=size)
        assert shown(page, "[data-node=ask].waiting > .shape"), address
        # What has the keyboard comes into sight.
        page.locator("a[aria-label^='Start:']").focus()
        page.locator("a[aria-label^='Again?']").focus()
        assert shown(page, "a[aria-label^='Again?'] .shape"), address


def test_what_has_the_focus_in_a_picture_shows_it(
    people: dict[str, User], addresses: list[str], open_page: Open
) -> None:
    page = open_page(people["root"], addresses[0])
    shape = page.locator("a[aria-label^='Ask:'] .shape")
    before = shape.evaluate("shape => getComputedStyle(shape).stroke")
    page.locator(".atm-picture-frame").focus()
    for _ in range(9):
        page.keyboard.press("Tab")
        if "Ask:" in (page.locator(":focus").get_attribute("aria-label") or ""):
            break
    after = shape.evaluate("shape => getComputedStyle(shape)")
    assert after["stroke"] != before
    assert after["strokeWidth"] == "4px"


def test_a_picture_stays_as_it_was_looked_at_when_it_is_refreshed(
    people: dict[str, User], addresses: list[str], open_page: Open, settings: Any
) -> None:
    settings.ATM_REFRESH = 0.05
    page = open_page(people["root"], addresses[0], viewport=PHONE)
    frame, svg = page.locator(".atm-picture-frame"), page.locator(".atm-picture-frame svg")
    page.click("[data-atm-zoom=in]")
    frame.evaluate("frame => frame.scrollTo(222, 11)")
    page.evaluate("document.activeElement.blur()")
    AutomationModel.objects.get().cancel()
    page.locator("[data-node=ask].cancelled").wait_for()
    scale = svg.evaluate("svg => svg.width.baseVal.value / svg.viewBox.baseVal.width")
    assert scale == pytest.approx(1.25)
    assert frame.evaluate("frame => [frame.scrollLeft, frame.scrollTop]") == [222, 11]
    assert page.locator("[data-atm-zoom]").first.is_visible()


def test_what_is_not_new_is_not_replaced(
    people: dict[str, User], addresses: list[str], open_page: Open, settings: Any
) -> None:
    settings.ATM_REFRESH = 0.05
    page = open_page(people["root"], addresses[0])
    page.evaluate("window.shown = document.querySelector('.atm-picture-frame svg')")
    for _ in range(3):
        with page.expect_response("**part=live**"):
            pass
    assert page.evaluate("shown === document.querySelector('.atm-picture-frame svg')")


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_a_process_of_two_hundred_nodes_stays_in_its_box(
    people: dict[str, User],
    addresses: list[str],
    open_page: Open,
    monkeypatch: pytest.MonkeyPatch,
    size: Any,
) -> None:
    nodes = {"begin": flow.Execute(this.work)} | wide(6, 5, 4) | chain(80)
    large = made("Large", nodes)
    assert len(large._meta.nodes) >= 200
    monkeypatch.setattr(pictures, "found", lambda path: large)
    began = time.perf_counter()
    page = open_page(people["root"], addresses[1], viewport=size)
    assert time.perf_counter() - began < 30
    look(page)
    page.click("[data-atm-zoom=fit]")
    assert shown(page, "[data-node=end] > .shape >> nth=-1")
