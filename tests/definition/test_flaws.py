"""Every flaw of a process is found before anything runs."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from django.db import models

from automations import flow
from automations.definition.validation import find_problems, refuse_if_flawed
from automations.exceptions import DefinitionError
from automations.flow import this
from tests.testapp.automations import IssueDiscussion
from tests.testapp.models import AbstractThing

DAY = datetime.timedelta(days=1)

LATE = datetime.datetime(2999, 1, 1, tzinfo=datetime.UTC)

forms_form = type("F", (), {})


def found(automation: type[flow.Automation]) -> dict[str, list[str]]:
    """Return the nodes that are named, by the code of the flaw."""
    problems: dict[str, list[str]] = {}
    for problem in find_problems(automation._meta):
        problems.setdefault(problem.code, []).append(problem.node)
    return problems


class WithMethods(flow.Automation):
    """What the flawed ones need of methods."""

    class Meta:
        abstract = True

    def work(self, task: Any) -> None:
        """Do nothing."""


@pytest.mark.api("E16")
def test_the_class_of_the_core_concepts_page_has_no_flaw() -> None:
    assert found(IssueDiscussion) == {}


@pytest.mark.api("D8", "E16", "End")
def test_its_mutant_that_ends_a_branch_before_the_join_is_refused() -> None:
    class Mutant(IssueDiscussion):
        conf_call = flow.If(this.conf_call_this_week).Then(this.moderate_call).Else(this.end)

    assert found(Mutant) == {"E122": ["end"]}
    with pytest.raises(DefinitionError, match=r"Mutant\.end can be reached by a branch of"):
        Mutant(issue_list=1)


def test_an_automation_without_nodes() -> None:
    class Flawed(flow.Automation):
        pass

    assert found(Flawed) == {"E101": [""]}


@pytest.mark.api("N11")
def test_a_reserved_name() -> None:
    class Flawed(flow.Automation):
        data = flow.Execute()  # type: ignore[assignment]
        send_message = flow.Execute()
        _private = flow.Execute()
        end = flow.End()

    assert found(Flawed) == {"E102": ["data", "send_message", "_private"]}


def test_a_name_declared_twice() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute()
        start = flow.Execute()  # noqa: PIE794
        end = flow.End()

    assert found(Flawed) == {"E103": ["start"]}


@pytest.mark.api("D22")
def test_names_that_differ_only_in_case() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute()
        Start = flow.Execute()
        end = flow.End()

    assert found(Flawed) == {"E104": ["Start"]}


def test_an_arrow_to_a_node_that_does_not_exist() -> None:
    class Flawed(WithMethods):
        start = flow.Execute(this.work).Next(this.ende).OnError(this.nowhere)
        check = flow.If(True).Then("nothing").Else(this.end)
        end = flow.End()

    assert found(Flawed)["E105"] == ["start", "start", "check"]
    messages = [problem for problem in find_problems(Flawed._meta) if problem.code == "E105"]
    assert "Did you mean 'end'?" in messages[0].hint
    assert "Declare nowhere as a node." in messages[1].hint


def test_an_arrow_to_something_that_is_no_pointer() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute().Next(42)
        end = flow.End()

    assert found(Flawed)["E105"] == ["start"]


@pytest.mark.parametrize(
    ("modifier", "node"),
    [
        ("Execute", flow.Execute(this.missing)),
        ("Execute", flow.Execute("missing")),
        ("Execute", flow.Execute(this.work, this.missing)),
        ("Execute", flow.Execute(this.work, key=this.missing)),
        ("AsSoonAs", flow.Execute().AsSoonAs(this.missing)),
        ("SkipIf", flow.Execute().SkipIf("self.missing")),
        ("SkipAfter", flow.Execute().SkipAfter(this.missing)),
        ("OnTimeout", flow.Form(forms_form).Group(pk=1).OnTimeout(this.missing, this.end)),
        ("Remind", flow.Form(forms_form).Group(pk=1).Remind(this.missing, after=DAY)),
        ("Remind(after=)", flow.Form(forms_form).Group(pk=1).Remind(this.work, after=this.missing)),
        ("Remind(every=)", flow.Form(forms_form).Group(pk=1).Remind(this.work, every=this.missing)),
        ("AfterWaitingFor", flow.Execute().AfterWaitingFor(this.missing)),
        ("AfterWaitingUntil", flow.Execute().AfterWaitingUntil(this.missing)),
        ("If", flow.If(this.missing).Then(this.end)),
        ("Then", flow.If(True).Then(this.missing)),
        ("Then", flow.If(True).Then(this.work, this.missing)),
        ("Then", flow.If(True).Then(this.work, key=this.missing)),
        ("Else", flow.If(True).Then(this.end).Else(this.missing)),
        ("Switch", flow.Switch(this.missing).Case(1, this.end)),
        ("Case", flow.Switch(True).Case(this.missing, this.end)),
        ("SendMessage", flow.SendMessage(this.missing, "paid")),
        ("SendMessage", flow.SendMessage(7, "paid", this.missing)),
        ("SendMessage", flow.SendMessage(7, "paid", data=this.missing)),
        ("SendMessage", flow.SendMessage(7, "paid", order=this.missing)),
        ("Form", flow.Form(this.missing).Group(name="x")),
        ("User", flow.Form(forms_form).User(this.missing)),
        ("User", flow.Form(forms_form).User(pk=this.missing)),
        ("Group", flow.Form(forms_form).Group(this.missing)),
        ("Permission", flow.Form(forms_form).Permission(this.missing)),
        ("DueIn", flow.Form(forms_form).Group(pk=1).DueIn(this.missing)),
        ("Execute", flow.Execute(this.end)),
    ],
)
def test_a_reference_to_a_method_that_does_not_exist(modifier: str, node: flow.Node) -> None:
    class Flawed(WithMethods):
        start = node
        end = flow.End()

    assert found(Flawed) == {"E109": ["start"]}
    (problem,) = find_problems(Flawed._meta)
    assert problem.message.startswith(f"{modifier} of {Flawed._meta.label}.start refers to this.")


def test_an_annotated_attribute_is_no_dangling_reference() -> None:
    class Fine(WithMethods):
        webinar: Any

        start = flow.Execute(this.work, this.webinar)
        end = flow.End()

    assert found(Fine) == {}


@pytest.mark.parametrize(
    ("modifier", "node"),
    [
        ("Next", flow.Execute().Next(this.end).Next(this.end)),
        ("AfterWaiting", flow.Execute().AfterWaitingFor(DAY).AfterWaitingFor(DAY)),
        ("AfterWaiting", flow.Execute().AfterWaitingFor(DAY).AfterWaitingUntil(LATE)),
        ("AfterWaiting", flow.Execute().AfterWaitingUntil(LATE).AfterWaitingFor(DAY)),
        ("SkipAfter", flow.Execute().SkipAfter(DAY).SkipAfter(DAY)),
        ("OnTimeout", flow.Execute().OnTimeout(DAY, this.end).OnTimeout(DAY, this.end)),
        ("Commit", flow.Execute().Commit().Commit()),
        ("OnError", flow.Execute(this.work).OnError(this.end).OnError(this.end)),
        ("Retry", flow.Execute(this.work).Retry(3).Retry(3)),
        ("DispatchTo", flow.Execute(this.work).DispatchTo("inline").DispatchTo("thread")),
        ("InBackground", flow.Execute(this.work).InBackground().InBackground()),
        ("Then", flow.If(True).Then(this.end).Then(this.end)),
        ("Else", flow.If(True).Then(this.end).Else(this.end).Else(this.end)),
        ("Default", flow.Switch(1).Case(1, this.end).Default(this.end).Default(this.end)),
        ("User", flow.Form(forms_form).User(pk=1).User(pk=2)),
        ("Group", flow.Form(forms_form).Group(pk=1).Group(pk=2)),
        ("DueIn", flow.Form(forms_form).User(pk=1).DueIn(DAY).DueIn(DAY)),
        ("Every", flow.Repeat(this.start).EveryDay().EveryHour()),
        ("Every", flow.Repeat(this.start).EveryHour().EveryNMinutes(5)),
        ("Every", flow.Repeat(this.start).EveryHour().Cron("0 9 * * *")),
        ("Every", flow.Repeat(this.start).EveryHour().EveryNDays(2)),
        ("At", flow.Repeat(this.start).EveryDay().At(9).At(10)),
    ],
)
@pytest.mark.api("E4", "N3")
def test_a_second_modifier_of_a_kind(modifier: str, node: flow.Node) -> None:
    class Flawed(WithMethods):
        start = node
        end = flow.End()

    told = [each for each in find_problems(Flawed._meta) if each.code[0] == "E"]
    assert [(each.code, each.node) for each in told] == [("E106", "start")]
    assert f"has a second .{modifier}() modifier" in told[0].message


@pytest.mark.api("N3")
def test_conditions_and_permissions_may_be_given_several_times() -> None:
    class Fine(WithMethods):
        start = flow.Execute().AsSoonAs(True).AsSoonAs(True).SkipIf(False).SkipIf(False)
        form = flow.Form(forms_form).Permission("a.b").Permission("a.c")
        end = flow.End()

    assert found(Fine) == {}


@pytest.mark.parametrize("modifier", ["SkipIf", "SkipAfter"])
def test_gateways_and_ends_cannot_be_skipped(modifier: str) -> None:
    value = DAY if modifier == "SkipAfter" else True

    class Flawed(flow.Automation):
        start = getattr(flow.Split().Next(this.a).Next(this.b), modifier)(value)
        a = flow.Execute().Next(this.join)
        b = flow.Execute()
        join = getattr(flow.Join(), modifier)(value)
        end = getattr(flow.End(), modifier)(value)

    assert found(Flawed) == {"E107": ["start", "join", "end"]}


def test_a_plain_value_of_the_wrong_type() -> None:
    class Flawed(flow.Automation):
        a = flow.Execute().AfterWaitingFor(3)
        b = flow.Execute().AfterWaitingUntil("tomorrow")
        c = flow.Execute().SkipAfter(3)
        end = flow.End()

    assert found(Flawed) == {"E108": ["a", "b", "c"]}


def test_an_if_without_then() -> None:
    class Flawed(flow.Automation):
        start = flow.If(True).Else(this.end)
        end = flow.End()

    assert found(Flawed) == {"E110": ["start"]}


def test_a_branch_that_is_neither_node_nor_work() -> None:
    class Flawed(flow.Automation):
        start = flow.If(True).Then(42).Else("two words")
        end = flow.End()

    assert found(Flawed)["E111"] == ["start", "start"]
    told = [each.message for each in find_problems(Flawed._meta) if each.code == "E111"]
    assert [text.partition("()")[0] for text in told] == [".Then", ".Else"]


def test_a_branch_beside_one_that_leads_to_a_node_is_looked_at_as_well() -> None:
    class Flawed(flow.Automation):
        start = flow.If(True).Then(this.end).Else(42)
        end = flow.End()

    assert found(Flawed)["E111"] == ["start"]


@pytest.mark.api("E6")
def test_an_if_whose_next_is_never_used() -> None:
    class Flawed(flow.Automation):
        start = flow.If(True).Then(this.end).Else(this.other).Next(this.end)
        other = flow.Execute()
        end = flow.End()

    assert found(Flawed) == {"E112": ["start"]}


@pytest.mark.api("E6")
def test_the_next_of_an_if_is_used_after_work() -> None:
    class Fine(WithMethods):
        start = flow.If(True).Then(this.work).Else(this.end).Next(this.last)
        end = flow.End()
        last = flow.End()

    assert found(Fine) == {}


def test_a_split_without_next() -> None:
    class Flawed(flow.Automation):
        start = flow.Split()
        end = flow.End()

    assert found(Flawed) == {"E113": ["start"], "W101": ["end"], "E120": ["start"]}


@pytest.mark.api("D22")
def test_a_split_that_names_a_branch_twice() -> None:
    class Flawed(flow.Automation):
        start = flow.Split().Next(this.join).Next(this.join)
        join = flow.Join()
        end = flow.End()

    assert found(Flawed) == {"E114": ["start"]}


@pytest.mark.api("D21")
def test_background_work_without_any_work() -> None:
    class Flawed(WithMethods):
        start = flow.Execute(threaded=True)
        other = flow.Execute().InBackground()
        fine = flow.Execute(this.work).InBackground()
        twice = flow.Execute(this.work).nice().nice()
        end = flow.End()

    assert found(Flawed) == {"E115": ["start", "other"], "E106": ["twice"]}


def test_an_execute_of_nothing_that_can_be_called() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute(42)
        end = flow.End()

    assert found(Flawed) == {"E116": ["start"]}


@pytest.mark.api("D6", "N8")
def test_a_form_that_is_assigned_to_nobody() -> None:
    class Flawed(flow.Automation):
        start = flow.Form(forms_form)
        end = flow.End()

    assert found(Flawed) == {"E117": ["start"]}


def test_a_permission_without_its_app() -> None:
    class Flawed(flow.Automation):
        start = flow.Form(forms_form).Permission("change_issue")
        end = flow.End()

    assert found(Flawed) == {"E118": ["start"]}


def test_a_bound_model_without_a_table() -> None:
    class Flawed(flow.Automation):
        thing = AbstractThing
        end = flow.End()

    assert found(Flawed) == {"E119": ["thing"]}


def test_a_bound_model_that_belongs_to_no_installed_app() -> None:
    class Elsewhere(models.Model):
        class Meta:
            app_label = "elsewhere"

    class Flawed(flow.Automation):
        thing = Elsewhere
        end = flow.End()

    assert found(Flawed) == {"E119": ["thing"]}


def test_a_bound_model_that_is_swapped_out(settings: Any) -> None:
    settings.TEST_SWAPPED_MODEL = "testapp.Ticket"

    class Swapped(models.Model):
        class Meta:
            app_label = "testapp"
            swappable = "TEST_SWAPPED_MODEL"

    class Flawed(flow.Automation):
        thing = Swapped
        end = flow.End()

    assert found(Flawed) == {"E119": ["thing"]}


def test_no_way_to_an_end() -> None:
    class Flawed(flow.Automation):
        start = flow.If(True).Then(this.end).Else(this.a)
        a = flow.Execute()
        b = flow.Execute().Next(this.a)
        end = flow.End()

    assert found(Flawed) == {"E120": ["a", "b"]}


def test_a_process_that_falls_off_its_last_node() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute()

    assert found(Flawed) == {"E120": ["start"]}


def test_a_join_without_a_split() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute()
        join = flow.Join()
        end = flow.End()

    assert found(Flawed) == {"E121": ["join"]}


@pytest.mark.api("D8")
def test_a_terminating_end_may_stand_inside_a_branch() -> None:
    class Fine(flow.Automation):
        start = flow.Split().Next(this.a).Next(this.b)
        a = flow.Execute().Next(this.join)
        b = flow.If(True).Then(this.stop)
        join = flow.Join()
        end = flow.End()
        stop = flow.End(terminate=True)

    assert found(Fine) == {}


def test_branches_that_lead_to_different_joins() -> None:
    class Flawed(flow.Automation):
        start = flow.Split().Next(this.one).Next(this.other)
        one = flow.Join()
        end = flow.End()
        other = flow.Join()
        last = flow.End()

    assert found(Flawed) == {"E123": ["start"]}


def test_a_split_inside_its_own_branch() -> None:
    class Flawed(flow.Automation):
        start = flow.Split().Next(this.again).Next(this.join)
        again = flow.If(True).Then(this.start)
        join = flow.Join()
        end = flow.End()

    assert found(Flawed) == {"E124": ["start"]}


def test_a_split_may_be_reached_again_after_its_join() -> None:
    class Fine(flow.Automation):
        start = flow.Split().Next(this.a).Next(this.join)
        a = flow.Execute()
        join = flow.Join()
        again = flow.If(True).Then(this.start)
        end = flow.End()

    assert found(Fine) == {}


def test_two_splits_may_share_a_join() -> None:
    class Fine(flow.Automation):
        start = flow.If(True).Then(this.one).Else(this.other)
        one = flow.Split().Next(this.a).Next(this.join)
        other = flow.Split().Next(this.a).Next(this.join)
        a = flow.Execute()
        join = flow.Join()
        end = flow.End()

    assert found(Fine) == {}


@pytest.mark.api("changing a process")
def test_a_node_that_can_never_be_reached_is_a_warning_and_does_not_refuse() -> None:
    class Old(flow.Automation):
        start = flow.Execute().Next(this.end)
        kept_for_old_runs = flow.Execute()
        end = flow.End()

    assert found(Old) == {"W101": ["kept_for_old_runs"]}
    refuse_if_flawed(Old._meta)


def test_all_flaws_are_told_at_once_with_names_and_hints() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute(this.missing)
        form = flow.Form(forms_form)
        end = flow.End()

    with pytest.raises(DefinitionError) as refused:
        refuse_if_flawed(Flawed._meta)
    text = str(refused.value)
    assert "E109" in text
    assert "E117" in text
    assert "Flawed.start" in text
    assert "Flawed.form" in text
    assert "Define a method missing(self, task)." in text


def test_where_a_skipped_if_goes_on_can_be_reached() -> None:
    class Fine(flow.Automation):
        check = flow.If(True).Then(this.end).Else(this.end).SkipIf(True)
        skipped = flow.Execute()
        end = flow.End()

    assert found(Fine) == {}
    (flow_,) = (each for each in Fine._meta.outgoing("check") if each.target == "skipped")
    assert flow_.label == "skipped"
