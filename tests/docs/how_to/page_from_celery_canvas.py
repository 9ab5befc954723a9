"""The page for those who come from Celery's canvas: both are run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from blocks import Page
from celery import Celery, chain, chord, shared_task
from django.test import TestCase

from automations import flow
from automations.flow import this
from automations.models import AutomationModel
from automations.testing import assert_path, clock, run_until_idle

page = Page("from-celery-canvas", globals())
canvas = page.later("chord(both")
page.run("class Shipping")
page.run("class ImportFile")


class shop:  # noqa: N801 - the blocks name a module so
    done: list[str] = []
    down = 0

    @classmethod
    def charge(cls, order: int) -> None:
        if cls.down:
            cls.down -= 1
            raise ConnectionError
        cls.done.append("charge")

    @classmethod
    def print_label(cls, order: int) -> None:
        cls.done.append("print_label")

    @classmethod
    def tell_store(cls, order: int) -> None:
        cls.done.append("tell_store")

    @classmethod
    def ship(cls, order: int) -> None:
        cls.done.append("ship")

    @staticmethod
    def read(name: str) -> int:
        if name == "broken":
            raise ValueError(name)
        return len(name)


@pytest.fixture(autouse=True)
def nothing_done() -> None:
    shop.done, shop.down = [], 0


def test_the_canvas_does_what_it_says() -> None:
    app = Celery("canvas", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.task_always_eager = True
    names = canvas(shared_task=app.task)
    names["start"](17)
    assert shop.done == ["charge", "print_label", "tell_store", "ship"]


class CanvasTest(TestCase):
    def test_the_process_does_the_same(self) -> None:
        with clock() as time:
            shop.down = 4
            run = Shipping(order_id=17)
            run_until_idle()
            assert shop.done == []
            time.advance(minutes=8)
            assert sorted(shop.done[1:3]) == ["print_label", "tell_store"]
            assert (shop.done[0], shop.done[3:]) == ("charge", ["ship"])
        assert AutomationModel.objects.get(pk=run.id).state == "finished"

    def test_a_run_for_each_entry_and_one_that_waits_for_all(self) -> None:
        with clock(incidents=True):
            run = Import(names=["a", "bb", "broken"])
            run_until_idle()
            assert_path(run, ["start", "total"])
            failed = AutomationModel.objects.of(ImportFile).get(state="failed")
            (task,) = failed.automationtaskmodel_set.filter(state="failed")
            task.retry(data={"name": "ccc"})
            run_until_idle()
            assert_path(run, ["start", "total", "end"])
        assert AutomationModel.objects.get(pk=run.id).data["lines"] == 6
