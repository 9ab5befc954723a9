"""The pages in a real browser: for everybody, with a strict policy, without JavaScript."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.urls import reverse
from django.utils import timezone

from automations import notices
from automations.models import AutomationModel, AutomationTaskModel
from tests.browser.conftest import Open, submit, widths
from tests.pages.rows import add_question, make_run
from tests.pages.test_folding import looped
from tests.testapp.dashboard_processes import BrokenTemplate, Plain, WithCard
from tests.testapp.formset_processes import Order
from tests.testapp.inbox_processes import ByHand
from tests.testapp.processes import Fragile, Loop

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/automations/"
PHONE, DESKTOP = {"width": 360, "height": 700}, {"width": 1280, "height": 900}
#: In these each colour meets each size and each language, and each size each language.
LOOKS = [
    pytest.param("light", PHONE, "de", id="light-phone-de"),
    pytest.param("light", DESKTOP, "en", id="light-desktop-en"),
    pytest.param("dark", PHONE, "en", id="dark-phone-en"),
    pytest.param("dark", DESKTOP, "de", id="dark-desktop-de"),
]
#: ``make looks`` looks at each of them.
if os.environ.get("ATM_TEST_LOOKS") == "all":
    LOOKS = list(itertools.product(["light", "dark"], [PHONE, DESKTOP], ["en", "de"]))


def look(page: Page) -> None:
    """Ask axe for what keeps somebody out, and see that nothing runs out at the side."""
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page_wide, window_wide = widths(page)
    assert page_wide <= window_wide, page.url


def task_url(task: AutomationTaskModel) -> str:
    """Return the address of the task's page."""
    return reverse("automations:task", args=[task.pk])


@pytest.mark.parametrize(("scheme", "size", "language"), LOOKS)
def test_no_page_keeps_anybody_out(
    people: dict[str, User],
    asks: dict[str, AutomationTaskModel],
    incidents: list[AutomationTaskModel],
    open_page: Open,
    scheme: str,
    size: Any,
    language: str,
) -> None:
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": size, "locale": language}
    look(open_page(people["stranger"], LIST, **options))
    page = open_page(people["root"], LIST, **options)
    assert page.get_attribute("html", "lang") == language
    look(page)
    for shown in ("mine", "done", "free&sort=due&q=x"):
        page.goto(f"{LIST}?show={shown}")
        look(page)
    AutomationTaskModel.objects.filter(pk=asks["by_all"].pk).update(
        taken_by=people["all"], taken_at=timezone.now(), due_date=timezone.now()
    )
    for address in (
        f"{LIST}?show=taken",
        task_url(asks["by_all"]),
        reverse("automations:start_list"),
        reverse("automations:start", args=[ByHand.get_automation_name()]),
    ):
        page.goto(address)
        look(page)
    page.goto(task_url(asks["by_user"]))
    look(page)
    page.locator("[name=number]").evaluate("field => field.type = 'text'")
    page.fill("[name=text]", "x")
    page.fill("[name=number]", "no number")
    submit(page)
    assert page.locator("[aria-invalid=true]").count() == 1
    look(page)
    failed, long = Fragile(fail=True), Loop(limit=30)
    for run in (failed.id, long.id, asks["by_user"].automation_id):
        page.goto(reverse("automations:history", args=[run]))
        look(page)
    gone = "tests.gone.NameThatIsAsLongAsNamesOfClassesGet"
    for automation in (Plain, WithCard, BrokenTemplate, gone):
        for state in AutomationModel.State.values:
            make_run(automation, state)
    add_question(make_run(Plain, "running"), interaction_user_name="x" * 100)
    task = AutomationTaskModel.objects.get(automation=failed.id, state="failed")
    AutomationTaskModel.objects.filter(pk=task.pk).update(traceback="x" * 999, message="x" * 255)
    for name, arguments in (
        ("dashboard", []),
        ("error_report", []),
        ("traceback", [failed.id, task.pk]),
    ):
        page.goto(reverse(f"automations:{name}", args=arguments))
        look(page)
    incident = [incidents[0].automation_id, incidents[0].pk]
    page.goto(reverse("automations:history", args=incident[:1]))
    page.click("summary")
    look(page)
    page.goto(reverse("automations:traceback", args=incident))
    look(page)


