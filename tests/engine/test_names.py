"""Classes that were renamed or moved, and processes that are only there to be extended."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django import forms
from django.contrib.auth.models import User

from automations import flow
from automations.definition import known
from automations.definition.validation import find_problems
from automations.dispatch import inline
from automations.exceptions import AutomationNotFound, DefinitionError, WrongAutomation
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from automations.outcomes import Complete, Outcome, Skip
from tests.engine.rows import at, path, row
from tests.plain import DAY, NOW
from tests.testapp import language
from tests.testapp.language import Approval, Both, Noting, Order, Renamed
from tests.testapp.models import IssueList, Ticket

in_all_ways = True


@pytest.fixture
def old() -> Renamed:
    run = Renamed(email="ada")
    AutomationModel.objects.filter(pk=run.id).update(automation_class="shop.automations.Old")
    return run


@pytest.mark.api("AutomationModel")
def test_a_run_under_a_former_name_goes_on(clock: time_machine.Traveller, old: Renamed) -> None:
    assert row(old).get_automation_class() is Renamed
    assert row(old).instance.id == old.id
    clock.shift(DAY)
    AutomationModel.run()
    assert path(old) == ["start", "end"]
    assert row(old).state == "finished"
    assert Renamed(automation_id=old.id).finished()
    with pytest.raises(WrongAutomation):
        Order(automation_id=old.id)


def test_a_run_under_a_former_name_is_still_the_only_one() -> None:
    for former in ("shop.automations.Old", "tests.testapp.language.OlderName"):
        from automations.engine.starting import make_unique_key

        run = Renamed(email=former)
        AutomationModel.objects.filter(pk=run.id).update(
            automation_class=former,
            unique_key=make_unique_key(former, {"email": former}, ["email"]),
        )
        assert Renamed(email=former).id == run.id
    assert AutomationModel.objects.count() == 2


def test_a_name_that_nobody_had_is_no_automation() -> None:
    with pytest.raises(AutomationNotFound, match=r"no automation 'shop\.Never'"):
        AutomationModel(automation_class="shop.Never").get_automation_class()
    assert known.current("shop.Never") is None
    assert known.labels("shop.Never") == ("shop.Never",)
    assert known.labels(Renamed._meta.label) == Renamed._meta.labels


def test_data_of_a_run_whose_class_is_gone_can_be_saved() -> None:
    run = Both(issue_list=IssueList.objects.create(title="x"), ticket=Ticket.objects.create())
    AutomationModel.objects.filter(pk=run.id).update(automation_class="gone.Away")
    run.data["note"] = "kept"
    run.save()
    assert row(run).data["note"] == "kept"


def test_data_of_a_run_that_has_ended_can_be_saved() -> None:
    run = Order()
    AutomationModel.objects.filter(pk=run.id).update(
        state="cancelled", finished=True, ended=NOW, due=None
    )
    run.data["note"] = "late"
    run.save()
    assert row(run).data["note"] == "late"
    assert row(run).due is None


def test_a_class_that_is_only_there_to_be_extended_starts_nothing() -> None:
    with pytest.raises(DefinitionError, match="is abstract"):
        Noting()


def test_a_schedule_and_parameters_do_not_go_together() -> None:
    class Confused(Noting):
        unique = ("email",)

        class Meta:
            schedule = flow.Cron("0 9 * * MON")

        start = flow.Execute()
        end = flow.End()

    try:
        (problem,) = find_problems(Confused._meta)
        assert problem.code == "E127"
        assert "unique by email" in problem.message
        assert not list(known.scheduled())  # it stands in a function, so no run could find it
    finally:
        known._by_label.pop(Confused._meta.label)


def test_data_of_a_suspended_run_can_be_saved_and_moves_nothing() -> None:
    run = Both(issue_list=IssueList.objects.create(title="x"), ticket=Ticket.objects.create())
    AutomationModel.objects.filter(pk=run.id).update(state="suspended", due=None)
    AutomationTaskModel.objects.filter(automation=run.id, finished=None).update(due=None)
    run.data["note"] = "kept"
    run.save()
    assert row(run).data["note"] == "kept"
    assert row(run).due is None


# Nodes of one run


@pytest.mark.api("Node")
def test_a_node_of_a_run_knows_the_run(old: Renamed) -> None:
    node = old.start  # type: ignore[attr-defined] # a node
    assert node.data is old.data
    assert node.resolve(this.id) == old.id
    assert node.resolve("self.id") == old.id
    assert node.resolve(5) == 5
    assert node.get_automation_name() == Renamed.get_automation_name()
    assert repr(node) == "<Execute start>"


class Free(flow.Form):
    """A form whose completion the test chooses."""

    outcome: Outcome = Complete()

    def complete(self, context: Any, form: Any, user: Any) -> Outcome:
        return self.outcome


class Nothing(forms.Form):
    pass


@pytest.mark.parametrize("outcome", [Complete(), Skip()])
def test_a_form_may_complete_without_keeping_anything(
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Asks(flow.Automation):
        ask = Free(Nothing).User(username="ada")
        end = flow.End()

    monkeypatch.setattr(Free, "outcome", outcome)
    monkeypatch.setattr(language, "Asks", Asks, raising=False)
    Asks._meta.__dict__["label"] = f"{language.__name__}.Asks"
    ada = User.objects.create(username="ada")
    run = Asks()
    form = Nothing({})
    assert form.is_valid()
    inline.submit(run.id, at(run, "ask").pk, form, ada)
    assert run.finished()
    assert run.data == {}


# Users who are deleted


def test_a_task_of_a_deleted_user_is_listed_and_a_closed_one_keeps_the_name(
    clock: time_machine.Traveller,
) -> None:
    ada, boss = (User.objects.create(username=name) for name in ("ada", "boss"))
    run = Approval()
    clock.shift(7 * DAY)
    AutomationModel.run()
    AutomationModel.run()
    ada.delete()
    assert at(run, "ask").interaction_user_name == "ada"
    assert not AutomationTaskModel.objects.of_nobody().exists()
    boss.delete()
    (nobodys,) = AutomationTaskModel.objects.of_nobody()
    assert nobodys.interaction_user_name == "boss"
    assert not AutomationTaskModel.objects.doable_by(User.objects.create(username="boss")).exists()


def test_what_belongs_to_one_class_is_not_inherited() -> None:
    class Base(flow.Automation):
        class Meta:
            abstract = True
            former_names = ["shop.Base"]
            schedule = flow.Cron("0 9 * * *")
            keep_history = 7

        start = flow.Execute()
        end = flow.End()

    class Child(Base):
        class Meta(Base.Meta):
            verbose_name = "child"

    class Sibling(Base):
        """Says nothing itself."""

    class Grandchild(Sibling):
        """Extends a class that is started on schedule itself."""

    options = [each._meta.options for each in (Base, Child, Sibling, Grandchild)]
    assert [each.abstract for each in options] == [True, False, False, False]
    assert [bool(each.schedule) for each in options] == [True, True, True, False]
    assert [each.former_names for each in options] == [("shop.Base",), (), (), ()]
    assert {each.keep_history for each in options} == {7}
    assert [each._is_abstract() for each in (Base, Child)] == [True, False]
