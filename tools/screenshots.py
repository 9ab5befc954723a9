"""
Make pictures of the pages, filled by the demo. ``make screenshots`` calls this.

Runs in the main environment. Plays the demo's week until Thursday evening, with a night in which
its mail server is away, and opens each page as a person would see it: wide, dark and on a phone.
All pictures go to ``build/screenshots/``, those that the documentation shows to ``docs/images/``.
Fails if a page does not answer 200 or the browser complains about one.
"""

from __future__ import annotations

import logging
import os
import smtplib
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parent))

import chromium
import pictures
from environments import ROOT

ALL, CHOSEN = ROOT / "build" / "screenshots", ROOT / "docs" / "images"

#: When the pictures are taken, and when no mail can be sent before that.
END = datetime(2026, 3, 5, 17, 30, tzinfo=UTC)
AWAY = datetime(2026, 3, 4, 23, tzinfo=UTC), datetime(2026, 3, 5, 7, tzinfo=UTC)
#: Whom no mail can be sent to at all.
UNKNOWN = "j.weis"

#: How a page is looked at.
KINDS: dict[str, dict[str, Any]] = {
    "wide": {"viewport": {"width": 1100, "height": 800}},
    "dark": {"viewport": {"width": 1100, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 800}},
}
#: What the documentation shows: the page, how it is looked at, its file, how high the picture is.
SHOWN = {
    ("inbox", "wide"): ("inbox", 815),
    ("inbox", "phone"): ("inbox-phone", 800),
    ("task", "wide"): ("task", 830),
    ("run", "wide"): ("run", 915),
    ("picture-failed", "wide"): ("picture", 560),
    ("process", "dark"): ("process", 840),
    ("dashboard", "dark"): ("dashboard", 620),
    ("incidents", "wide"): ("incidents", 640),
}


@dataclass(frozen=True)
class Look:
    """One page: what to call it, who looks at it (nobody: ""), and where it is."""

    name: str
    user: str
    address: str


def main() -> int:
    """Make all pictures; return 1 if there is no browser or a page is not as it should be."""
    browser = chromium.ensure()
    if browser is None or not Path(browser).exists():
        print(
            "There is no Chromium here, so there are no pictures: install it (on Debian: apt-get "
            "install chromium), or set ATM_TEST_CHROMIUM to its path."
        )
        return 1
    with tempfile.TemporaryDirectory() as home:
        os.environ |= {
            "DEMO_HOME": home,
            "DEMO_OUTBOX": str(Path(home) / "outbox"),
            "DJANGO_SETTINGS_MODULE": "project.settings",
        }
        sys.path.insert(0, str(ROOT / "demo"))
        import django

        django.setup()
        print(f"Playing the week until {END:%A, %H:%M} (UTC) ...", flush=True)
        live()
        draw()
        looks = [*pages()]
        cookies = {look.user: cookie(look.user) for look in looks if look.user}
        with site() as address:
            complaints = shoot(browser, address, looks, cookies)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{len(looks) * len(KINDS)} pictures: {ALL}\nThose of the documentation: {CHOSEN}")
    return 1 if complaints else 0


# What is on the pages


def draw() -> None:
    """Draw a process of the demo for the README."""
    from expenses.automations import ExpenseApproval

    from automations.diagrams.svg import svg

    (CHOSEN / "expense.svg").write_text(svg(ExpenseApproval._meta), encoding="utf-8")


def live() -> None:
    """Live through the week until the pictures are taken."""
    import play
    from plays import expenses, issues, webinars

    plays = [issues, webinars, expenses]
    casts = play.begin(plays)
    logging.getLogger("automations").addFilter(is_news)
    for moment in play.moments(plays):
        if moment >= END:
            break
        with trouble(moment):
            play.happen(moment, casts, may_fail=True)
    play.happen(END, [])
    take_some()


def is_news(record: logging.LogRecord) -> bool:
    """Return whether an entry of the log tells of anything but the trouble that is made here."""
    return not (record.exc_info and isinstance(record.exc_info[1], smtplib.SMTPException))


@contextmanager
def trouble(moment: datetime) -> Iterator[None]:
    """Let no mail be sent while the mail server is away, and none to a few addresses at all."""
    from django.core.mail.backends.filebased import EmailBackend

    usual = EmailBackend.send_messages

    def send(backend: Any, mails: list[Any]) -> Any:
        if AWAY[0] <= moment < AWAY[1]:
            raise smtplib.SMTPServerDisconnected("Connection unexpectedly closed")
        for to in mails[0].to:
            if to.startswith(UNKNOWN):
                raise smtplib.SMTPRecipientsRefused({to: (550, b"No such user")})
        return usual(backend, mails)

    with patch.object(EmailBackend, "send_messages", send):
        yield


def take_some() -> None:
    """Let the directors take some of what waits for them."""
    from django.contrib.auth.models import User

    from automations.engine import holds
    from automations.models import AutomationTaskModel

    dana, dirk = (User.objects.get(username=name) for name in ("dana", "dirk"))
    tasks = AutomationTaskModel.objects.doable_by(dana).order_by("created", "pk")
    for task, user in zip(tasks, (dana, dirk, dana), strict=False):
        holds.take(task.automation_id, task.pk, user)


