"""
A real browser for the tests: Chromium, as Debian or whoever else has installed it.

The pages are the same whatever the database, so one pass has these tests: SQLite, in an
environment with Playwright.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from automations.models import AutomationTaskModel
from tests.pages.conftest import asks, people
from tests.testapp.looks_processes import (
    ERRORS,
    SettlementOfInternationalCardPaymentsWithCurrencyConversion,
    Shipping,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["asks", "people"]

FOUND = os.environ.get("ATM_TEST_CHROMIUM") or shutil.which("chromium")

if settings.VENDOR != "sqlite" or not importlib.util.find_spec("playwright"):
    collect_ignore_glob = ["test_*"]

Open = Callable[..., "Page"]


def submit(page: Page) -> None:
    """Send the form of the page, and wait for the answer."""
    with page.expect_navigation():
        page.click("main button[type=submit]")


def widths(page: Page) -> list[int]:
    """Return how wide the page and its window are; it is waited for until there is a page."""
    found: list[int] = page.locator("html").evaluate("html => [html.scrollWidth, innerWidth]")
    return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """
    The browser, for all tests of a module.

    Playwright keeps an event loop in this thread as long as it lives; the tests use the database
    beside it, so Django has to be told that this is meant.
    """
    from playwright.sync_api import sync_playwright

    if FOUND is None:
        pytest.skip("There is no Chromium here: install it, or set ATM_TEST_CHROMIUM to its path.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(
            executable_path=FOUND, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, live_server: Any) -> Any:
    """
    Return the site, each of whose threads has a connection of its own, as on a real one.

    The name in the settings is that of a database in memory. A site that is made before the
    tests have theirs, in a file, shares the connection of this thread among all of its own: with
    several browsers at once that is more than SQLite bears.
    """
    return live_server


@pytest.fixture
def incidents(db: None) -> list[AutomationTaskModel]:
    """The failed tasks of runs of two automations, stopped by errors that are hard to show."""
    for number in range(len(ERRORS)):
        SettlementOfInternationalCardPaymentsWithCurrencyConversion(error=number)
    for _ in range(2):
        Shipping()
    return list(AutomationTaskModel.objects.filter(state="failed").order_by("pk"))


@pytest.fixture
def open_page(chromium: Browser, live_server: Any) -> Iterator[Open]:
    """
    Return what opens a page of the site in a browser of its own, logged in as a user.

    Whatever the browser complains about (above all the Content-Security-Policy) fails the test.
    """
    complaints: list[str] = []
    contexts = []

    def open_page(user: User | None, path: str, **options: Any) -> Page:
        context = chromium.new_context(base_url=live_server.url, **options)
        contexts.append(context)
        # A machine that has much else to do makes no test fail.
        context.set_default_timeout(120_000)
        if user is not None:
            client = Client()
            client.force_login(user)
            value = client.cookies[settings.SESSION_COOKIE_NAME].value
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": live_server.url}]
            )
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                # The browser says so of every answer that is not 200, and 409 is one of ours.
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
