"""A loop of a thousand passes is folded on the page of its run, and nothing in it is lost."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from automations import history
from automations.history import ENDS, FEW, PAGE, entries
from automations.models import AutomationAuditModel, AutomationModel, AutomationTaskModel
from tests.pages.conftest import browser
from tests.pages.rows import make_run
from tests.testapp.dashboard_processes import Plain

pytestmark = pytest.mark.django_db


def visited(run: AutomationModel, names: list[str]) -> None:
    """Let the run have visited these nodes."""
    AutomationTaskModel.objects.bulk_create(
        AutomationTaskModel(
            automation=run,
            status=name,
            state="completed",
            finished=run.created,
            message=f"task {place}",
        )
        for place, name in enumerate(names, 1)
    )


def looped(passes: int) -> AutomationModel:
    """Return a run that has gone round so often, with three tasks each time."""
    run = make_run(Plain, "running")
    visited(run, ["start", *(["work", "look", "again"] * passes), "end"])
    return run


def told(run: AutomationModel, page: int = 1, *, whole: bool = False) -> list[int | str]:
    """Return what one page says: tasks by their place, and how many are left out."""
    found: list[int | str] = []
    for entry in entries(run, page, whole=whole)[0]:
        if entry.folded:
            found.append(f"{entry.folded} from page {entry.there}")
        found.append(int(entry.task.message.removeprefix("task ")))
    return found


@pytest.mark.parametrize("passes", [1, 2, FEW])
def test_what_repeats_a_few_times_is_told_whole(passes: int) -> None:
    assert told(looped(passes)) == list(range(1, 3 * passes + 3))


@pytest.mark.parametrize("passes", [FEW + 1, 50, 1000])
def test_of_a_loop_the_first_and_the_last_passes_are_told(passes: int) -> None:
    run, last = looped(passes), 3 * passes + 2
    kept = 3 * ENDS
    begin, end = list(range(1, kept + 2)), list(range(last - kept, last + 1))
    assert told(run) == [*begin, f"{3 * passes - 2 * kept} from page 1", *end]


def test_what_is_open_or_has_failed_is_told_wherever_it_is() -> None:
    run = looped(100)
    rows = AutomationTaskModel.objects.filter(automation=run).order_by("pk")
    for place, state, finished in [(150, "failed", run.created), (221, "waiting", None)]:
        rows.filter(pk=rows[place - 1].pk).update(state=state, finished=finished)
    assert told(run) == [
        *range(1, 8), "142 from page 1", 150, "70 from page 2", 221, "74 from page 3",
        *range(296, 303),
    ]  # fmt: skip


def test_the_whole_is_there_page_by_page(people: dict[str, User]) -> None:
    run = looped(1000)
    pages = [told(run, number, whole=True) for number in range(1, 32)]
    assert [place for page in pages for place in page] == list(range(1, 3003))
    root = browser(people, "root")
    folded = root.get(f"/automations/dashboard/{run.pk}").content.decode()
    assert "Left out, for they are like these: 2988" in folded
    (link,) = re.findall(r'<li class="atm-folded"><a href="([^"]+)"', folded)
    whole = root.get(link.replace("&amp;", "&")).content.decode()
    assert "task 8<" in whole
    assert "Fold what repeats" in whole
    assert 'href="?all=1&amp;page=2"' in whole


def test_what_is_left_out_between_two_pages_is_told_on_the_second() -> None:
    run = make_run(Plain, "running")
    names = [f"node_{number}" for number in range(PAGE - 2)] + ["loop"] * 20 + ["end"]
    visited(run, names)
    assert told(run) == list(range(1, PAGE + 1))
    assert told(run, 2) == ["16 from page 2", PAGE + 17, PAGE + 18, PAGE + 19]


def test_how_many_passes_there_are_does_not_change_the_number_of_queries() -> None:
    def queries(run: AutomationModel) -> int:
        with CaptureQueriesContext(connection) as found:
            entries(run, 1)
        return len(found)

    assert queries(looped(2)) == queries(looped(500))


def test_the_page_says_how_long_a_task_took_and_what_came_of_it(people: dict[str, User]) -> None:
    run = make_run(Plain, "running")
    long = {"token": "abc", "rows": list(range(100))}
    for name, result, message, lasted in [
        ("short", {"sum": 7}, "", timedelta(minutes=3)),
        ("long", long, "", timedelta(milliseconds=5)),
        ("join", [1, 2], "Joined", timedelta(hours=1)),
        ("nothing", None, "", timedelta()),
    ]:
        AutomationTaskModel.objects.create(
            automation=run,
            status=name,
            state="completed",
            created=run.created,
            finished=run.created + lasted,
            result=result,
            message=message,
        )
    text = browser(people, "root").get(f"/automations/dashboard/{run.pk}").content.decode()
    items = {
        name: re.sub(r"<[^>]+>|\s+", " ", part)
        for name, part in re.findall(r"<strong>(\w+)</strong>(.*?)</li>", text, re.DOTALL)
    }
    assert "Result: {&quot;sum&quot;: 7}" in items["Short"]
    assert "· 3 min" in items["Short"]
    assert "98, 99]" in items["Long"]
    assert "abc" not in items["Long"]
    assert "Result" not in items["Join"]
    assert "· 1 h" in items["Join"]
    assert "Result" not in items["Nothing"]


def test_the_page_of_a_run_that_has_looped_costs_eight_queries_with_its_picture() -> None:
    user = User.objects.create(username="reads", is_active=True)
    rights = ["change_automationmodel", "change_automationtaskmodel"]
    user.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    client = Client()
    client.force_login(user)
    for passes in (2, 1000):
        address = f"/automations/dashboard/{looped(passes).pk}"
        client.get(address)
        with CaptureQueriesContext(connection) as found:
            assert client.get(address).status_code == 200
        assert len(found) <= 8


@pytest.mark.parametrize("number", [PAGE - 1, PAGE, PAGE + 1])
def test_who_has_completed_a_task_is_told_however_many_acts_there_are(number: int) -> None:
    run = make_run(Plain, "running")
    visited(run, ["ask", "other"])
    task = AutomationTaskModel.objects.filter(automation=run).order_by("pk")[0]
    acts = [("complete", task), *[("suspend", None)] * (number - 1)]
    for action, about in acts:
        AutomationAuditModel.objects.create(
            automation=run, task=about, action=action, user_name="ada", time=run.created
        )
    known = history.acts(run)
    assert len(known) == min(number, PAGE)
    for told_of in (None, known):
        first, second = entries(run, 1, told=told_of)[0]
        assert (first.act and first.act.user_name, second.act) == ("ada", None)


def test_a_page_of_as_many_tasks_as_fit_is_the_only_one() -> None:
    for number, pages in ((PAGE, 1), (PAGE + 1, 2)):
        run = make_run(Plain, "running")
        visited(run, [f"node_{place}" for place in range(number)])
        found, page = entries(run, None)
        assert len(found) == PAGE
        assert (page.number, page.paginator.num_pages, page.has_next()) == (1, pages, pages > 1)