def pages() -> Iterator[Look]:
    """Yield the pages, with those tasks and runs on them that show most."""
    from django.urls import reverse
    from webinars.automations import WebinarJourney

    from automations.models import AutomationModel, AutomationTaskModel

    def page(name: str, *arguments: Any) -> str:
        return reverse(f"automations:{name}", args=arguments)

    asked = AutomationTaskModel.objects.filter(status="approve_as_director", state="waiting")
    task = asked.filter(
        automation__automationtaskmodel__status="approve_as_lead",
        automation__automationtaskmodel__state="completed",
    ).earliest("pk")
    yield Look("home", "", "/")
    yield Look("inbox", "dana", page("task_list"))
    yield Look("inbox-done", "lena", page("task_list") + "?show=done")
    yield Look("task", "dana", page("task", task.pk))
    yield Look("start-list", "olga", page("start_list"))
    yield Look("start", "olga", page("start", WebinarJourney.get_automation_name()))
    yield Look("dashboard", "admin", page("dashboard") + "?history=7")
    yield Look("run", "admin", page("history", task.automation_id))
    yield Look("picture", "admin", page("picture", task.automation_id))
    yield Look("process", "admin", page("process", task.automation.automation_class))
    failed = AutomationTaskModel.objects.filter(state="failed").order_by("-finished")
    yield Look("run-failed", "admin", page("history", failed[0].automation_id))
    yield Look("picture-failed", "admin", page("picture", failed[0].automation_id))
    yield Look("traceback", "admin", page("traceback", failed[0].automation_id, failed[0].pk))
    yield Look("incidents", "admin", page("error_report"))
    yield Look("incident-group", "admin", group_of(page("error_report")))
    journey = AutomationModel.objects.filter(
        automation_class=WebinarJourney.get_automation_name(), state="running"
    ).latest("pk")
    yield Look("message", "", journey.instance.way_out())
    expense = task.automation.instance.expense
    yield Look("expense", expense.employee.user.username, expense.get_absolute_url())
    yield Look("mails", "", reverse("mails"))
    for model in ("automationmodel", "automationtaskmodel", "automationauditmodel"):
        yield Look(f"admin-{model}", "admin", reverse(f"admin:automations_{model}_changelist"))


def group_of(report: str) -> str:
    """Return the address of the page of what has failed most often, as the report links to it."""
    import re

    from django.test import Client

    client = Client()
    client.force_login(user_named("admin"))
    found = re.search(r'href="(\?[^"]*error=[^"]*)"', client.get(report).content.decode())
    if found is None:
        sys.exit("The page of incidents names none.")
    return report + found[1].replace("&amp;", "&")


def user_named(name: str) -> Any:
    """Return the user of that name."""
    from django.contrib.auth.models import User

    return User.objects.get(username=name)


# The pictures


@contextmanager
def site() -> Iterator[str]:
    """Serve the demo from a thread of this process, whose clock stands; yield its address."""
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.test.testcases import LiveServerThread

    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.terminate()


def cookie(name: str) -> dict[str, str]:
    """Return the cookie of a session in which somebody is logged in."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user_named(name))
    key = settings.SESSION_COOKIE_NAME
    return {"name": key, "value": client.cookies[key].value}


def shoot(
    browser: str, address: str, looks: list[Look], cookies: dict[str, dict[str, str]]
) -> list[str]:
    """Take all pictures; return what is wrong with the pages."""
    from playwright.sync_api import sync_playwright

    complaints: list[str] = []
    for folder in (ALL, CHOSEN):
        folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chrome = playwright.chromium.launch(
            executable_path=browser, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for kind, options in KINDS.items():
            for look in looks:
                # A context for each: nobody is logged in where somebody else has been.
                context = chrome.new_context(base_url=address, locale="en", **options)
                context.set_default_timeout(120_000)
                if look.user:
                    context.add_cookies([{**cookies[look.user], "url": address}])
                complaints += picture(context.new_page(), look, kind)
                context.close()
        chrome.close()
    return complaints


def picture(page: Any, look: Look, kind: str) -> list[str]:
    """Take the picture of one page; return what is wrong with it."""
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console",
        lambda message: (
            wrong.append(message.text)
            # Browsers ask for an icon, which the demo has not.
            if message.type == "error" and "Failed to load resource" not in message.text
            else None
        ),
    )
    response = page.goto(look.address, wait_until="networkidle")
    if response.status != 200:
        wrong.append(f"answered {response.status}")
    page.screenshot(path=ALL / f"{look.name}-{kind}.png", full_page=True)
    if (look.name, kind) in SHOWN:
        file, height = SHOWN[look.name, kind]
        page.set_viewport_size({**page.viewport_size, "height": height})
        (CHOSEN / f"{file}.png").write_bytes(pictures.smaller(page.screenshot()))
    print(f"  {look.name} ({kind})", flush=True)
    return [f"{look.name} ({kind}), {look.address}: {each}" for each in wrong]


if __name__ == "__main__":
    sys.exit(main())
