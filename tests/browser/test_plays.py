"""Several people play a process together, each in a browser of his or her own, at the same time."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Group, User
from django.urls import reverse
from django.utils import timezone

from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.browser.conftest import Open
from tests.browser.test_browser import PHONE, look, task_url
from tests.testapp.play_processes import DAY, Moderated

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/automations/"


class Clock:
    """Process time, which a test moves."""

    def __init__(self) -> None:
        self.passed = timedelta()

    def __call__(self) -> Any:
        return timezone.now() + self.passed


@pytest.fixture
def clock(settings: Any) -> Clock:
    """Process time; the open pages look again all the time."""
    settings.ATM_REFRESH = 0.2
    settings.ATM_CLOCK = Clock()
    return settings.ATM_CLOCK


def person(name: str, group: str = "") -> User:
    """Return a new user, a member of ``group`` if one is given."""
    user = User.objects.create(username=name)
    if group:
        user.groups.add(Group.objects.get_or_create(name=group)[0])
    return user


def press(page: Page, name: str) -> None:
    """Press the button of that name, and wait for the page that follows."""
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def follow(page: Page, name: str) -> None:
    """Wait for the link of that name, follow it, and look at the page that it leads to."""
    page.get_by_role("link", name=name, exact=True).click()
    page.get_by_role("heading", level=1, name=name, exact=True).wait_for()
    look(page)


def start(page: Page, purpose: str, amount: str) -> None:
    """Start an outlay by hand."""
    follow(page, "Outlay")
    page.fill("[name=purpose]", purpose)
    page.fill("[name=amount]", amount)
    press(page, "Start")
    assert "Outlay has been started" in page.inner_text("main")


def decide(page: Page, decision: str, comment: str = "", button: str = "Submit") -> None:
    """Fill in a decision, and send it."""
    page.get_by_role("radio", name=decision, exact=True).check()
    page.fill("[name=comment]", comment)
    press(page, button)


def text(page: Page) -> str:
    """Return what the page says."""
    return page.inner_text("main")


def acts(run: AutomationModel) -> list[tuple[str, str, str | None]]:
    """Return who did what at which node, in order."""
    found = run.automationauditmodel_set.order_by("pk")
    return list(found.values_list("user_name", "action", "task__status"))


def states(run: AutomationModel) -> dict[str, str]:
    """Return the state of each task of a run in which no node comes twice."""
    return dict(run.automationtaskmodel_set.values_list("status", "state"))


def test_three_people_bring_an_expense_to_its_end(open_page: Open, clock: Clock) -> None:
    lead = open_page(person("lena", "leads"), LIST)
    office = open_page(person("anna", "accounting"), LIST, viewport=PHONE)
    employee = open_page(person("emil"), reverse("automations:start_list"))
    start(employee, "Train to Bern", "61.20")
    # The list of the lead is open all the time: what is to be decided appears there by itself.
    follow(lead, "Approve: Train to Bern (61.20 €)")
    decide(lead, "Yes", "Safe journey")
    assert "Nothing waits for you" in text(lead)
    follow(employee, "Account: Train to Bern (61.20 €)")
    employee.fill("[name=iban]", "XX00 1234")
    press(employee, "Submit")
    follow(office, "By hand: Train to Bern (61.20 €)")
    assert "lena" in office.locator(".atm-so-far").text_content()
    office.fill("[name=number]", "2026-17")
    press(office, "Submit")
    run = AutomationModel.objects.get()
    assert run.state == "finished"
    assert acts(run) == [
        ("emil", "start", None),
        ("lena", "complete", "approve"),
        ("emil", "complete", "account"),
        ("anna", "complete", "by_hand"),
    ]
    assert states(run) == dict.fromkeys(
        ["approve", "decision", "account", "pay", "by_hand", "end"], "completed"
    )
    said = {name: run.data[name] for name in ("approve", "account", "by_hand")}
    assert said == {
        "approve": {"decision": "yes", "comment": "Safe journey"},
        "account": {"iban": "XX00 1234"},
        "by_hand": {"number": "2026-17"},
    }
    assert "paid" not in run.data


def test_who_lets_an_expense_wait_is_reminded_and_then_passed_over(
    open_page: Open, clock: Clock
) -> None:
    lead = open_page(person("lena", "leads"), LIST)
    director = open_page(person("dana", "directors"), LIST)
    employee = open_page(person("emil"), reverse("automations:start_list"))
    start(employee, "Projector", "390.00")
    name = "Projector (390.00 €)"
    lead.get_by_role("link", name=f"Approve: {name}").wait_for()
    clock.passed = 2 * DAY + timedelta(minutes=1)
    assert AutomationModel.run().ok
    lead.get_by_text("Reminders: 1").wait_for()
    lead.get_by_text("Overdue: 1").wait_for()
    look(lead)
    follow(lead, f"Approve: {name}")
    clock.passed = 4 * DAY + timedelta(minutes=1)
    assert AutomationModel.run().ok
    decide(lead, "No", "Too late")
    assert "“Approve” is not needed any more." in text(lead)
    look(lead)
    follow(director, f"Step in: {name}")
    decide(director, "Yes")
    follow(employee, f"Account: {name}")
    employee.fill("[name=iban]", "DE89 3704")
    press(employee, "Submit")
    run = AutomationModel.objects.get()
    assert run.state == "finished"
    assert acts(run) == [
        ("emil", "start", None),
        ("dana", "complete", "step_in"),
        ("emil", "complete", "account"),
    ]
    completed = ["step_in", "decision", "account", "pay", "end"]
    assert states(run) == {"approve": "skipped", **dict.fromkeys(completed, "completed")}
    assert (run.data["reminded"], run.data["paid"]) == ("approve", True)
    assert "approve" not in run.data


def test_three_moderators_share_their_work_and_nobody_does_it_twice(
    open_page: Open, clock: Clock
) -> None:
    people = {name: person(name, "moderators") for name in ("kim", "max", "mia")}
    mails = ["Budget", "Minutes", "Offer", "Release"]
    for title in mails:
        Moderated(title=title)
    tasks = AutomationTaskModel.objects.filter(state="waiting").select_related("automation")
    task = {each.automation.data["title"]: each for each in tasks}
    mia, max_, kim = (open_page(people[name], LIST) for name in ("mia", "max", "kim"))
    # Mia takes two of them, and the lists of the others show it.
    for title in ("Budget", "Minutes"):
        number = task[title].automation_id
        mia.get_by_role("checkbox", name=f"Choose Moderate, run {number}", exact=True).check()
    follow(kim, "Moderate: Minutes")
    press(mia, "Take what is chosen")
    assert "Taken: 2." in text(mia)
    # Kim was slower: what is entered stays, is kept as a draft, and is there when she has it.
    decide(kim, "No", "Who wrote this?")
    assert "mia has taken this task, so nobody else can complete it." in text(kim)
    assert kim.input_value("[name=comment]") == "Who wrote this?"
    assert kim.get_by_role("radio", name="No", exact=True).is_checked()
    look(kim)
    press(kim, "Save draft")
    press(kim, "Take it over")
    assert kim.input_value("[name=comment]") == "Who wrote this?"
    press(kim, "Submit")
    # Mia hands the other one over to Max, who does all that he has, one after the other.
    follow(mia, "Moderate: Budget")
    mia.get_by_text("Hand it over").first.click()
    mia.fill("[name=to]", "max")
    mia.fill("[name=reason]", "You know the figures")
    press(mia, "Hand it over")
    assert "max has this task now." in text(mia)
    look(mia)
    mia.goto(task_url(task["Offer"]))
    follow(max_, "Moderate: Budget")
    decide(max_, "Yes", button="Submit and next task")
    assert max_.locator("h1").inner_text() == "Moderate: Offer"
    decide(max_, "Yes", button="Submit and next task")
    assert max_.locator("h1").inner_text() == "Moderate: Release"
    decide(max_, "Yes")
    assert "Nothing waits for you" in text(max_)
    # Mia has filled in the same form meanwhile.
    decide(mia, "No", "An advertisement")
    assert "max was faster: “Moderate” is completed." in text(mia)
    look(mia)
    assert set(AutomationModel.objects.values_list("state", flat=True)) == {"finished"}
    assert {title: acts(task[title].automation) for title in mails} == {
        "Budget": [
            ("mia", "take", "moderate"),
            ("mia", "hand_over", "moderate"),
            ("max", "complete", "moderate"),
        ],
        "Minutes": [
            ("mia", "take", "moderate"),
            ("kim", "take", "moderate"),
            ("kim", "complete", "moderate"),
        ],
        "Offer": [("max", "complete", "moderate")],
        "Release": [("max", "complete", "moderate")],
    }
    decisions = {
        run.data["title"]: run.data["moderate"]["decision"] for run in AutomationModel.objects.all()
    }
    assert decisions == {"Budget": "yes", "Minutes": "no", "Offer": "yes", "Release": "yes"}
    over = AutomationAuditModel.objects.get(action="hand_over")
    assert (over.reason, over.changes) == ("You know the figures", {"to": "max"})
