"""The page on long work."""

from __future__ import annotations

from blocks import Page
from django.test import TestCase

from automations import flow
from automations.flow import this
from automations.models import AutomationModel
from automations.testing import assert_path, clock, run_until_idle

page = Page("background", globals())
page.run("class Report")
written: dict[str, set[str]] = {}


class Chunk:
    def __init__(self, name: int) -> None:
        self.name = name

    def write(self, key: str) -> None:
        written.setdefault(key, set()).add(str(self.name))


class LargeReport(Report):
    def chunks(self) -> list[Chunk]:
        return [Chunk(number) for number in range(self.data["chunks"])]

    def send_report(self, task: object) -> None:
        self.data["progress"] = task.previous.progress
        self.data["file"] = task.previous.result


class BackgroundTest(TestCase):
    def test_it_is_done_outside_with_one_key_and_tells_how_far_it_is(self) -> None:
        run = LargeReport(chunks=4)
        assert_path(run, ["build"])
        assert not written
        AutomationModel.run()
        assert_path(run, ["build", "send", "end"])
        run = AutomationModel.objects.get(pk=run.id).instance
        assert run.data["file"] == "report.pdf"
        (chunks,) = written.values()
        assert len(chunks) == 4

    def test_it_is_tried_three_times(self) -> None:
        class Down(Exception):  # what a service raises
            pass

        def chunks(self: object) -> None:
            self.tried = True
            raise Down

        LargeReport.chunks, usual = chunks, LargeReport.chunks
        try:
            with clock(incidents=True) as time:
                run = LargeReport(chunks=4)
                run_until_idle()
                time.advance(hours=1)
        finally:
            LargeReport.chunks = usual
        failed = AutomationModel.objects.get(pk=run.id)
        assert failed.state == "failed"
        assert failed.automationtaskmodel_set.get().tries == 2
