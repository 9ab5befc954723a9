"""What each kind of node decides; nothing is written, so no database is needed."""

from __future__ import annotations

import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms

from automations import flow
from automations.exceptions import DefinitionError
from automations.flow import this
from automations.outcomes import (
    Complete,
    Fail,
    Finish,
    Fork,
    Listen,
    Merge,
    Outcome,
    Outside,
    Postpone,
    Skip,
)
from tests.plain import DAY, HOUR, NOW, PlainContext


def bound(node: flow.Node, *names: str) -> Any:
    """Return ``node`` as a definition would keep it, with other nodes of these names."""
    return node.bound("node", "following", frozenset({"node", "following", *names}))


def run(node: flow.Node, context: PlainContext | None = None, *names: str) -> Outcome:
    """Return what ``node`` decides."""
    outcome: Outcome = bound(node, *names).run(context or PlainContext())
    return outcome


def test_a_bare_node_completes_and_goes_on() -> None:
    assert run(flow.Node(description="Says nothing.")) == Complete()


def test_only_a_node_that_asks_can_be_completed() -> None:
    with pytest.raises(DefinitionError, match="asks nobody"):
        bound(flow.Execute()).complete(PlainContext(), None, None)


@pytest.mark.api("N6")
def test_execute_without_arguments_does_nothing() -> None:
    assert run(flow.Execute()) == Complete()


@pytest.mark.api("Execute")
def test_execute_calls_a_function_with_the_task_and_the_rest() -> None:
    context = PlainContext(rate=3)
    seen: list[Any] = []

    def work(task: Any, *args: Any, **kwargs: Any) -> str:
        seen.append((task, args, kwargs))
        return "done"

    node = flow.Execute(work, 1, this.rate, flag="self.rate", word="plain")
    assert run(node, context) == Complete(result="done")
    assert seen == [(context.task, (1, 3), {"flag": 3, "word": "plain"})]


@pytest.mark.parametrize("work", [this.work, "self.work", "work"])
@pytest.mark.api("this", "Execute")
def test_execute_calls_a_method_named_in_three_ways(work: Any) -> None:
    assert run(flow.Execute(work), PlainContext(work=lambda task: 7)) == Complete(result=7)


def test_execute_refuses_what_cannot_be_called() -> None:
    with pytest.raises(DefinitionError, match=r"cannot call this\.work: it is a int"):
        run(flow.Execute(this.work), PlainContext(work=7))


@pytest.mark.api("Execute")
def test_a_subclass_of_execute_names_its_work() -> None:
    class SendMail(flow.Execute):
        def method(self, task: Any, *args: Any, **kwargs: Any) -> Any:
            return args, kwargs

    assert run(SendMail()) == Complete(result=((), {}))
    context = PlainContext(address="ada@example.org")
    expected = Complete(result=(("welcome",), {"to": "ada@example.org"}))
    assert run(SendMail("welcome", to=this.address), context) == expected
    assert [value for _, value in SendMail("welcome", to=1).values()] == ["welcome", 1]


def test_execute_itself_has_no_work_of_its_own() -> None:
    assert flow.Execute().method(None) is None


@pytest.mark.api("N7")
def test_an_error_goes_to_the_error_handler_if_there_is_one() -> None:
    error = ValueError("no money")
    handled = bound(flow.Execute().OnError(this.call), "call")
    assert handled.recover(PlainContext(), error) == Complete(message=repr(error), to="call")
    assert bound(flow.Execute()).recover(PlainContext(), error) == Fail(error)


@pytest.mark.api("A11", "If")
def test_if_takes_the_branch_that_its_condition_chooses() -> None:
    node = flow.If(lambda task: task.data.get("ok")).Then(this.yes).Else("no")
    context = PlainContext()
    assert run(node, context, "yes", "no") == Complete(message="False", to="no")
    context.task.data["ok"] = 1
    assert run(node, context, "yes", "no") == Complete(message="True", to="yes")


@pytest.mark.api("D2", "E5")
def test_if_without_a_matching_branch_goes_on() -> None:
    assert run(flow.If(False).Then(this.yes), None, "yes") == Complete(message="False")


@pytest.mark.api("If")
def test_if_calls_what_is_no_node_with_its_arguments() -> None:
    context = PlainContext(note=lambda task, what: f"noted {what}")
    node = flow.If(True).Then(this.note, what="it")
    assert run(node, context) == Complete(message="True", result="noted it")


