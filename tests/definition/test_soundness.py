"""Soundness: from every state the end can be reached, and then nothing is left."""

from __future__ import annotations

import io
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.dispatch import Signal

from automations import flow, registry
from automations.definition import soundness
from automations.definition.nesting import TooManyStates, states, unsound_branches
from automations.definition.net import START, Transition, net_of
from automations.definition.reduction import reduced, without_escapes
from automations.definition.soundness import Flaw, Kind, Search, explored, flaw_of
from automations.definition.validation import find_problems
from automations.flow import this
from tests.definition.nets import net
from tests.diagrams.corpus import CORPUS, UNSOUND, made, wide
from tests.diagrams.random_processes import random_process

FLAWS = {
    "EndInABranch": (Kind.LEFT_BEHIND, {"E122"}),
    "NoJoin": (Kind.TWICE, {"E122"}),
    "TwoJoins": (Kind.STUCK, {"E123"}),
    "PastTheSplit": (Kind.STUCK, {"E121"}),
    "BackIntoABranch": (Kind.STUCK, {"E121"}),
    "SplitInItself": (Kind.TWICE, {"E124"}),
    "Jump": (Kind.TWICE, {"E143"}),
    "JumpOnError": (Kind.TWICE, {"E143"}),
    "WrongJoin": (Kind.STUCK, {"E122", "E123"}),
    "NeverJoined": (Kind.DEAD, {"E143"}),
    "Starved": (Kind.NO_END, {"E143"}),
    "NoWayOut": (Kind.NO_END, {"E120"}),
    "RepeatOutOfABranch": (Kind.TWICE, {"E124"}),
    "TimeoutToTheEnd": (Kind.LEFT_BEHIND, {"E122"}),
}
WILD = [random_process(seed, 12 + seed % 20, wild=0.1 + seed % 3 / 10) for seed in range(120)]


@pytest.mark.parametrize("name", CORPUS)
def test_processes_of_all_shapes_are_sound(name: str) -> None:
    assert flaw_of(CORPUS[name]._meta) is None


@pytest.mark.parametrize("name", FLAWS)
def test_each_way_to_be_wrong_is_found_once_and_told_in_the_words_of_the_author(name: str) -> None:
    definition = UNSOUND[name]._meta
    kind, codes = FLAWS[name]
    flaw = flaw_of(definition)
    assert flaw is not None
    assert flaw.kind is kind
    found = [problem for problem in find_problems(definition) if problem.code[0] == "E"]
    assert {problem.code for problem in found} == codes
    told = [problem for problem in found if problem.code == "E143"]
    assert len(told) == ("E143" in codes)
    for problem in told:
        assert problem.node in definition.nodes
        assert all(name in problem.message for name in (*flaw.path, *flaw.places))


def test_only_what_nothing_leads_to_is_left_to_its_own_warning() -> None:
    assert set(UNSOUND) - set(FLAWS) == {"Unreachable"}
    assert flaw_of(UNSOUND["Unreachable"]._meta) is None


def fires(net: list[Transition], path: tuple[str, ...]) -> list[frozenset[str]]:
    """Return the markings of the whole net in which a run may be that has left these nodes."""
    states = {frozenset({START})}
    for step in [step for step in net if START in step.inputs][:1]:
        states = {step.outputs}
    for name in path:
        states = {
            (state - step.inputs) | step.outputs
            for state in states
            for step in net
            if step.nodes == (name,) and step.inputs <= state
        }
    return list(states)


@pytest.mark.parametrize("name", [name for name in FLAWS if FLAWS[name][0] is not Kind.DEAD])
def test_the_way_to_a_flaw_can_be_gone_step_by_step(name: str) -> None:
    definition = UNSOUND[name]._meta
    flaw = flaw_of(definition)
    assert flaw is not None
    states = fires(net_of(definition), flaw.path)
    assert states
    there = [{place.partition(" ")[0] for place in state} for state in states]
    assert any(set(flaw.places) <= names for names in there)


