"""How a class becomes a definition."""

from __future__ import annotations

import datetime
import functools
import types
from typing import TYPE_CHECKING, Any, Optional

import pytest

from automations import flow
from automations.definition.references import Reference, as_reference, target_name
from automations.definition.validation import find_problems
from automations.definition.wording import called
from automations.exceptions import DefinitionError, NodeNotFound
from automations.flow import this
from tests.testapp.automations import IssueDiscussion
from tests.testapp.models import IssueList, Note, Ticket, Webinar
from tests.testapp.promises import Shown

if TYPE_CHECKING:
    from tests.testapp.models import Effect as OnlyForCheckers


class Parent(flow.Automation):
    """Three steps."""

    start = flow.Execute()
    middle = flow.Execute()
    end = flow.End()


@pytest.mark.api("A1", "E1", "Automation")
def test_the_class_of_the_core_concepts_page_has_its_nodes_in_order() -> None:
    assert list(IssueDiscussion._meta.nodes) == [
        "start", "parallel", "moderation", "moderate", "repeat", "warning",
        "conf_call", "moderate_call", "join", "evaluate", "end",
    ]  # fmt: skip


@pytest.mark.api("D1", "E2")
def test_a_node_and_a_method_of_one_name_are_both_kept() -> None:
    assert isinstance(IssueDiscussion._meta.nodes["evaluate"], flow.Execute)
    assert callable(IssueDiscussion.evaluate)


@pytest.mark.api("D1")
def test_a_node_and_a_method_of_one_name_are_both_kept_whichever_comes_first() -> None:
    class MethodFirst(flow.Automation):
        def evaluate(self, task: Any) -> None: ...

        evaluate = flow.Execute(this.evaluate)  # type: ignore[assignment]  # noqa: F811
        end = flow.End()

    assert list(MethodFirst._meta.nodes) == ["evaluate", "end"]
    assert not isinstance(MethodFirst.evaluate, flow.Node)


@pytest.mark.api("E3")
def test_what_names_no_next_goes_on_at_the_next_attribute() -> None:
    ways = {name: node.default_target for name, node in IssueDiscussion._meta.nodes.items()}
    assert ways == {
        "start": "parallel",
        "parallel": None,
        "moderation": "moderate",
        "moderate": "repeat",
        "repeat": "warning",
        "warning": "join",
        "conf_call": "moderate_call",
        "moderate_call": "join",
        "join": "evaluate",
        "evaluate": "end",
        "end": None,
    }


@pytest.mark.api("Meta.*_template")
def test_templates_that_meta_names_are_kept_for_whoever_shows_them() -> None:
    assert Shown.Meta.status_template == ("shop/status.html", "Current status")
    assert list(find_problems(Shown._meta)) == []


@pytest.mark.api("A16")
def test_a_bound_model_is_known_by_its_attribute() -> None:
    assert IssueDiscussion._meta.models == {"issue_list": IssueList}
    assert IssueDiscussion.issue_list is IssueList


@pytest.mark.api("D13")
def test_inherited_nodes_come_first_in_their_order() -> None:
    class Child(Parent):
        extra = flow.Execute()

    assert list(Child._meta.nodes) == ["start", "middle", "end", "extra"]


@pytest.mark.api("D13")
def test_a_replaced_node_keeps_the_inherited_place() -> None:
    class Child(Parent):
        middle = flow.If(True).Then(this.end)

    assert list(Child._meta.nodes) == ["start", "middle", "end"]
    assert isinstance(Child._meta.nodes["middle"], flow.If)
    assert isinstance(Parent._meta.nodes["middle"], flow.Execute)


@pytest.mark.api("D13")
def test_none_removes_an_inherited_node() -> None:
    class Child(Parent):
        middle = None  # type: ignore[assignment]

    assert list(Child._meta.nodes) == ["start", "end"]
    assert Child._meta.nodes["start"].default_target == "end"


def test_what_replaces_a_node_in_the_same_body_removes_it() -> None:
    class Replaced(flow.Automation):
        start = flow.Execute()
        text = flow.Execute()
        text = "no node any more"  # type: ignore[assignment]  # noqa: PIE794
        end = flow.End()

    assert list(Replaced._meta.nodes) == ["start", "end"]


@pytest.mark.api("Automation")
def test_the_definition_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        Parent._meta.nodes["other"] = flow.End()  # type: ignore[index]
    with pytest.raises(AttributeError):
        Parent._meta.label = "other"  # type: ignore[misc]


@pytest.mark.api("Automation")
def test_a_node_cannot_be_changed_once_its_class_is_made() -> None:
    with pytest.raises(DefinitionError, match=r"'start' is shared .* task\.data"):
        Parent._meta.nodes["start"].description = "mine"


def test_every_modifier_returns_a_changed_copy() -> None:
    node = flow.Execute()
    changed = node.Next(this.end).AfterWaitingFor(datetime.timedelta(1)).SkipIf(True)
    assert node.next_name is None
    assert node.wait is None
    assert node.skip_conditions == ()
    assert changed.next_name == "end"


@pytest.mark.api("Next")
def test_a_node_of_a_parent_can_be_modified_for_a_child() -> None:
    class Child(Parent):
        start = Parent._meta.nodes["start"].Next(this.end)

    assert Child._meta.nodes["start"].default_target == "end"
    assert Parent._meta.nodes["start"].default_target == "middle"


