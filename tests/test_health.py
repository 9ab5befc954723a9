"""A monitor is told how the automations are: by a command, a page and metrics."""

from __future__ import annotations

import importlib
import json
import sys
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from automations import health
from automations.dispatch import pulse
from automations.dispatch.pulse import Pulse, note_sweep
from automations.engine import outside, steps
from automations.engine.locking import from_now
from automations.health import Limits, read
from automations.models import AutomationModel, AutomationSweepModel, AutomationTaskModel
from tests.pages.rows import add_failed_task, add_question, make_run
from tests.testapp.dashboard_processes import Plain
from tests.testapp.processes import Straight, Waiting
from tests.testapp.proof_processes import DeadlyOutside

pytestmark = pytest.mark.django_db

TOKEN = "a token of the tests"  # noqa: S105 - it protects nothing


def swept(seconds: float) -> None:
    """Let the last sweep be so long ago."""
    note_sweep()
    AutomationSweepModel.objects.update(last=from_now(timedelta(seconds=-seconds)))


def late(run: Any, seconds: float) -> None:
    """Let the run be due for so long."""
    due = timezone.now() - timedelta(seconds=seconds)
    AutomationModel.objects.filter(pk=run.id).update(due=due)
    AutomationTaskModel.objects.filter(automation=run.id, finished=None).update(due=due)


def claimed(run: Any, seconds: float) -> None:
    """Put a claim on the run that ends in so many seconds."""
    until = from_now(timedelta(seconds=seconds))
    AutomationModel.objects.filter(pk=run.id).update(claimed_by="one", claimed_until=until)


def command(*arguments: str) -> str:
    """Call ``automation_health`` and return what it printed."""
    out = StringIO()
    call_command("automation_health", *arguments, stdout=out)
    return out.getvalue()


# The report


def test_where_nothing_is_there_all_is_well() -> None:
    found = read()
    assert found == health.Health(None, None, 0, None, 0.0, 0, 0, 0)
    assert found.problems(Limits()) == []


def test_a_sweep_that_is_long_ago_is_told_while_something_is_due() -> None:
    swept(1000)
    assert read().problems(Limits()) == []
    Straight(autorun=False)
    (problem,) = read().problems(Limits())
    assert problem.startswith("No sweep has been noted for 100")
    assert read().problems(Limits(max_age=2000)) == []
    swept(10)
    assert 10 <= read().sweep_age < 100
    assert read().problems(Limits()) == []


def test_that_no_sweep_was_ever_noted_is_told_while_something_is_due() -> None:
    Straight(autorun=False)
    (problem,) = read().problems(Limits())
    assert problem == "No sweep has been noted ever, and 1 runs are due."
    assert read().problems(Limits(max_age=-1)) == []


def test_a_task_that_is_late_is_told() -> None:
    swept(0)
    run = Straight(autorun=False)
    late(run, 200)
    Straight(autorun=False)
    assert read().due == 2
    assert 200 <= read().late < 290
    assert read().problems(Limits()) == []
    late(run, 400)
    (problem,) = read().problems(Limits())
    assert problem.startswith("A task has been due for 40")
    run.run()
    assert read().problems(Limits()) == []


def test_a_condition_that_is_false_is_not_late() -> None:
    run = Waiting()
    late(run, 1000)
    AutomationTaskModel.objects.filter(status="timer").update(due=timezone.now())
    assert read().due == 1
    assert 0 <= read().late < 100
    AutomationTaskModel.objects.filter(status="timer").update(due=None)
    assert read().oldest_due is None


def test_a_task_that_somebody_is_at_work_on_is_not_late() -> None:
    swept(0)
    run = Straight(autorun=False)
    late(run, 1000)
    claimed(run, 60)
    assert (read().due, read().late, read().expired_claims) == (0, 0.0, 0)


def test_a_worker_that_did_not_come_back_is_told() -> None:
    swept(0)
    run = Straight(autorun=False)
    claimed(run, -1)
    assert read().due == 1
    assert read().problems(Limits()) == ["1 claims have expired: a worker was lost."]
    assert read().problems(Limits(max_expired=1)) == []