@pytest.mark.parametrize("automation", WILD, ids=lambda each: each.__name__)
def test_the_smaller_net_has_the_verdict_of_the_whole_one(automation: Any) -> None:
    definition = automation._meta
    net = net_of(definition)
    small, whole = flaw_of(definition), explored(net)
    assert (small is None) == (whole is None)
    if list(unsound_branches(definition)):
        assert small is not None, "the nesting of branches tells a flaw that the net has not"


def test_random_processes_are_of_all_kinds() -> None:
    """So that the law above says something."""
    kinds = Counter(flaw.kind if (flaw := flaw_of(each._meta)) else None for each in WILD)
    assert set(kinds) >= {None, Kind.STUCK, Kind.LEFT_BEHIND, Kind.NO_END}
    assert all(flaw_of(random_process(seed)._meta) is None for seed in range(40))


@pytest.mark.parametrize("name", ["SixtyNodes", "FiveWays", "Order", "Chain", "Wide"])
def test_what_is_nested_well_is_decided_without_visiting_its_states(name: str) -> None:
    definition = CORPUS[name]._meta
    search = Search(reduced(net_of(definition)))
    assert search.first_flaw() is None
    assert len(search.came) < 100


def test_a_process_with_too_many_states_is_undecided_which_is_an_information(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    definition = CORPUS["FiveWays"]._meta
    monkeypatch.setattr(soundness, "MOST_STATES", 1)
    soundness.flaw_of.cache_clear()
    (problem,) = soundness.unsound(definition)
    soundness.flaw_of.cache_clear()
    assert problem.code == "I101"


def test_a_branch_that_may_stay_away_from_its_join_for_ever_is_a_flaw() -> None:
    flaw = flaw_of(UNSOUND["Starved"]._meta)
    assert flaw is not None
    assert set(flaw.places) == {"again", "join"}


@pytest.mark.parametrize("name", ["Endless", "EndlessInBranches", "UntilEnough"])
def test_what_is_meant_to_go_on_for_ever_needs_no_end(name: str) -> None:
    assert find_problems(CORPUS[name]._meta) == ()


def test_two_branches_may_both_come_to_an_end_that_is_for_all() -> None:
    class Race(flow.Automation):
        """Whoever is first ends the run."""

        class Meta:
            abstract = True

        split = flow.Split().Next(this.one).Next(this.other)
        one = flow.ReceiveMessage("one").Next(this.stop)
        other = flow.ReceiveMessage("other").Next(this.stop)
        stop = flow.End(terminate=True)

    assert flaw_of(Race._meta) is None


def test_a_node_of_the_project_s_own_is_judged_by_its_arrows() -> None:
    class Poll(flow.Node):
        """Does nothing."""

    class Custom(flow.Automation):
        """Has a node of its own in one branch, which leads out of it."""

        class Meta:
            abstract = True

        split = flow.Split().Next(this.one).Next(this.other)
        one = Poll()
        other = Poll().Next(this.join)
        join = flow.Join()
        end = flow.End()

    flaw = flaw_of(Custom._meta)
    assert flaw is not None
    assert (flaw.kind, flaw.places) == (Kind.TWICE, ("other",))


# The command


def checked(monkeypatch: pytest.MonkeyPatch, automation: Any, *arguments: str) -> str:
    out = io.StringIO()
    monkeypatch.setattr(registry, "automations", lambda: [automation])
    monkeypatch.setattr(registry, "abstract", list)
    with pytest.raises(CommandError, match="Flaws of processes that are errors: 1"):
        call_command("automation_check", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_tells_the_way_and_draws_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    automation = UNSOUND["JumpOnError"]
    flaw = flaw_of(automation._meta)
    assert flaw is not None
    text = checked(monkeypatch, automation, "--pictures", str(tmp_path / "new"))
    assert " -> ".join(flaw.path) in text
    (file,) = (tmp_path / "new").iterdir()
    drawn = file.read_text(encoding="utf-8")
    assert "userTask failed" in drawn
    assert "taken" in drawn
    assert "step 1" in drawn


def codes(automation: Any) -> list[str]:
    return [problem.code for problem in find_problems(automation._meta)]


def test_branches_may_give_up_at_one_node_if_that_ends_the_run_for_all() -> None:
    nodes = {
        "split": flow.Split().Next(this.a).Next(this.b),
        "a": flow.Execute().SkipIf(True).OnError(this.regret).Next(this.join),
        "b": flow.Execute().OnError(this.regret),
        "join": flow.Join(),
        "end": flow.End(),
        "regret": flow.Execute(),
        "forgive": flow.If(True).Then(this.stop).Else(this.regret),
        "stop": flow.End(terminate=True),
    }
    assert codes(made("GiveUp", nodes)) == []
    nodes["forgive"] = flow.If(True).Then(this.stop).Else(this.join)
    assert codes(made("MayComeBack", nodes)) == ["E143"]


def test_a_split_that_opens_branches_without_end_is_a_flaw_also_if_they_all_give_up() -> None:
    nodes = {
        "split": flow.Split().Next(this.more).Next(this.stop),
        "more": flow.Execute().Next(this.split),
        "stop": flow.End(terminate=True),
    }
    automation = made("More", nodes)
    assert codes(automation) == ["E124"]
    flaw = flaw_of(automation._meta)
    assert flaw is not None
    assert flaw.kind is Kind.TWICE


@pytest.mark.parametrize("branches", [5, 8, 16])
def test_ways_to_give_up_cost_no_states_however_many_branches_have_one(branches: int) -> None:
    nodes = wide(1, branches, 4)
    for name, node in nodes.items():
        if isinstance(node, flow.Execute):
            nodes[name] = node.OnError(this.stop)
    nodes |= {"end": flow.End(), "stop": flow.End(terminate=True)}
    net = net_of(made("Many", nodes)._meta)
    search = Search(reduced(without_escapes(net)))
    assert search.first_flaw() is None
    assert len(search.came) == 2
    assert flaw_of(made("Many", nodes)._meta) is None


def test_where_it_is_sound_without_ways_to_give_up_the_whole_is_not_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []
    real = soundness.explored

    def explored(net: Any, *most: int) -> Any:
        looked.append(len(net))
        return real(net, *most)

    monkeypatch.setattr(soundness, "explored", explored)
    nodes = wide(1, 3, 4) | {"end": flow.End(), "stop": flow.End(terminate=True)}
    for name, node in nodes.items():
        if isinstance(node, flow.Execute):
            nodes[name] = node.OnError(this.stop)
    assert flaw_of(made("Some", nodes)._meta) is None
    assert looked == [1]


def test_a_flaw_beside_ways_to_give_up_is_told_as_without_them() -> None:
    nodes = {
        "split": flow.Split().Next(this.a).Next(this.b),
        "a": flow.Execute().Next(this.join),
        "b": flow.Execute().Next(this.end),
        "join": flow.Join(),
        "end": flow.End(),
    }
    without = flaw_of(made("Flawed", nodes)._meta)
    nodes["a"] = flow.Execute().OnError(this.stop).Next(this.join)
    nodes["stop"] = flow.End(terminate=True)
    beside = flaw_of(made("FlawedToo", nodes)._meta)
    assert without is not None
    assert beside is not None
    assert (beside.kind, beside.places) == (without.kind, without.places)


STATES = ["start > done: x", "start > a: y", "a > b: z", "b > done: w"]


def test_all_states_are_visited_up_to_a_bound_also_behind_an_end() -> None:
    assert Search(net(*STATES), 4).first_flaw() is None
    undecided = Search(net(*STATES), 3).first_flaw()
    assert undecided is not None
    assert undecided.kind is Kind.UNDECIDED
    stuck = Search(net(*STATES[:3])).first_flaw()
    assert stuck is not None
    assert (stuck.kind, stuck.path, stuck.places) == (Kind.STUCK, ("y", "z"), ("b",))


def test_one_branch_that_is_left_is_left_behind() -> None:
    flaw = Search(net("start > a b: s", "a > done: x", "b > c: y", "c > b: z")).first_flaw()
    assert flaw is not None
    assert (flaw.kind, flaw.path, flaw.places) == (Kind.LEFT_BEHIND, ("s", "x"), ("b",))


def test_choices_that_lead_anywhere_in_their_branch_are_decided_too() -> None:
    chance = random.Random(1)
    nodes: dict[str, Any] = {"split": flow.Split()}
    for branch in range(5):
        nodes["split"] = nodes["split"].Next(f"b{branch}n0")
        for at in range(11):
            node = flow.Switch(1).Default("join" if at == 10 else f"b{branch}n{at + 1}")
            for case in range(3):
                node = node.Case(case, f"b{branch}n{chance.randrange(11)}")
            nodes[f"b{branch}n{at}"] = node
    automation = made("Tangled", nodes | {"join": flow.Join(), "end": flow.End()})
    assert codes(automation) == []
    search = Search(reduced(net_of(automation._meta)))
    assert search.first_flaw() is None
    assert len(search.came) < 100


def test_splits_that_may_be_open_in_any_order_are_told_without_trying_all_orders() -> None:
    nodes: dict[str, Any] = {"begin": flow.Execute()}
    for one in range(12):
        nodes[f"split{one}"] = flow.Split().Next(f"go{one}").Next("end")
        nodes[f"go{one}"] = flow.Switch(1).Default("end")
        for other in range(12):
            nodes[f"go{one}"] = nodes[f"go{one}"].Case(other, f"split{other}")
    automation = made("AnyOrder", nodes | {"end": flow.End()})
    with pytest.raises(TooManyStates):
        list(states(automation._meta))
    assert {"E122", "E124"} <= set(codes(automation))


def test_a_split_with_a_single_branch_leaves_nobody_behind() -> None:
    nodes = {"split": flow.Split().Next(this.a), "a": flow.Execute(), "end": flow.End()}
    assert codes(made("Single", nodes)) == []


def test_where_a_signal_starts_counts_as_a_beginning() -> None:
    nodes = {
        "split": flow.Split().Next(this.a).Next(this.b),
        "a": flow.Execute().Next(this.join),
        "b": flow.Execute(),
        "join": flow.Join(),
        "end": flow.End(),
    }
    automation = made("Begun", nodes)
    assert codes(automation) == []
    automation.on(Signal(), "b")
    flaw_of.cache_clear()
    assert codes(automation) == ["E121"]
    assert flaw_of(automation._meta) == Flaw(Kind.STUCK, ("b",), ("join",))


def test_an_if_that_is_skipped_goes_on_where_neither_answer_leads() -> None:
    nodes = {
        "split": flow.Split().Next(this.check).Next(this.other),
        "check": flow.If(True).Then(this.join).Else(this.more).SkipIf(True),
        "other": flow.Execute().Next(this.join),
        "more": flow.Execute(),
        "join": flow.Join(),
        "end": flow.End(),
    }
    automation = made("Skipped", nodes)
    arrows = [(each.target, each.label) for each in automation._meta.outgoing("check")]
    assert arrows == [("join", "yes"), ("more", "no"), ("other", "skipped")]
    assert codes(automation) == ["E143"]


def test_what_goes_round_for_ever_is_told_once_and_with_the_way_to_it() -> None:
    nodes = {
        "start": flow.If(True).Then(this.again),
        "a": flow.Execute(),
        "b": flow.Execute().Next(this.a),
        "again": flow.Repeat(this.start).EveryHour(),
    }
    automation = made("Round", nodes)
    assert codes(automation) == ["E120", "E120"]
    flaw = flaw_of(automation._meta)
    assert flaw is not None
    assert (flaw.kind, flaw.path[0]) == (Kind.NO_END, "start")


def test_the_check_tells_the_way_to_what_the_nesting_of_branches_tells() -> None:
    (problem,) = find_problems(UNSOUND["EndInABranch"]._meta)
    assert problem.message.endswith("A run comes to it by start -> split -> moderate -> end.")
