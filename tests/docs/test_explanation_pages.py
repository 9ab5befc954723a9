"""The pages that explain: their code does what they say."""

from __future__ import annotations

import inspect
import re
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import pytest
from django.contrib.auth.models import User

from automations import flow
from automations.definition.validation import find_problems
from automations.diagrams.bpmn import bpmn
from automations.dispatch.noops import move_on
from automations.engine import retention
from automations.models import AutomationModel, AutomationTaskModel
from automations.testing import assert_path, clock, complete, run_until_idle
from tests.docs.pages import blocks, lacking, page, rows, words
from tests.docs.running import go_through, module_of, run

pytestmark = pytest.mark.django_db

IMPORTS = """
from datetime import UTC, datetime, time, timedelta

from django import forms
from django.utils import timezone

from automations import flow
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from automations.testing import assert_path, assert_waiting_at, clock, complete
"""


def test_the_clocks_of_the_page_on_time_go_as_it_says(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    with module_of("page_on_time", IMPORTS) as module:
        assert go_through(module, "explanation/time")


def test_runs_live_with_changes_of_the_code_as_the_page_says() -> None:
    ada = User.objects.create_superuser("ada")
    with module_of("shop_automations", IMPORTS, ada=ada) as module:
        assert go_through(module, "explanation/code-changes")
        # A run that stands at the former name of a node is moved on to the new one.
        order = module.Order(autorun=False)
        AutomationTaskModel.objects.filter(automation=order.id).update(
            status="approve", state="waiting", due=None, requires_interaction=True
        )
        move_on()
        run_until_idle()
        assert_path(order, ["approve", "agree"])
        module.give_all_a_channel()
        assert module.Order(automation_id=order.id).data == {"channel": "web"}
        assert [flaw.code for flaw in find_problems(module.Order._meta)] == ["W101"]


METHODS = """
class ApprovalForm(forms.Form):
    pass


class Delivery(flow.Automation):
    wait = flow.ReceiveMessage("packed")
    end = flow.End()


def work(self, task): ...


NAMES = "look_at_it get_size remind is_agreed note_why is_small wrap is_in_stock".split()
"""


def test_the_page_on_bpmn_names_the_elements_of_its_process() -> None:
    example, _ = blocks("explanation/bpmn")
    told = {row[1].strip("`"): row[2] for row in rows(page("explanation/bpmn")) if len(row) == 3}
    del told["id"], told["---"]
    with module_of("page_on_bpmn", IMPORTS + METHODS) as module:
        work = "".join(f"    {name} = work\n" for name in module.NAMES)
        run(module, f"{example}\n{work}")
        assert not find_problems(module.Order._meta)
        elements = elements_of(bpmn(module.Order._meta))
    for name, what in told.items():
        kind, *more = re.findall(r"`(\w+)`", what)
        found = elements[name]
        assert tag(found) == kind
        assert set(more) <= {tag(child) for child in found}
        assert found.get("cancelActivity") == INTERRUPTING.get(what.rpartition(", ")[2])


REST = """
from django.dispatch import Signal

signal = Signal()


@flow.on_signal(signal, start="end")
class Rest(flow.Automation):
    class Meta:
        schedule = flow.Cron("0 9 * * *")

    part = flow.Node()
    again = flow.Repeat(this.part).EveryDay()
    end = flow.End(terminate=True)
"""


def test_the_page_on_bpmn_is_right_of_what_is_not_in_its_process() -> None:
    with module_of("page_on_bpmn", IMPORTS + REST) as module:
        elements = elements_of(bpmn(module.Rest._meta))
    told = {row[0]: re.findall(r"`(\w+)`", row[1]) for row in rows(page("explanation/bpmn"))}
    for name, begin in {
        "part": "`Node`",
        "again": "`Repeat`",
        "end": "`End(terminate=True)`",
        "part.schedule": "`Meta.schedule`",
        "end.signal": "`on_signal`",
    }.items():
        (wanted,) = (what for said, what in told.items() if said.startswith(begin))
        inside = {tag(elements[name]), *(tag(child) for child in elements[name])}
        assert set(wanted) - {"bpmn"} <= inside


def test_one_run_for_each_of_a_list_answers_as_the_page_on_bpmn_shows() -> None:
    _, example = blocks("explanation/bpmn")
    people = [User.objects.create(username=name) for name in ("ada", "grace")]
    with module_of("page_on_surveys", IMPORTS + SURVEY) as module:
        run(module, example)
        assert not find_problems(module.Study._meta)
        with clock():
            study = module.Study(people=["ada", "grace"])
            run_until_idle()
            rows = AutomationModel.objects.of(module.Survey).order_by("pk")
            surveys = [row.instance for row in rows]
            for user, survey in zip(people, surveys, strict=True):
                complete(survey, "ask", {"text": f"I am {user}"}, user=user)
            run_until_idle()
        assert_path(study, ["begin", *["answered", "note", "complete"] * 2, "end"])
        assert module.Study(automation_id=study.id).data["answers"] == ["I am ada", "I am grace"]


SURVEY = """
class SurveyForm(forms.Form):
    text = forms.CharField()
"""


#: What a table says of events on a border, and the file as well.
INTERRUPTING = {"interrupting": "true", "not interrupting": "false"}


def tag(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2]


def elements_of(document: str) -> dict[str, Element]:
    """Return the elements of a document of BPMN by their ids."""
    return {found.get("id", ""): found for found in fromstring(document).iter()}


def test_the_page_on_bpmn_knows_every_kind_of_node_and_every_modifier() -> None:
    told = words(page("explanation/bpmn"))
    kinds = [kind for name in flow.__all__ if inspect.isclass(kind := getattr(flow, name))]
    nodes = [kind for kind in kinds if issubclass(kind, flow.Node)]
    modifiers = {name for kind in nodes for name in dir(kind) if name[0].isupper()}
    assert lacking({kind.__name__ for kind in nodes} | modifiers - FORMER, told) == []


#: An earlier name of a modifier.
FORMER = {"AfterPausingFor"}


FORMS = """
class ShippingForm(forms.Form):
    pass


class CallForm(forms.Form):
    pass
"""


def test_the_page_on_soundness_shows_a_flaw_as_it_is_told() -> None:
    (example,), (told,) = (blocks("explanation/soundness", kind) for kind in ("python", "text"))
    with module_of("shop.automations", IMPORTS + FORMS) as module:
        run(module, example)
        (flaw,) = find_problems(module.Order._meta)
    assert f"{flaw.message}\n{flaw.hint}\n" == told


@pytest.mark.parametrize("name", ["explanation/scaling", "how-to/delete-history"])
def test_the_pages_say_how_much_of_the_history_is_deleted_at_a_time(name: str) -> None:
    told = " ".join(page(name).split())
    assert f"at most {retention.BATCH} runs" in told
    assert f"{retention.MANY:,} rows" in told


def test_the_page_on_scaling_says_how_many_runs_are_looked_at_at_a_time() -> None:
    assert f"looks at {retention.STRIDE:,} runs at a time" in page("explanation/scaling")