def test_a_worker_that_did_not_come_back_from_the_background_is_told() -> None:
    swept(0)
    run = DeadlyOutside(autorun=False)
    steps.step(run.id)
    task = AutomationTaskModel.objects.get(automation=run.id)
    assert outside.take(run.id, task.pk, "a worker") is not None
    assert read().expired_claims == 0
    with time_machine.travel(timezone.now() + timedelta(seconds=70), tick=False):
        assert read().expired_claims == 0  # it has renewed its claim, by the database's time
    AutomationTaskModel.objects.update(claimed_until=from_now(timedelta(seconds=-1)))
    with time_machine.travel(timezone.now() + timedelta(seconds=70), tick=False):
        assert read().problems(Limits()) == ["1 claims have expired: a worker was lost."]


def test_incidents_are_told() -> None:
    for _ in range(3):
        add_failed_task(make_run(Plain, "failed"))
    assert read().problems(Limits()) == ["3 runs were stopped by an error."]
    assert read().problems(Limits(max_incidents=3)) == []
    assert read().problems(Limits(max_incidents=-1)) == []


def test_the_age_of_a_sweep_does_not_depend_on_process_time() -> None:
    swept(50)
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert 50 <= read().sweep_age < 150


def test_the_report_costs_the_same_whatever_there_is() -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            read()
        return len(queries)

    before = cost()
    swept(10)
    for number in range(20):
        add_failed_task(make_run(Plain, "failed"))
        user = User.objects.create(username=f"user {number}", is_active=False)
        add_question(make_run(Plain, "running"), interaction_user=user)
        late(Straight(autorun=False), 400)
    assert cost() == before == 5


# Tasks that nobody can act on


@pytest.fixture
def people() -> dict[str, Any]:
    """Two users, one of whom is not active, and groups of various members."""
    ada, eve = User.objects.create(username="ada"), User.objects.create(username="eve")
    root = User.objects.create(username="root", is_superuser=True)
    off = User.objects.create(username="off", is_active=False)
    groups = {name: Group.objects.create(name=name) for name in ("both", "offs", "empty")}
    groups["both"].user_set.set([ada, off])
    groups["offs"].user_set.set([off])
    return {"ada": ada, "eve": eve, "root": root, "off": off, **groups}


@pytest.mark.parametrize(
    ("user", "group", "able"),
    [
        ("ada", None, True),
        ("off", None, False),
        ("root", None, True),
        (None, "both", True),
        (None, "offs", False),
        (None, "empty", False),
        ("ada", "both", True),
        ("eve", "both", False),
        ("root", "empty", True),
        ("off", "both", False),
        ("off", "offs", False),
        (None, None, False),
    ],
)
def test_a_task_is_stranded_if_nobody_who_is_asked_can_act(
    people: dict[str, Any], user: str | None, group: str | None, able: bool
) -> None:
    task = add_question(
        make_run(Plain, "running"),
        interaction_user=people.get(user or ""),
        interaction_user_name=user or "",
        interaction_group=people.get(group or ""),
        interaction_group_name=group or "",
    )
    assert list(AutomationTaskModel.objects.stranded()) == [task] * (not able)
    asked = task.get_users_with_permission().exclude(username="root" if user != "root" else "")
    assert asked.exists() == able  # the rule of who may act says the same
    assert read().nobody == (not able)
    AutomationModel.objects.update(state="suspended")
    assert not AutomationTaskModel.objects.stranded().exists()


def test_a_task_of_somebody_who_is_gone_is_stranded() -> None:
    user, group = User.objects.create(username="gone"), Group.objects.create(name="left")
    user.groups.add(group)
    run = make_run(Plain, "running")
    add_question(run, interaction_user=user, interaction_user_name="gone")
    add_question(run, interaction_group=group, interaction_group_name="left")
    add_question(run, interaction_permissions=["testapp.view_effect"])
    assert read().nobody == 0
    user.delete()
    assert read().nobody == 2
    group.delete()
    assert read().nobody == 2
    assert read().problems(Limits()) == ["2 tasks wait for people none of whom can act."]


def test_where_the_project_decides_who_may_act_only_who_is_gone_counts(settings: Any) -> None:
    off = User.objects.create(username="off", is_active=False)
    add_question(make_run(Plain, "running"), interaction_user=off, interaction_user_name="off")
    assert read().nobody == 1
    settings.ATM_USER_WITH_PERMISSIONS_MODEL_METHOD = lambda task, **kwargs: User.objects.all()
    assert read().nobody == 0
    off.delete()
    assert read().nobody == 1


