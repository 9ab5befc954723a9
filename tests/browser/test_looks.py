"""How the pages look, as far as a browser can tell: what fits, what stands out, what is legible."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from automations.models import AutomationTaskModel
from tests.browser.conftest import Open, submit, widths
from tests.pages.rows import add_question, make_run
from tests.testapp.dashboard_processes import Plain
from tests.testapp.inbox_processes import ByHand
from tests.testapp.looks_processes import HOSTILE, LINES, Chooses
from tests.testapp.processes import Loop, Nested

if TYPE_CHECKING:
    from playwright.sync_api import Locator

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PHONE = {"width": 390, "height": 844}


def style(element: Locator, name: str) -> str:
    """Return what the browser has worked out for a property of ``element``."""
    found: str = element.evaluate("(one, name) => getComputedStyle(one)[name]", name)
    return found


def box(element: Locator) -> dict[str, Any]:
    """Return where ``element`` is."""
    found = element.bounding_box()
    assert found is not None
    return dict(found)


def ask(form: type[Chooses]) -> str:
    """Start a run that asks; return the address of the form."""
    task = AutomationTaskModel.objects.get(automation=form().id, state="waiting")
    return reverse("automations:task", args=[task.pk])


def test_no_page_scrolls_sideways_on_a_phone(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    incidents: list[AutomationTaskModel],
    open_page: Open,
) -> None:
    name = "a.name.that.never.ends@a.department.of.some.company.example.org"
    root = User.objects.create(username=name, is_superuser=True)
    gone = make_run("tests.gone.NameThatIsAsLongAsNamesOfClassesGet", "failed")
    deep = make_run(Plain, "running", tasks=16)
    deep.automationtaskmodel_set.update(status="x" * 60)
    add_question(make_run(Plain, "running"), interaction_user_name="x" * 100)
    failed = [[task.automation_id, task.pk] for task in incidents]
    runs = [run for run, _ in failed] + [gone.pk, deep.pk, Nested().id, Loop(limit=30).id]
    page = open_page(root, "/automations/", viewport=PHONE, locale="de")
    for address in (
        "/automations/",
        reverse("automations:dashboard"),
        reverse("automations:error_report"),
        reverse("automations:task", args=[asks["by_user"].pk]),
        ask(Chooses),
        reverse("automations:start_list"),
        reverse("automations:start", args=[ByHand.get_automation_name()]),
        *(reverse("automations:history", args=[run]) for run in runs),
        *(reverse("automations:picture", args=[run]) for run in runs if run != gone.pk),
        reverse("automations:process", args=[Nested.get_automation_name()]),
        *(reverse("automations:traceback", args=arguments) for arguments in failed),
    ):
        page.goto(address)
        for summary in page.locator("summary").all():
            summary.click()
        for form in page.locator("main form").all():
            form.evaluate("form => form.noValidate = true")
            page.click("main button[type=submit]")  # some are answered without another page
            page.wait_for_load_state()
        assert widths(page) == [390, 390], address


def test_an_error_is_shown_as_it_was_written_and_does_nothing(
    people: dict[str, User], incidents: list[AutomationTaskModel], open_page: Open
) -> None:
    page = open_page(people["root"], reverse("automations:error_report"))
    addresses = [reverse("automations:error_report")]
    for task in (incidents[0], incidents[2]):
        addresses.append(reverse("automations:history", args=[task.automation_id]))
        addresses.append(reverse("automations:traceback", args=[task.automation_id, task.pk]))
    shown = {}
    for address in addresses:
        page.goto(address)
        assert page.locator("h1").count() == 1
        ours = "[src='/static/automations/live.js'], [src='/static/automations/diagram.js']"
        assert page.locator(f"main :is(script:not({ours}), img)").count() == 0
        shown[address] = page.locator("main").inner_text()
    report, hostile, _, lines, _ = addresses
    for address in (report, hostile):
        assert f"ValueError: {HOSTILE}" in shown[address]
    for address in (report, lines):
        assert f"RuntimeError: {LINES}" in shown[address]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_error_stands_out(
    people: dict[str, User], incidents: list[AutomationTaskModel], open_page: Open, scheme: str
) -> None:
    page = open_page(people["root"], reverse("automations:error_report"), color_scheme=scheme)
    item = page.locator(".atm-item").first
    message, node = item.locator(".atm-message"), item.locator("strong")
    assert style(message, "color") != style(node, "color")
    assert box(message)["y"] >= box(node)["y"] + box(node)["height"]
    page = open_page(people["asked"], ask(Chooses), color_scheme=scheme)
    page.locator("main form").first.evaluate("form => form.noValidate = true")
    submit(page)
    wrong, right, fixed = (page.locator(f"[name={it}]") for it in ("name", "nickname", "number"))
    assert style(wrong, "borderTopColor") == style(page.locator(".errorlist").first, "color")
    assert style(wrong, "borderTopColor") != style(right, "borderTopColor")
    assert style(fixed, "color") != style(right, "color")


def test_light_or_dark_is_for_the_page_to_say_in_which_it_stands(
    people: dict[str, User], open_page: Open
) -> None:
    page = open_page(people["root"], reverse("automations:task_list"), color_scheme="dark")
    body = page.locator("body")
    dark = style(body, "backgroundColor"), style(body, "color")
    # As a site that says nothing, and so is light.
    page.locator("meta[name=color-scheme]").evaluate("meta => meta.remove()")
    light = style(body, "backgroundColor"), style(body, "color")
    assert (dark, light) == (
        ("rgb(18, 22, 29)", "rgb(231, 234, 240)"),
        ("rgb(246, 247, 249)", "rgb(29, 36, 48)"),
    )


def test_a_box_stands_before_what_it_means_and_no_choice_looks_like_a_heading(
    people: dict[str, User], open_page: Open
) -> None:
    page = open_page(people["asked"], ask(Chooses), viewport=PHONE)
    tick, label = page.locator("[name=agree]"), page.locator("label[for=id_agree]")
    assert box(tick)["x"] + box(tick)["width"] < box(label)["x"]
    assert box(label)["y"] <= box(tick)["y"] < box(label)["y"] + box(label)["height"]
    legend, choice = page.locator("legend").first, page.locator("label:has([type=radio])").last
    assert int(style(choice, "fontWeight")) < int(style(legend, "fontWeight"))
    assert box(choice)["height"] > box(choice.locator("input"))["height"] * 2  # on two lines
    day, hour = page.locator("[name=moment_0]"), page.locator("[name=moment_1]")
    assert box(hour)["y"] > box(day)["y"] + box(day)["height"]


def test_what_has_the_focus_shows_it(people: dict[str, User], open_page: Open) -> None:
    page = open_page(people["asked"], ask(Chooses))
    seen = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if not focused.count():
            break
        seen.add(focused.evaluate("one => one.tagName"))
        assert style(focused, "outlineStyle") == "solid"
        assert style(focused, "outlineWidth") == "3px"
    assert seen == {"A", "BUTTON", "INPUT", "SUMMARY"}
