"""The page on queues."""

from __future__ import annotations

import re

import pytest
from blocks import PAGES, Page, checked
from celery import Celery
from django.conf import settings
from django.core.checks import run_checks
from django.test import TestCase, override_settings

from automations import flow
from automations.dispatch.base import NAMES, Dispatcher, get_dispatcher
from automations.dispatch.working import work
from automations.flow import this
from automations.models import AutomationModel

page = Page("queues", globals())
celery = page.later("app = Celery")
TASKS = page.settings("django_tasks_db", INSTALLED_APPS=[])
page.run("class Pigeons")
sent: list[tuple[object, ...]] = []


class pigeons:  # noqa: N801 - the block names a module so
    @staticmethod
    def send(*message: object, not_before: object) -> None:
        sent.append((*message, not_before))


class Plain(flow.Automation):
    start = flow.Execute(this.work)
    end = flow.End()

    def work(self, task: object) -> None:
        self.data["done"] = True


def test_every_dispatcher_of_the_table_is_there() -> None:
    table = re.findall(r'^\| `"(\w+)"`', (PAGES / "queues.md").read_text(), re.MULTILINE)
    assert table == ["inline", *NAMES]


@pytest.mark.django_db
def test_celery_knows_the_sweep_and_the_work() -> None:
    names = celery()
    app = names["app"]
    checked(ATM_DISPATCHER=names["ATM_DISPATCHER"], ATM_QUEUE=names["ATM_QUEUE"])
    app.loader.import_default_modules()
    for entry in app.conf.beat_schedule.values():
        assert entry["task"] in app.tasks
        assert "runs" in app.tasks[entry["task"]].apply(throw=True).get()
    assert "automations.work" in app.tasks


def test_the_settings_for_django_tasks_are_right() -> None:
    assert set(TASKS["INSTALLED_APPS"]) <= set(settings.INSTALLED_APPS)
    checked(TASKS=TASKS["TASKS"], ATM_DISPATCHER=TASKS["ATM_DISPATCHER"])
    with override_settings(ATM_DISPATCHER=TASKS["ATM_DISPATCHER"]):
        get_dispatcher("django_tasks")
    with override_settings(ATM_DISPATCHER="nowhere.Pigeons"):
        assert any("nowhere.Pigeons" in str(flaw) for flaw in run_checks())


class PigeonsTest(TestCase):
    def test_a_queue_of_ones_own_is_given_runs_and_works_on_them(self) -> None:
        path = f"{__name__}.Pigeons"
        run = Plain(autorun=False)
        with override_settings(ATM_DISPATCHER=path):
            get_dispatcher(path).dispatch(run.id)
            assert sent == [("work", run.id, None)]
            row = AutomationModel.objects.get(pk=run.id)
            work(row.pk, path)
            row.refresh_from_db()
            assert row.state == "finished"