# The pulse


def test_a_process_notes_its_sweeps_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [1000.0]
    monkeypatch.setattr(pulse.time, "monotonic", lambda: moment[0])
    heart, costs = Pulse(), []
    for _ in range(7):
        with CaptureQueriesContext(connection) as queries:
            heart.beat()
        costs.append(bool(queries))
        moment[0] += 20
    assert costs == [True, False, False, True, False, False, True]
    assert AutomationSweepModel.objects.get().pk == 1


def test_a_sweep_that_another_process_notes_at_the_same_time_is_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swept(100)
    with monkeypatch.context() as patch:
        patch.setattr(QuerySet, "update", lambda self, **noted: 0)  # it was not there just before
        note_sweep()
    assert AutomationSweepModel.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_command_of_the_scheduler_notes_its_sweep() -> None:
    call_command("automation_step", verbosity=0)
    row = AutomationSweepModel.objects.get()
    assert 0 <= read().sweep_age < 60
    assert str(row).startswith(str(row.last))
    first = row.last
    call_command("automation_step", verbosity=0)
    assert AutomationSweepModel.objects.get().last > first


# The command


def test_the_command_says_how_things_are() -> None:
    assert command().splitlines() == [
        "Last sweep: none noted",
        "Runs that are due: 0",
        "Oldest due: nothing",
        "Claims that have expired: 0",
        "Runs stopped by an error: 0",
        "Tasks that nobody can do: 0",
    ]
    swept(0)
    late(Straight(autorun=False), 20)
    said = command()
    assert f"Last sweep: {AutomationSweepModel.objects.get().last:%Y-%m-%d %H:%M:%S} UTC" in said
    assert "Runs that are due: 1\nOldest due: 2" in said


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_command_fails_if_something_is_wrong(form: list[str]) -> None:
    add_failed_task(make_run(Plain, "failed"))
    with pytest.raises(CommandError, match=r"^1 runs were stopped by an error\.$") as failed:
        command(*form)
    assert failed.value.returncode == 1
    assert command(*form, "--max-incidents", "1")
    assert command(*form, "--max-incidents=-1")


def test_the_command_prints_json_also_if_something_is_wrong() -> None:
    swept(1000)
    late(Straight(autorun=False), 1000)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("automation_health", "--json", stdout=out)
    found = json.loads(out.getvalue())
    assert found.keys() == {"ok", "problems", *health.Health.__dataclass_fields__}
    assert found["ok"] is False
    assert len(found["problems"]) == 2
    assert found["sweep_age"] > 999
    assert found["last_sweep"].endswith("Z")


@pytest.mark.parametrize("value", ["x", "nan", "inf", ""])
def test_the_command_wants_numbers(value: str) -> None:
    with pytest.raises(CommandError, match="invalid number value"):
        command(f"--max-age={value}")


def trouble() -> Any:
    """Fail as a database does."""
    raise OperationalError("the secret host is down")


def test_the_command_says_that_the_database_is_in_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automations.management.commands.automation_health.read", trouble)
    with pytest.raises(CommandError, match="The database is in trouble: the secret host is down"):
        command()


# The page


@pytest.fixture
def page(settings: Any) -> str:
    """The address of the page in a project that has a token."""
    settings.ATM_HEALTH_TOKEN = TOKEN
    return reverse("automations:health")


def get(address: str, token: str = f"Bearer {TOKEN}", verb: str = "get") -> Any:
    """Return what a monitor gets, whatever there is."""
    answer = getattr(Client(), verb)(address, headers={"Authorization": token})
    assert answer["Cache-Control"] == "no-store"
    return answer


def test_the_page_says_what_the_command_says(page: str) -> None:
    good = get(page)
    assert good.status_code == 200
    assert good["Content-Type"] == "application/json"
    assert good.json() == json.loads(command("--json"))
    add_failed_task(make_run(Plain, "failed"))
    bad = get(page)
    assert bad.status_code == 503
    assert bad.json()["problems"] == ["1 runs were stopped by an error."]
    assert get(f"{page}?max-incidents=1").status_code == 200
    assert get(page, verb="head").status_code == 503
    assert get(page, verb="head").content == b""
    assert get(page, "bearer   " + TOKEN).status_code == 503