@pytest.mark.parametrize("pointer", [this.end, "self.end", "end"])
@pytest.mark.api("this", "Next")
def test_three_ways_to_point_to_a_node_are_one(pointer: Any) -> None:
    assert target_name(pointer) == "end"


@pytest.mark.parametrize("thing", [3, None, "two words", print])
def test_what_is_no_pointer_points_nowhere(thing: Any) -> None:
    assert target_name(thing) is None


def test_text_is_a_reference_only_with_self_before_it() -> None:
    assert as_reference("self.x") == Reference("x") == this.x
    assert as_reference("x") == "x"
    assert as_reference("self.two words") == "self.two words"


@pytest.mark.api("this")
def test_this_is_an_ordinary_object_to_python() -> None:
    own = flow.This()
    assert own.step == this.step
    assert repr(this) == "this"
    assert repr(this.step) == "this.step"
    with pytest.raises(AttributeError):
        own.__wrapped__  # noqa: B018 - it is the asking that fails


def test_a_missing_node_is_named_with_a_suggestion() -> None:
    with pytest.raises(NodeNotFound, match="no node 'midle'; did you mean 'middle'"):
        Parent._meta.node("midle")
    with pytest.raises(NodeNotFound, match=r"no node 'zzz'\. .* keep it as flow"):
        Parent._meta.node("zzz")


def test_a_process_without_nodes_has_no_start() -> None:
    class Empty(flow.Automation):
        pass

    with pytest.raises(NodeNotFound, match="has no nodes"):
        Empty._meta.start  # noqa: B018 - it is the asking that fails


def test_arrows_carry_the_label_of_their_branch() -> None:
    arrows = {(flow.target, flow.label) for flow in IssueDiscussion._meta.outgoing("repeat")}
    assert arrows == {("join", "yes"), ("moderation", "no")}


def test_nodes_show_their_name() -> None:
    assert repr(Parent._meta.nodes["start"]) == "<Execute start>"
    assert repr(flow.Execute()) == "<Execute (unnamed)>"
    assert repr(Parent._meta) == f"<ProcessDefinition {__name__}.Parent: start, middle, end>"


def test_a_node_that_may_be_skipped_has_one_arrow_to_where_it_goes_anyway() -> None:
    class Skipping(flow.Automation):
        start = flow.Execute().SkipIf(True)
        last = flow.Execute().SkipAfter(datetime.timedelta(days=1))

    arrows = [(each.source, each.target, each.label) for each in Skipping._meta.flows]
    assert arrows == [("start", "last", "")]


def test_the_arrows_of_an_if_carry_its_question_on_the_way_of_yes() -> None:
    class Asking(flow.Automation):
        ask = flow.If(this.ready).Then(this.end).Else(this.ask)
        end = flow.End()

    asked = {each.label: each.condition for each in Asking._meta.outgoing("ask")}
    assert asked == {"yes": this.ready, "no": None}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (this.publish, "publish"),
        (len, "len"),
        (lambda task: task, ""),
        (functools.partial(len), "partial"),
        (None, ""),
        ("staff", "staff"),
        (7, "7"),
    ],
)
def test_what_an_author_wrote_reads_by_its_name(value: Any, text: str) -> None:
    assert called(value) == text


# Models that are only annotated


def test_the_type_of_an_attribute_binds_a_model() -> None:
    class Typed(flow.Automation):
        issues: IssueList
        webinar: Webinar | None
        note: Optional[Note]  # noqa: UP045 - as older code says it
        ticket = Ticket
        other: "Ticket"  # noqa: UP037 - as code without the import from __future__ says it
        counts: dict[str, IssueList]
        either: IssueList | Webinar
        kind: type[IssueList] = IssueList
        title: str
        later: OnlyForCheckers
        start = flow.Execute()
        end = flow.End()

    assert dict(Typed._meta.models) == {
        "issues": IssueList,
        "webinar": Webinar,
        "note": Note,
        "other": Ticket,
        "ticket": Ticket,
        "kind": IssueList,
    }
    assert Typed.issues is IssueList
    assert not hasattr(Typed, "title")

    class Without(Typed):
        issues = None  # type: ignore[assignment]
        webinar: Webinar

    assert set(Without._meta.models) == {"webinar", "note", "other", "ticket", "kind"}


def test_a_class_may_be_made_where_no_module_is() -> None:
    """As by exec(), in a console or in a template of code."""
    names: dict[str, Any] = {"__name__": "nowhere.at_all", "flow": flow}
    exec(  # noqa: S102 - it is the point
        "class Made(flow.Automation):\n"
        "    class Meta:\n"
        "        abstract = True\n"
        "    what: 'Unknown'\n"
        "    end = flow.End()\n",
        names,
    )
    assert list(names["Made"]._meta.nodes) == ["end"]


def test_annotations_that_are_evaluated_bind_too() -> None:
    annotations = {"issues": IssueList, "count": int}

    def body(namespace: dict[str, Any]) -> None:
        namespace.update({"__module__": __name__, "__annotations__": annotations})

    made: Any = types.new_class("Made", (flow.Automation,), {}, body)
    assert dict(made._meta.models) == {"issues": IssueList}
