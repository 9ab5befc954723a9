"""A first automation and its test; and what automations there are."""

from __future__ import annotations

import ast
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import OperationalError

from automations.engine.context import TaskContext
from automations.flow import this
from automations.management.commands import automation_list
from automations.management.commands.startautomation import snake, with_automation
from automations.models import AutomationModel, AutomationTaskModel
from tests.plain import NOW
from tests.testapp.durable import Halting
from tests.testapp.processes import Bound, Rescued
from tests.testapp.tested import Charge


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an app that is installed."""
    usual = apps.get_app_config

    def get(label: str) -> Any:
        return SimpleNamespace(path=str(tmp_path), name="shop") if label == "shop" else usual(label)

    monkeypatch.setattr(apps, "get_app_config", get)
    return tmp_path


def start(name: str, app: str = "shop") -> str:
    told = io.StringIO()
    call_command("startautomation", name, app=app, stdout=told)
    return told.getvalue()


def test_an_automation_and_its_test_are_written(shop: Path) -> None:
    told = start("OrderApproval")
    assert told == (
        f"Written: {shop / 'automations.py'}\nWritten: {shop / 'test_order_approval.py'}\n"
    )
    module = (shop / "automations.py").read_text()
    assert module.startswith('"""The processes of this app."""\n\nimport datetime\n\nfrom automa')
    assert module.count("class OrderApproval(flow.Automation):") == 1
    assert (
        "from shop.automations import OrderApproval\n"
        in (shop / "test_order_approval.py").read_text()
    )


def test_what_is_there_already_stays(shop: Path) -> None:
    before = (
        '"""Mine."""\n\nfrom __future__ import annotations\n\nfrom automations import flow\n\n\n'
        "class First(flow.Automation):\n    start = flow.Execute()\n    end = flow.End()\n"
    )
    (shop / "automations.py").write_text(before)
    (shop / "tests").mkdir()
    start("Second")
    after = (shop / "automations.py").read_text()
    assert after.count("from automations import flow\n") == 1
    assert [line for line in before.splitlines() if line not in after] == []
    assert [
        getattr(each, "name", "") for each in ast.parse(after).body if "name" in vars(each)
    ] == [
        "First",
        "Second",
    ]
    assert (shop / "tests" / "test_second.py").exists()


def test_what_cannot_be_written_is_said_and_nothing_is(shop: Path) -> None:
    for name in ("orderApproval", "1Order", "Order-Approval", "None", "Ördér"):
        with pytest.raises(CommandError, match="is no name for a class"):
            start(name)
    with pytest.raises(CommandError, match=r"No app 'testap' is installed. Did you mean testapp\?"):
        start("Order", app="testap")
    start("Order")
    with pytest.raises(CommandError, match=r"test_order.py is there already"):
        start("Order")
    (shop / "test_order.py").unlink()
    with pytest.raises(CommandError, match="There is a Order already"):
        start("Order")
    (shop / "automations.py").write_text("class :")
    with pytest.raises(CommandError, match="cannot be read"):
        start("Other")
    (shop / "automations").mkdir()
    with pytest.raises(CommandError, match="is a package"):
        start("Other")
    assert {path.name for path in shop.iterdir()} == {"automations.py", "automations"}


def test_a_module_with_nothing_but_a_class_gets_its_imports() -> None:
    assert with_automation("", "Order").startswith("import datetime\n\nfrom automations import")
    assert (snake("Order"), snake("OrderApproval"), snake("HTTPCall2Go")) == (
        "order",
        "order_approval",
        "httpcall2_go",
    )


def listed(*names: str, **options: Any) -> str:
    told = io.StringIO()
    call_command("automation_list", *names, stdout=told, **options)
    return told.getvalue()


@pytest.mark.django_db
def test_automations_are_listed_with_their_nodes_and_what_is_open() -> None:
    Charge()
    Charge()
    AutomationModel.objects.filter(pk=Charge().id).update(state="suspended", due=None)
    assert listed("testapp.Charge") == (
        "testapp.Charge: 2 running, 1 suspended\n"
        "  start   Execute\n"
        "  charge  Execute  3 open\n"
        "  end     End\n"
    )
    assert listed("testapp.Halting").startswith("testapp.Halting: no run\n  start ")


@pytest.mark.django_db
def test_runs_that_the_code_does_not_know_are_listed_too(
    django_assert_num_queries: Any,
) -> None:
    run = Halting()
    AutomationModel.objects.filter(pk=run.id).update(automation_class="gone.Away")
    with django_assert_num_queries(2):
        told = listed()
    assert told.endswith("gone.Away: 1 running, and not in the code\n")
    assert "testapp.Charge: no run\n" in told
    assert "gone.Away" not in listed(app="testapp")
    assert listed(app="auth") == ""
    with pytest.raises(CommandError, match="No app 'shop' is installed"):
        listed(app="shop")


def test_without_its_tables_the_list_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("no such table")

    monkeypatch.setattr(automation_list, "counted", fail)
    with pytest.raises(CommandError, match=r"no such table. Has manage.py migrate been run\?"):
        listed()


@pytest.mark.django_db
def test_in_a_shell_everything_says_what_it_is(django_assert_num_queries: Any) -> None:
    run = Charge()
    row = AutomationModel.objects.get()
    task = row.automationtaskmodel_set.latest("pk")
    with django_assert_num_queries(0):
        shown = [repr(each) for each in (run, row, task, Charge._meta, Charge.start, this.charge)]
    label = "tests.testapp.tested.Charge"
    assert shown == [
        f"<Charge {run.id} running>",
        f"<AutomationModel: {label} {run.id} (running)>",
        f"<AutomationTaskModel {task.pk}: charge (ready) of run {run.id}>",
        f"<ProcessDefinition {label}: start, charge, end>",
        "<Execute start>",
        "this.charge",
    ]
    assert repr(TaskContext(task, row, NOW)) == f"<TaskContext {task!r}, 2026-03-02 09:00:00>"
    assert repr(Rescued._meta.flows[:2]) == (
        "(<SequenceFlow charge -> ship>, <SequenceFlow charge -> call (error)>)"
    )
    assert repr(vars(Bound)["issue_list"]) == "<BoundObject issue_list: IssueList>"
    assert repr(AutomationTaskModel(status="new")) == "<AutomationTaskModel None: new (ready)>"