@pytest.mark.parametrize(("scheme", "size", "language"), LOOKS)
def test_no_form_and_no_choice_keeps_anybody_out(
    people: dict[str, User],
    open_page: Open,
    settings: Any,
    scheme: str,
    size: Any,
    language: str,
) -> None:
    settings.ATM_EMAIL, settings.ATM_SITE = "each", "https://example.org"
    order, folded = Order(), looped(30)
    leave = reverse("automations:unsubscribe", args=[notices.signed(people["root"])])
    task = AutomationTaskModel.objects.get(automation=order.id, state="waiting")
    options: dict[str, Any] = {"color_scheme": scheme, "viewport": size, "locale": language}
    page = open_page(people["root"], task_url(task), **options)
    look(page)
    page.fill("[name=form-0-article]", "x" * 20)
    page.locator("[name=form-0-pieces]").evaluate("field => field.type = 'text'")
    page.fill("[name=form-0-pieces]", "none")
    submit(page)
    assert page.locator("[aria-invalid=true]").count() == 1
    look(page)
    for address in (
        reverse("automations:notifications"),
        leave,
        reverse("automations:history", args=[folded.pk]),
        reverse("automations:history", args=[folded.pk]) + "?all=1",
    ):
        page.goto(address)
        look(page)
    page.goto(leave)
    submit(page)
    assert notices.chosen_by(people["root"]) == "never"
    look(page)


def test_from_the_dashboard_to_the_traceback_with_the_keyboard_and_without_javascript(
    people: dict[str, User], open_page: Open
) -> None:
    run = Fragile(fail=True)
    task = AutomationTaskModel.objects.get(state="failed")
    page = open_page(people["root"], LIST, java_script_enabled=False)
    for name, arguments in (
        ("dashboard", []),
        ("error_report", []),
        ("history", [run.id]),
        ("traceback", [run.id, task.pk]),
    ):
        address = reverse(f"automations:{name}", args=arguments)
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.locator(":focus").get_attribute("href") == address:
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**" + address)
    assert "RuntimeError: the wire is cut" in page.inner_text("main pre")


def test_who_comes_too_late_is_told_so(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], open_page: Open
) -> None:
    pages = [open_page(people["asked"], task_url(asks["by_user"])) for _ in range(2)]
    for page in pages:
        page.fill("[name=text]", "mine")
        submit(page)
    assert "form" not in pages[0].url.removeprefix(LIST)
    look(pages[1])
    assert pages[1].locator("main form").count() == 0
    assert AutomationModel.objects.get().data["by_user"]["text"] == "mine"


def test_a_task_is_found_and_done_with_the_keyboard_and_without_javascript(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], open_page: Open
) -> None:
    page = open_page(people["asked"], LIST, java_script_enabled=False)
    focused = page.locator(":focus")
    page.keyboard.press("Tab")
    assert focused.get_attribute("href") == "#atm-main"
    page.keyboard.press("Enter")
    address = task_url(asks["by_user"])
    for _ in range(30):
        page.keyboard.press("Tab")
        if (focused.get_attribute("href") or "").startswith(address):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{address}*")
    for _ in range(30):
        page.keyboard.press("Tab")
        if focused.get_attribute("name") == "text":
            break
    page.keyboard.type("by hand")
    page.keyboard.press("Enter")
    page.wait_for_url("**" + LIST)
    asks["by_user"].refresh_from_db()
    assert asks["by_user"].state == "completed"
    assert AutomationModel.objects.get().data["by_user"]["text"] == "by hand"
