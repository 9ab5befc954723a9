"""What the nodes of messages, repetition and choice decide, and what reminders do."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django import forms

from automations import flow
from automations.definition.boundary import Grid, moment_of
from automations.definition.options import Options
from automations.exceptions import DefinitionError, MessageRefused
from automations.flow import this
from automations.outcomes import Ask, Complete, Listen, Outcome, Postpone, Send, Skip
from tests.plain import DAY, HOUR, NOW, PlainContext
from tests.testapp.language import Newsletter
from tests.testapp.models import IssueList


def bound(node: flow.Node, *names: str) -> Any:
    return node.bound("node", "following", frozenset({"node", "following", *names}), first="first")


def run(node: flow.Node, context: PlainContext | None = None, *names: str) -> Outcome:
    outcome: Outcome = bound(node, *names).run(context or PlainContext())
    return outcome


def codes(node: flow.Node) -> list[str]:
    return [problem.code for problem in bound(node).problems("shop.Order.node")]


# Switch


@pytest.mark.parametrize(
    ("value", "to"), [("small", "book"), ("big", "ask"), ("huge", None), (None, None)]
)
def test_a_switch_takes_the_first_case_that_fits(value: Any, to: str | None) -> None:
    node = flow.Switch(this.size).Case("small", this.book).Case(lambda task: "big", "ask")
    assert run(node, PlainContext(size=value)) == Complete(message=str(value), to=to)


def test_a_switch_without_a_fitting_case_goes_to_its_default() -> None:
    node = bound(flow.Switch(1).Case(2, this.two).Default(this.rest))
    assert node.default_target == "rest"
    assert bound(flow.Switch(1).Case(2, this.two).Next(this.later)).default_target == "later"
    assert bound(flow.Switch(1).Case(2, this.two)).default_target == "following"


def test_a_switch_leads_to_every_case_its_default_and_its_handler() -> None:
    node = flow.Switch(1).Case(2, this.two).Default(this.rest).OnError(this.rescue)
    flows = [(flow.target, flow.label) for flow in bound(node).sequence_flows()]
    assert flows == [("two", "2"), ("rest", "else"), ("rescue", "error")]
    last = flow.Switch(1).Case(2, this.two).bound("last", None, frozenset({"last"}))
    assert [flow.target for flow in last.sequence_flows()] == ["two"]


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        (flow.Switch(1), ["E131"]),
        (flow.Switch(1).Case(1, this.a).Case(1, this.b), ["E132"]),
        (flow.Switch(1).Case(1, this.a).Default(this.b).Next(this.c), ["E112"]),
        (flow.Switch(1).Case(1, this.a).Default(this.b).Default(this.c), ["E106"]),
        (flow.Switch(1).Case(1, this.a).Case(2, this.b).Default(this.b), []),
    ],
)
def test_the_mistakes_of_a_switch_are_told(node: flow.Node, wrong: list[str]) -> None:
    assert codes(node) == wrong


# Messages


@pytest.mark.api("SendMessage")
def test_a_message_goes_to_what_its_target_says() -> None:
    key = "0123456789abcdef0123456789abcdef"
    for target, to in (
        (5, {"run": 5}),
        (key, {"run": key}),
        (this.whom, {"run": 7}),
        (lambda task: Newsletter, {"automation": Newsletter._meta.label}),
        (Newsletter, {"automation": Newsletter._meta.label}),
        (Newsletter._meta.label, {"automation": Newsletter._meta.label}),
        (this.somebody, {"run": 9}),
    ):
        somebody = SimpleNamespace(_meta=Newsletter._meta, id=9)
        context = PlainContext(whom=lambda task: 7, somebody=somebody)
        assert run(flow.SendMessage(target, "hello"), context) == Send("hello", **to)


@pytest.mark.api("SendMessage")
def test_the_data_of_a_message_is_asked_for_entry_by_entry() -> None:
    node = flow.SendMessage(5, "hello", this.token, data=this.all, name="self.name", n=lambda t: 3)
    context = PlainContext(token=lambda task: 1, all={"a": 1, "n": 0}, name="Ada")
    assert run(node, context) == Send("hello", "1", {"a": 1, "n": 3, "name": "Ada"}, run=5)
    assert run(flow.SendMessage(5, "hello", data=[1])) == Send("hello", None, [1], run=5)
    assert run(flow.SendMessage(5, "hello", a=1)) == Send("hello", None, {"a": 1}, run=5)


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        (flow.SendMessage("no.such.Class", "x"), ["E128"]),
        (flow.SendMessage("os.path", "x"), ["E128"]),
        (flow.SendMessage(Newsletter, "unknown"), ["W103"]),
        (flow.SendMessage(Newsletter._meta.label, "unknown"), ["W103"]),
        (flow.SendMessage(Newsletter, "confirm"), []),
        (flow.SendMessage(int, "confirm"), []),
        (flow.SendMessage(this.anybody, "x"), []),
        (flow.ReceiveMessage("paid"), []),
        (flow.ReceiveMessage(""), ["E129"]),
        (flow.ReceiveMessage(5), ["E129"]),  # type: ignore[arg-type] # the mistake
    ],
)
def test_the_mistakes_of_messages_are_told(node: flow.Node, wrong: list[str]) -> None:
    assert codes(node) == wrong


def test_waiting_for_a_message_lasts_until_the_deadline() -> None:
    node = flow.ReceiveMessage("paid").SkipAfter(DAY).SkipIf(this.no)
    context = PlainContext(no=False)
    assert run(node, context) == Listen("paid", until=NOW + DAY, poll=True)
    assert run(flow.ReceiveMessage("paid")) == Listen("paid")


@pytest.mark.api("require_data_parameters")
def test_what_cannot_be_converted_is_refused_with_its_name() -> None:
    from automations.definition.receivers import convert, prepare

    with pytest.raises(MessageRefused, match="needs 'seats' as a int"):
        prepare(Newsletter, "book", {"email": "a", "seats": "x"})
    with pytest.raises(MessageRefused, match="needs 'email'"):
        prepare(Newsletter, "book", {})
    assert convert("5", lambda text: int(text) + 1) == 6


# Repeat


def again(node: flow.Node, opened: datetime.datetime = NOW, **data: Any) -> Any:
    context = PlainContext(now=opened)
    context.task.created = opened
    context.task.data.update(data)
    return bound(node).run(context).until


@pytest.mark.api("Repeat")
def test_repeating_goes_by_the_grid_of_the_first_visit() -> None:
    assert again(flow.Repeat().EveryHour()) == NOW + HOUR
    assert again(flow.Repeat().EveryHour(3)) == NOW + 3 * HOUR
    assert again(flow.Repeat().EveryNMinutes(30)) == NOW + HOUR / 2
    assert again(flow.Repeat().EveryDay()) == NOW + DAY
    assert again(flow.Repeat().EveryNDays(2)) == NOW + 2 * DAY
    berlin = ZoneInfo("Europe/Berlin")
    evening = datetime.datetime(2026, 3, 2, 21, 30, tzinfo=berlin)
    assert again(flow.Repeat().EveryDay().At(21, 30)) == evening
    assert again(flow.Repeat().EveryDayAt(21, 30)) == evening
    assert again(flow.Repeat().At(21, 30).EveryDay()) == evening
    monday = datetime.datetime(2026, 3, 9, 9, tzinfo=berlin)
    assert again(flow.Repeat().Cron("0 9 * * MON")) == monday
    since = (NOW - 10 * HOUR - HOUR / 4).isoformat()
    assert again(flow.Repeat().EveryHour(), _node_since=since) == NOW + HOUR * 0.75


def test_the_grid_begins_when_the_run_first_came_to_the_start() -> None:
    context = PlainContext(visits={"first": NOW - HOUR / 4})
    node = bound(flow.Repeat().EveryHour())
    assert node.waits_until(context) == NOW + HOUR * 0.75
    context.now = NOW + HOUR
    assert node.run(context) == Complete(
        message="Again", data={"_node_since": (NOW - HOUR / 4).isoformat()}
    )


def test_a_repeat_may_wait_longer_by_a_modifier() -> None:
    assert again(flow.Repeat().EveryHour().AfterWaitingFor(DAY)) == NOW + DAY


@pytest.mark.api("Repeat")
def test_a_repeat_goes_back_to_the_first_node_or_where_it_says() -> None:
    assert bound(flow.Repeat().EveryHour()).default_target == "first"
    assert bound(flow.Repeat(this.work).EveryHour()).default_target == "work"
    assert bound(flow.Repeat("self.work").EveryHour()).default_target == "work"
    assert bound(flow.Repeat().Next(this.work).EveryHour()).default_target == "work"


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        (flow.Repeat(), ["E130"]),
        (flow.Repeat().At(3), ["E130"]),
        (flow.Repeat().EveryHour().At(3), ["E130"]),
        (flow.Repeat().EveryHour(0), ["E130"]),
        (flow.Repeat().EveryHour("x"), ["E130"]),
        (flow.Repeat().EveryNMinutes(10**20), ["E130"]),
        (flow.Repeat().EveryHour(float("nan")), ["E130"]),
        (flow.Repeat().EveryHour(10**9), ["E130"]),
        (flow.Repeat().EveryNDays(10**6), ["E130"]),
        (flow.Repeat().EveryNDays(10**30), ["E130"]),
        (flow.Repeat().EveryDay().At(25), ["E130"]),
        (flow.Repeat().Cron("60 * * * *"), ["E130"]),
        (flow.Repeat().EveryHour().EveryDay(), ["E106"]),
        (flow.Repeat().EveryHour().SkipIf(True), ["E107"]),
        (flow.Repeat(this.a).Next(this.b).EveryDay(), ["E106"]),
        (flow.Repeat().EveryDay().At(21, 0), []),
    ],
)
def test_the_mistakes_of_a_repeat_are_told(node: flow.Node, wrong: list[str]) -> None:
    assert codes(node) == wrong


def test_a_repeat_without_a_rule_cannot_be_asked() -> None:
    with pytest.raises(DefinitionError, match="does not say when"):
        bound(flow.Repeat()).rule  # noqa: B018 - it is the asking that fails
    with pytest.raises(DefinitionError, match=r"Repeat 'node' cannot come back every 10+ minutes"):
        bound(flow.Repeat().EveryNMinutes(10**20)).rule  # noqa: B018 - asking raises


# Reminders and timeouts


def waiting(node: flow.Node, hours: float, done: tuple[int, ...] = (), **more: Any) -> Any:
    context = PlainContext(now=NOW + hours * HOUR, **more)
    context.task.reminders = list(done)
    return bound(node).run(context)


def test_reminders_come_after_a_span_and_then_again_and_again() -> None:
    calls: list[Any] = []
    node = (
        flow.Execute()
        .AsSoonAs(False)
        .Remind(lambda task: calls.append(1), after=2 * HOUR, every=HOUR, times=3)
        .Remind("self.second", every=5 * HOUR)
    )
    more = {"second": lambda task: calls.append(2)}
    assert waiting(node, 1, **more) == Postpone(until=NOW + 2 * HOUR, poll=True)
    assert waiting(node, 2, **more) == Postpone(NOW + 3 * HOUR, poll=True, reminded=(1, 0))
    assert waiting(node, 2, (1, 0), **more) == Postpone(NOW + 3 * HOUR, poll=True)
    assert waiting(node, 9, (1, 0), **more) == Postpone(NOW + 10 * HOUR, poll=True, reminded=(3, 1))
    assert calls == [1, 1, 2]


def test_a_reminder_may_be_at_a_moment_and_once() -> None:
    calls: list[Any] = []
    node = flow.Execute().AsSoonAs(False).Remind(calls.append, after=NOW + HOUR)
    assert waiting(node, 0) == Postpone(until=NOW + HOUR, poll=True)
    assert waiting(node, 1) == Postpone(poll=True, reminded=(1,))
    assert waiting(node, 99, (1,)) == Postpone(poll=True)
    assert len(calls) == 1


def test_what_is_done_or_skipped_reminds_nobody() -> None:
    calls: list[Any] = []
    node = flow.Execute().AsSoonAs(this.ready).Remind(calls.append, after=HOUR)
    assert waiting(node, 5, ready=True) == Complete()
    assert waiting(node.SkipAfter(2 * HOUR), 5, ready=False) == Skip()
    assert calls == []


def test_a_timeout_leads_elsewhere_and_the_earlier_limit_counts() -> None:
    node = flow.Execute().AsSoonAs(False).OnTimeout(2 * HOUR, this.boss)
    assert waiting(node, 1) == Postpone(until=NOW + 2 * HOUR, poll=True)
    assert waiting(node, 2) == Skip(message="timed out", to="boss")
    assert waiting(node.SkipAfter(HOUR), 5) == Skip()
    assert waiting(node.SkipAfter(2 * HOUR), 5) == Skip()
    assert waiting(node.SkipAfter(3 * HOUR), 5) == Skip(message="timed out", to="boss")
    assert waiting(flow.Execute().AfterWaitingFor(DAY).OnTimeout(NOW + HOUR, this.x), 0) == (
        Postpone(until=NOW + HOUR)
    )
    flows = [(flow.target, flow.label) for flow in bound(node).boundary_flows()]
    assert flows == [("boss", "timeout")]


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (flow.Execute().AsSoonAs(False).Remind(print, after=this.none), "needs a timedelta or"),
        (flow.Execute().AsSoonAs(False).Remind(print, every=this.none), "needs a timedelta or"),
        (flow.Execute().AsSoonAs(False).Remind(print, after=-HOUR, every=this.zero), "positive"),
        (flow.Execute().AsSoonAs(False).Remind(this.none, after=-HOUR), "cannot call this.none"),
        (flow.Execute().AsSoonAs(False).OnTimeout(this.none, this.x), "OnTimeout.*timedelta or"),
    ],
)
def test_a_time_that_is_none_fails_clearly(node: flow.Node, said: str) -> None:
    with pytest.raises(DefinitionError, match=said):
        waiting(node, 0, none=None, zero=datetime.timedelta())


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        (flow.Execute().Remind("work"), ["E108"]),
        (flow.Execute().Remind(this.work, after=5), ["E108"]),
        (flow.Execute().Remind(this.work, after=HOUR, every="x"), ["E108"]),
        (flow.Execute().Remind(5, after=HOUR), ["E125"]),
        (flow.Execute().Remind(this.work, after=HOUR, times=3), ["E126"]),
        (flow.Execute().Remind(this.work, every=HOUR, times=0), ["E126"]),
        (flow.Execute().Remind(this.work, every=HOUR, times="3"), ["E126"]),  # type: ignore[arg-type]
        (flow.Execute().Remind(this.work, every=-HOUR), ["E126"]),
        (flow.Execute().OnTimeout("soon", this.x), ["E108"]),
        (flow.Execute().OnTimeout(HOUR, this.x).OnTimeout(HOUR, this.y), ["E106"]),
        (flow.Split().Next(this.a).OnTimeout(HOUR, this.x), ["E107"]),
        (flow.Join().Remind(this.work, after=HOUR), ["E107"]),
        (flow.Execute().Remind(this.work, every=HOUR, times=3).OnTimeout(DAY, this.x), []),
    ],
)
def test_the_mistakes_of_reminders_and_timeouts_are_told(node: flow.Node, wrong: list[str]) -> None:
    assert codes(node) == wrong


ENORMOUS = datetime.timedelta.max
EDGES = [datetime.datetime.max, datetime.datetime.max.replace(tzinfo=datetime.UTC)]
TIMES = [
    ("AfterWaitingFor()", lambda time: flow.Execute().AfterWaitingFor(time), ENORMOUS),
    (
        "AfterWaitingFor()",
        lambda time: flow.Execute().AfterWaitingFor(time),
        datetime.timedelta.min,
    ),
    ("AfterWaitingUntil()", lambda time: flow.Execute().AfterWaitingUntil(time), EDGES[0]),
    ("AfterWaitingUntil()", lambda time: flow.Execute().AfterWaitingUntil(time), EDGES[1]),
    ("SkipAfter()", lambda time: flow.Execute().AsSoonAs(False).SkipAfter(time), ENORMOUS),
    ("OnTimeout()", lambda time: flow.Execute().AsSoonAs(False).OnTimeout(time, "x"), ENORMOUS),
    ("OnTimeout()", lambda time: flow.Execute().AsSoonAs(False).OnTimeout(time, "x"), EDGES[0]),
    ("Remind()", lambda time: flow.Execute().AsSoonAs(False).Remind(print, after=time), ENORMOUS),
    (
        "Remind(every=)",
        lambda time: flow.Execute().AsSoonAs(False).Remind(print, after=HOUR, every=time),
        ENORMOUS,
    ),
]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati"])
@pytest.mark.parametrize(("modifier", "node", "time"), TIMES)
def test_a_time_that_no_calendar_has_is_named_with_its_modifier_and_its_node(
    settings: Any, modifier: str, node: Callable[[Any], flow.Node], time: Any, zone: str
) -> None:
    settings.TIME_ZONE = zone
    with pytest.raises(DefinitionError) as error:
        waiting(node(this.time), 0, time=time)
    assert str(error.value).startswith(f".{modifier} of node 'node' cannot be {time!r}, which")
    assert str(error.value).endswith("the years 1 to 9999. Give a time that is nearer.")
    (problem,) = bound(node(time)).problems("shop.Order.node")
    assert (problem.code, problem.node) == ("E142", "node")
    assert problem.message.startswith(f".{modifier}".rstrip("()"))
    assert repr(time) in problem.message
    assert problem.hint


def test_a_time_that_some_calendar_has_is_no_mistake() -> None:
    far = datetime.timedelta(days=365 * 1000)
    node = flow.Execute().AfterWaitingFor(far)
    assert codes(node) == []
    assert waiting(node, 0) == Postpone(until=NOW + far)
    assert codes(flow.Execute().AfterWaitingUntil(datetime.datetime(9999, 12, 30))) == []


def test_a_reminder_without_a_beginning_is_named_once() -> None:
    (problem,) = bound(flow.Execute().Remind(print, every=ENORMOUS)).problems("shop.Order.node")
    assert problem.message.startswith(".Remind(every=) of shop.Order.node cannot be")


def test_times_that_are_asked_for_are_followed() -> None:
    assert not flow.Execute().AfterWaitingFor(HOUR).follows
    assert flow.Execute().AfterWaitingUntil(this.when).follows
    assert flow.Execute().OnTimeout(lambda task: HOUR, this.x).follows
    assert flow.Execute().Remind(this.work, after=this.when).follows
    assert not flow.Execute().Remind(this.work, after=HOUR).follows


def test_a_grid_names_its_moments_one_after_the_other() -> None:
    once = Grid(NOW, None, 1)
    assert (once.passed(NOW - HOUR), once.passed(NOW + DAY)) == (0, 1)
    assert (once.moment(0), once.moment(1)) == (NOW, None)
    assert moment_of(datetime.datetime(2026, 3, 2, 10), NOW, "x") == NOW


# Forms of models


class ListForm(forms.ModelForm):
    class Meta:
        model = IssueList
        fields = ["title"]


class NoModel(forms.Form):
    title = forms.CharField()


@pytest.mark.parametrize(
    ("node", "wrong"),
    [
        (flow.ModelForm(ListForm, "issue_list").User(pk=1), []),
        (flow.ModelForm(this.form, "issue_list").User(pk=1), []),
        (flow.ModelForm(NoModel, "issue_list").User(pk=1), ["E133"]),
        (flow.ModelForm(ListForm, "no name").User(pk=1), ["E134"]),
        (flow.ModelForm(ListForm, 5).User(pk=1), ["E134"]),
        (flow.ModelForm(ListForm, "node").User(pk=1), ["E134"]),
    ],
)
def test_the_mistakes_of_a_model_form_are_told(node: flow.Node, wrong: list[str]) -> None:
    assert codes(node) == wrong


def test_a_model_form_that_turns_out_to_be_none_is_refused() -> None:
    node = bound(flow.ModelForm(this.form, "issue_list").User(pk=1))
    with pytest.raises(DefinitionError, match="is no ModelForm"):
        node.get_form_class(PlainContext(form=NoModel))


# Options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schedule", "0 9 * * MON"),
        ("schedule", flow.Cron("61 * * * *")),
        ("former_names", "shop.Old"),
        ("former_names", [5]),
        ("keep_history", -1),
        ("keep_history", True),
        ("keep_history", "all"),
    ],
)
def test_an_option_that_cannot_be_meant_is_told(name: str, value: Any) -> None:
    meta = type("Meta", (), {name: value})
    (problem,) = Options.read(meta, []).problems("shop.Order")
    assert problem.code == "E127"
    assert f"Meta.{name} of shop.Order" in problem.message


def test_a_schedule_is_inherited_from_an_abstract_base_alone() -> None:
    cron = flow.Cron("0 9 * * MON")
    abstract = type("Meta", (), {"abstract": True, "schedule": cron, "keep_history": 7})
    concrete = type("Meta", (), {"schedule": cron, "former_names": ["a.B"], "keep_history": None})
    assert Options.read(None, [abstract], [abstract]) == Options(schedule=cron, keep_history=7)
    assert Options.read(None, [concrete]) == Options(keep_history=None)
    assert Options.read(concrete, []) == Options(
        schedule=cron, former_names=("a.B",), keep_history=None
    )
    assert Options.read(abstract, []).abstract


def test_asking_offers_until_the_next_reminder() -> None:
    node = flow.Form(NoModel).User(pk=this.who).Remind(print, after=HOUR)
    asked = Ask(user=5, until=NOW + DAY)
    context = PlainContext()
    context.task.reminders = []
    assert bound(node).remind(context, asked) == Ask(user=5, until=NOW + HOUR)
    assert bound(node).remind(context, Ask(user=5, until=NOW)) == Ask(user=5, until=NOW)