@pytest.mark.api("E2", "If")
def test_in_then_and_else_the_node_comes_before_the_method() -> None:
    context = PlainContext(evaluate=lambda task: "called")
    assert run(flow.If(True).Then(this.evaluate), context, "evaluate") == Complete(
        message="True", to="evaluate"
    )


def test_if_without_any_way_out_has_no_arrows() -> None:
    assert list(flow.If(True).bound("last", None, frozenset({"last"})).sequence_flows()) == []


@pytest.mark.api("E4")
def test_split_forks_and_join_merges_and_end_finishes() -> None:
    assert run(flow.Split().Next(this.a).Next("self.b")) == Fork(("a", "b"))
    assert run(flow.Join()) == Merge()
    assert run(flow.End()) == Finish()
    assert run(flow.End(terminate=True)) == Finish(terminate=True)


@pytest.mark.parametrize(
    "value", [HOUR, lambda task: HOUR, this.pause, "self.pause"], ids=["plain", "call", "this", "s"]
)
@pytest.mark.api("D3", "A22", "N2", "N5", "AfterWaiting")
def test_waiting_for_counts_from_the_opening_of_the_task(value: Any) -> None:
    early = PlainContext(NOW + HOUR - datetime.timedelta(microseconds=1), pause=HOUR)
    late = PlainContext(NOW + HOUR, pause=HOUR)
    for node in (flow.Execute().AfterWaitingFor(value), flow.Execute().AfterPausingFor(value)):
        assert run(node, early) == Postpone(until=NOW + HOUR)
        assert run(node, late) == Complete()


@pytest.mark.parametrize("value", [NOW + DAY, lambda task: NOW + DAY, this.moment, "self.moment"])
@pytest.mark.api("A22", "N5", "AfterWaiting")
def test_waiting_until_a_moment(value: Any) -> None:
    node = flow.Execute().AfterWaitingUntil(value)
    assert run(node, PlainContext(moment=NOW + DAY)) == Postpone(until=NOW + DAY)
    assert run(node, PlainContext(NOW + DAY, moment=NOW + DAY)) == Complete()


def test_a_naive_moment_is_in_the_time_zone_of_the_project(settings: Any) -> None:
    settings.TIME_ZONE = "Europe/Berlin"
    noon = datetime.datetime(2026, 3, 2, 12)
    node = flow.Execute().AfterWaitingUntil(noon)
    assert run(node) == Postpone(until=noon.replace(tzinfo=ZoneInfo("Europe/Berlin")))


@pytest.mark.parametrize(
    "node",
    [
        flow.Execute().AfterWaitingFor(lambda task: 3),
        flow.Execute().AfterWaitingUntil(lambda task: None),
        flow.Execute().AfterWaitingUntil(lambda task: HOUR),
        flow.Execute().SkipAfter(lambda task: "soon"),
    ],
)
def test_a_wait_of_the_wrong_type_is_an_error_that_names_node_and_modifier(node: Any) -> None:
    (modifier,) = [name for name, _ in node.time_values()]
    with pytest.raises(DefinitionError, match=rf"\.{modifier}\(\) of node 'node' needs a"):
        run(node)


@pytest.mark.parametrize("value", [True, lambda task: True, this.flag, "self.flag"])
@pytest.mark.api("N5", "AsSoonAs", "SkipIf")
def test_a_condition_may_be_given_in_four_ways(value: Any) -> None:
    context = PlainContext(flag=True)
    assert run(flow.Execute().AsSoonAs(value), context) == Complete()
    assert run(flow.Execute().SkipIf(value), context) == Skip()


@pytest.mark.api("N3")
def test_several_conditions_to_wait_for_must_all_be_true() -> None:
    assert run(flow.Execute().AsSoonAs(True).AsSoonAs(False)) == Postpone(poll=True)


@pytest.mark.api("N3")
def test_one_of_several_conditions_to_skip_is_enough() -> None:
    assert run(flow.Execute().SkipIf(False).SkipIf(True)) == Skip()


@pytest.mark.api("D3", "D16", "N1")
def test_skipping_wins_over_every_wait_also_at_the_same_moment() -> None:
    at_once = PlainContext(NOW + HOUR)
    assert run(flow.Execute().AfterWaitingFor(HOUR).SkipAfter(HOUR), at_once) == Skip()
    assert run(flow.Execute().AfterWaitingFor(DAY).SkipIf(True)) == Skip()
    assert run(flow.Execute().AsSoonAs(False).SkipAfter(HOUR), at_once) == Skip()


