"""The command that draws how far a run is."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from automations.models import AutomationModel
from tests.pages.rows import make_run
from tests.testapp.processes import Waiting

pytestmark = pytest.mark.django_db


def drawn(*args: str) -> str:
    out = io.StringIO()
    call_command("automation_diagram", *args, stdout=out)
    return out.getvalue()


def test_a_run_is_found_by_its_key_and_by_its_primary_key() -> None:
    run = AutomationModel.objects.get(pk=Waiting().id)
    text = drawn("--run", run.key)
    assert text == drawn("--run", str(run.pk))
    assert text != drawn(Waiting.get_automation_name())


@pytest.mark.parametrize("key", ["", "nothing", "-1", "9" * 40])
def test_a_run_that_is_not_there_is_said_to_be_missing(key: str) -> None:
    with pytest.raises(CommandError, match="no run with the key"):
        drawn("--run", key)


def test_a_run_whose_class_is_gone_has_no_picture() -> None:
    with pytest.raises(CommandError, match="The code has no automation"):
        drawn("--run", make_run("gone.Away").key)


def test_what_shows_no_run_and_a_process_beside_it_are_refused() -> None:
    run = make_run(Waiting)
    with pytest.raises(CommandError, match="These do: png, svg"):
        drawn("--run", run.key, "--format", "bpmn")
    with pytest.raises(CommandError, match="name none beside it"):
        drawn("--run", run.key, Waiting.get_automation_name())