@pytest.mark.parametrize("none", [None, ""])
def test_without_a_token_in_the_settings_there_is_no_page(settings: Any, none: Any) -> None:
    settings.ATM_HEALTH_TOKEN = none
    address = reverse("automations:health")
    for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer None"}):
        assert Client().get(address, headers=headers).status_code == 404
    assert Client().post(address).status_code == 404


WRONG = [
    "",
    "Bearer",
    "Bearer ",
    TOKEN,
    f"Basic {TOKEN}",
    f"Bearer {TOKEN}x",
    f"Bearer{TOKEN}",
    "Bearer ü\ud800\0",
    "Bearer " + "x" * 100_000,
]


@pytest.mark.parametrize("token", WRONG)
def test_who_does_not_know_the_token_sees_nothing(page: str, token: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        answer = get(page, token)
    assert answer.status_code == 401
    assert answer.content == b""
    assert answer["WWW-Authenticate"] == "Bearer"
    assert len(queries) == 0
    assert get(f"{page}?token={TOKEN}", "").status_code == 401


@pytest.mark.parametrize("verb", ["post", "put", "patch", "delete", "options", "trace"])
def test_the_page_is_only_read(page: str, verb: str) -> None:
    assert get(page, verb=verb).status_code == 405


@pytest.mark.parametrize("value", ["", "x", "nan", "-inf", "1e999", "1" * 5000 + "x", "%00", "%ff"])
def test_a_limit_that_is_none_is_refused(page: str, value: str) -> None:
    answer = get(f"{page}?max-age={value}")
    assert answer.status_code == 400
    assert answer.json() == {"error": "A limit is no number."}
    assert get(f"{page}?other={value}").status_code == 200


def test_the_page_costs_the_queries_of_the_report_and_changes_nothing(page: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        get(page)
    assert len(queries) == 5
    assert all(query["sql"].startswith("SELECT") for query in queries)


def test_the_page_does_not_tell_what_is_wrong_with_the_database(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automations.views.health.read", trouble)
    answer = get(page)
    assert answer.status_code == 503
    assert answer.json() == {"ok": False, "problems": ["The database is in trouble."]}


def test_a_project_that_asks_everybody_to_log_in_asks_no_monitor(page: str, settings: Any) -> None:
    settings.MIDDLEWARE = [
        *settings.MIDDLEWARE,
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
    ]
    assert get(page).status_code == 200


# Prometheus


@pytest.mark.django_db(transaction=True)
def test_metrics_are_read_when_they_are_scraped(monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("prometheus_client")
    from automations.contrib import prometheus

    registry = client.CollectorRegistry(auto_describe=True)
    with CaptureQueriesContext(connection) as queries:
        registry.register(prometheus.HealthCollector())
    assert len(queries) == 0
    value = registry.get_sample_value
    assert value("automations_up") == 1
    assert value("automations_sweep_age_seconds") is None
    assert value("automations_incidents") == 0
    swept(100)
    add_failed_task(make_run(Plain, "failed"))
    claimed(Straight(autorun=False), -1)
    late(Straight(autorun=False), 50)
    add_question(make_run(Plain, "running"), interaction_user_name="gone")
    assert 100 <= value("automations_sweep_age_seconds") < 200
    assert 50 <= value("automations_late_seconds") < 150
    assert value("automations_due_runs") == 2
    for name in ("expired_claims", "incidents", "tasks_of_nobody"):
        assert value(f"automations_{name}") == 1
    assert b"# TYPE automations_incidents gauge" in client.generate_latest(registry)
    monkeypatch.setattr(prometheus, "read", trouble)
    assert client.generate_latest(registry).endswith(b"\nautomations_up 0.0\n")


def test_metrics_without_the_library_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "automations.contrib.prometheus", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setitem(sys.modules, "prometheus_client.core", None)
    with pytest.raises(ImproperlyConfigured, match=r"install django-automations\[prometheus\]"):
        importlib.import_module("automations.contrib.prometheus")