@pytest.mark.api("D3", "N1", "N4")
def test_a_wait_comes_before_the_condition() -> None:
    asked: list[Any] = []
    node = flow.Execute().AfterWaitingFor(HOUR).AsSoonAs(asked.append)
    run(node)
    assert asked == []


@pytest.mark.api("N1")
def test_a_waiting_task_is_looked_at_by_its_deadline() -> None:
    both = flow.Execute().AfterWaitingFor(DAY).SkipAfter(HOUR)
    assert run(both) == Postpone(until=NOW + HOUR)
    assert run(flow.Execute().AsSoonAs(False).SkipAfter(HOUR)) == Postpone(NOW + HOUR, poll=True)


def test_a_wait_that_may_be_skipped_is_asked_again_and_again() -> None:
    node = flow.Execute().AfterWaitingFor(DAY).SkipIf(False)
    assert run(node) == Postpone(until=NOW + DAY, poll=True)


@pytest.mark.api("Node")
def test_poll_postpones_until_there_is_an_answer() -> None:
    class Poll(flow.Node):
        """Ask a question again and again until it has an answer."""

        def __init__(self, question: Any, *, every: datetime.timedelta) -> None:
            super().__init__()
            self.question = question
            self.every = every

        def execute(self, context: Any) -> Outcome:
            answer = context.evaluate(self.question)
            if answer is None:
                return Postpone(until=context.now + self.every)
            return Complete(result=answer)

    context = PlainContext()
    node = bound(Poll(lambda task: task.data.get("paid"), every=HOUR))

    assert node.run(context) == Postpone(until=NOW + HOUR)

    context.task.data["paid"] = 42
    assert node.run(context) == Complete(result=42)


@pytest.mark.api("Form")
def test_a_form_may_be_given_by_a_callable() -> None:
    class Small(forms.Form):
        """A form without fields."""

    context = PlainContext(choose=lambda task: Small)
    for form in (Small, lambda task: Small, this.choose):
        node = bound(flow.Form(form).User(pk=1))
        assert node.get_form_class(context) is Small
        assert node.get_form_kwargs(context) == {}
    with pytest.raises(DefinitionError, match="is no form class"):
        bound(flow.Form(lambda task: 42).User(pk=1)).get_form_class(context)


class Anything(forms.Form):
    """A form without fields."""


@pytest.mark.api("A21")
@pytest.mark.parametrize(
    "node",
    [
        flow.Node(),
        flow.Execute(),
        flow.If(True).Then(this.following),
        flow.Switch(1).Case(1, this.following),
        flow.Split().Next(this.following),
        flow.Join(),
        flow.Form(Anything).User(pk=1),
        flow.ModelForm(Anything, "key").User(pk=1),
        flow.SendMessage(1, "hello"),
        flow.ReceiveMessage("hello"),
        flow.End(),
    ],
    ids=lambda node: type(node).__name__,
)
def test_every_kind_of_node_can_wait(node: flow.Node) -> None:
    assert run(node.AfterWaitingFor(HOUR)) == Postpone(until=NOW + HOUR)
    assert run(node.AfterWaitingUntil(NOW + DAY)) == Postpone(until=NOW + DAY)
    assert run(node.AsSoonAs(False)) == Postpone(poll=True)


@pytest.mark.api("N5", "SkipIf")
@pytest.mark.parametrize("value", [HOUR, lambda task: HOUR, this.limit, "self.limit"])
def test_a_limit_may_be_given_in_four_ways(value: Any) -> None:
    for moment, skip in ((NOW + HOUR / 2, False), (NOW + HOUR, True)):
        context = PlainContext(moment, limit=HOUR)
        waits = flow.Execute().AsSoonAs(False)
        assert (run(waits.SkipAfter(value), context) == Skip()) is skip
        timed_out = Skip(message="timed out", to="boss")
        assert (run(waits.OnTimeout(value, this.boss), context) == timed_out) is skip


@pytest.mark.api("D21")
def test_the_options_of_a_node_are_not_given_to_its_work() -> None:
    def work(task: Any, **kwargs: Any) -> dict[str, Any]:
        return kwargs

    node = flow.Execute(work, threaded=True, description="Works.", size=3)
    assert run(node) == Outside(thread=True)
    assert node.work(PlainContext()) == Complete(result={"size": 3})
    assert node.description == "Works."
    assert node.threaded


