"""An open page shows what has happened meanwhile, and takes nothing from who works with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User

from automations.models import AutomationModel, AutomationTaskModel
from tests.browser.conftest import Open
from tests.pages.rows import add_question, make_run
from tests.testapp.page_processes import Asks

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/automations/"


@pytest.fixture(autouse=True)
def often(settings: Any) -> None:
    """Let pages look again all the time."""
    settings.ATM_REFRESH = 0.05


def boxes(page: Page) -> int:
    """Return how many tasks the page shows."""
    return page.locator(".atm-list input[type=checkbox]").count()


def one_more(user: User) -> None:
    """Let one more task wait for the user."""
    add_question(make_run(Asks, "running"), interaction_user=user)


def answers(page: Page, number: int) -> None:
    """Wait until the page has looked again, so many times."""
    for _ in range(number):
        with page.expect_response("**part=live**"):
            pass


def test_a_task_that_comes_appears(people: dict[str, User], open_page: Open) -> None:
    one_more(people["asked"])
    page = open_page(people["asked"], LIST)
    assert boxes(page) == 1
    one_more(people["asked"])
    page.locator(".atm-list input >> nth=1").wait_for()
    assert page.locator(".atm-choices .atm-badge").first.text_content() == "2"
    assert Axe().run(page).violations_count == 0


def test_nothing_is_taken_from_who_chooses(people: dict[str, User], open_page: Open) -> None:
    one_more(people["asked"])
    page = open_page(people["asked"], LIST)
    answers(page, 1)
    page.check(".atm-list input")
    page.evaluate("document.activeElement.blur()")
    one_more(people["asked"])
    page.wait_for_timeout(400)
    assert boxes(page) == 1
    assert page.is_checked(".atm-list input")
    page.uncheck(".atm-list input")
    page.evaluate("document.activeElement.blur()")
    page.locator(".atm-list input >> nth=1").wait_for()


def test_who_does_not_want_it_stops_it_by_keyboard(
    people: dict[str, User], open_page: Open
) -> None:
    one_more(people["asked"])
    page = open_page(people["asked"], LIST)
    button = page.get_by_role("button", name="Do not refresh this page")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    one_more(people["asked"])
    page.wait_for_timeout(400)
    assert boxes(page) == 1
    assert Axe().run(page).violations_count == 0
    page.keyboard.press("Enter")
    page.locator(".atm-list input >> nth=1").wait_for()


def test_who_has_logged_out_elsewhere_keeps_the_page_and_asks_no_more(
    people: dict[str, User], open_page: Open
) -> None:
    one_more(people["asked"])
    page = open_page(people["asked"], LIST)
    answers(page, 1)
    with page.expect_response("**/accounts/login/**"):
        page.context.clear_cookies()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(400)
    assert asked == []
    assert boxes(page) == 1


def test_the_page_of_a_run_shows_what_has_become_of_it(
    people: dict[str, User], asks: dict[str, AutomationTaskModel], open_page: Open
) -> None:
    run = AutomationModel.objects.get()
    page = open_page(people["root"], f"/automations/dashboard/{run.pk}")
    assert page.locator(".atm-facts .atm-running").count() == 1
    run.cancel(people["root"], "over")
    page.locator(".atm-facts .atm-cancelled").wait_for()


def test_without_scripts_there_is_no_button_that_does_nothing(
    people: dict[str, User], open_page: Open
) -> None:
    one_more(people["asked"])
    page = open_page(people["asked"], LIST, java_script_enabled=False)
    assert boxes(page) == 1
    assert not page.locator("[data-atm-pause]").is_visible()