def test_what_a_kind_of_node_does_not_do_is_refused_by_name() -> None:
    node, context = bound(flow.Node()), PlainContext()
    with pytest.raises(DefinitionError, match="'node' asks nobody"):
        node.complete(context, None, None)
    with pytest.raises(DefinitionError, match="'node' waits for no message"):
        node.received(context, None, None)
    with pytest.raises(DefinitionError, match="'node' has no work to do outside of its step"):
        node.work(context)


def test_a_bare_node_asks_nobody_and_never_comes_back() -> None:
    assert list(bound(flow.Node()).performers()) == []
    assert bound(flow.Node()).rule is None


def test_what_is_called_is_the_method_of_a_subclass_or_what_was_given() -> None:
    class Named(flow.Execute):
        def method(self, task: Any, *args: Any, **kwargs: Any) -> None:
            """Do nothing, under a name."""

    assert bound(Named()).calls is Named.method
    assert bound(flow.Execute(print)).calls is print
    assert bound(flow.Execute("note")).calls == this.note
    assert bound(flow.Execute()).calls is None


def test_commit_is_kept_on_the_node_and_said_once() -> None:
    assert bound(flow.Execute(print).Commit()).commits
    assert not bound(flow.Execute(print)).commits
    twice = flow.Execute(print).Commit().Commit()
    assert twice.repeated_modifiers == ("Commit",)


@pytest.mark.parametrize(
    "make",
    [
        lambda **said: flow.Node(**said),
        lambda **said: flow.Execute(**said),
        lambda **said: flow.If(True, **said),
        lambda **said: flow.Switch(1, **said),
        lambda **said: flow.Split(**said),
        lambda **said: flow.Join(**said),
        lambda **said: flow.Form(Anything, **said),
        lambda **said: flow.ModelForm(Anything, "key", **said),
        lambda **said: flow.SendMessage(1, "hello", **said),
        lambda **said: flow.ReceiveMessage("hello", **said),
        lambda **said: flow.Repeat(**said),
        lambda **said: flow.End(**said),
    ],
)
def test_every_kind_of_node_says_what_it_is_for(make: Any) -> None:
    assert make(description="Says so.").description == "Says so."
    assert make().description == ""


def test_what_a_form_is_given_for_its_page_is_kept() -> None:
    for form in (
        flow.Form(Anything, "page.html", {"a": 1}, success_url="/thanks/"),
        flow.ModelForm(Anything, "key", "page.html", {"a": 1}, success_url="/thanks/"),
    ):
        kept = (form.template_name, form.context, form.repeated_form, form.success_url)
        assert kept == ("page.html", {"a": 1}, False, "/thanks/")


def test_a_form_names_whom_it_asks() -> None:
    form = flow.Form(Anything).Permission("shop.approve").User(this.owner).Group(name="staff")
    performers = [("group", "staff"), ("user", "owner"), ("permission", "shop.approve")]
    assert list(form.performers()) == performers


def test_what_was_entered_is_kept_with_who_and_when() -> None:
    form = Anything({})
    assert form.is_valid()
    outcome = bound(flow.Form(Anything)).complete(PlainContext(), form, SimpleNamespace(pk=7))
    stamp = {"user_id": 7, "time": NOW.isoformat()}
    assert outcome == Complete(data={"node": {}, "_node_validated": stamp})


def test_another_try_comes_at_its_moment_and_not_before() -> None:
    context = PlainContext()
    context.task.retry_at = NOW
    assert run(flow.Execute(), context) == Complete()
    context.task.retry_at = NOW + HOUR
    assert run(flow.Execute(), context) == Postpone(until=NOW + HOUR)


def test_a_message_that_has_come_is_taken_and_nobody_is_reminded() -> None:
    reminded: list[Any] = []
    node = flow.ReceiveMessage("paid").Remind(reminded.append, after=HOUR)
    context = PlainContext(NOW + HOUR, messages={"paid": NOW})
    assert run(node, context) == Listen("paid")
    assert reminded == []
    waiting = PlainContext(NOW + HOUR)
    assert run(node, waiting) == Listen("paid", reminded=(1,))
    assert reminded == [waiting.task]


def test_a_message_counts_that_came_when_the_time_was_just_over() -> None:
    node = flow.ReceiveMessage("paid").OnTimeout(HOUR, this.boss)
    over = NOW + HOUR
    assert run(node, PlainContext(over, messages={"paid": over})) == Listen("paid")
    assert run(node, PlainContext(over)) == Skip(message="timed out", to="boss")
