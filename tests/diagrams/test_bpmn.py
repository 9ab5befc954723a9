"""A process as BPMN 2.0: complete, the same each time, and as other tools want to have it."""

from __future__ import annotations

import datetime
import functools
import io
import re
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.utils import translation

from automations import flow
from automations.definition.recurrence import Cron
from automations.diagrams import extensions
from automations.diagrams.bpmn import NAMESPACES, bpmn
from automations.diagrams.expressions import duration, identifier, plain, timer
from automations.diagrams.layout import lay_out
from automations.diagrams.translation import graph_of
from automations.flow import this
from tests.diagrams.corpus import CORPUS, UNSOUND
from tests.diagrams.random_processes import random_process
from tests.diagrams.steered import DAY, HOUR, Lost, Steered, Unpaid
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Webinar

ALL = [
    *CORPUS.values(),
    *UNSOUND.values(),
    *(random_process(seed, 5 + seed % 26) for seed in range(40)),
    *(random_process(seed, wild=0.2) for seed in range(10)),
]
BPMN = f"{{{NAMESPACES['bpmn']}}}"
OWN = f"{{{NAMESPACES['automations']}}}"
XSI = f"{{{NAMESPACES['xsi']}}}"


def named(automation: Any) -> str:
    return automation.__name__


@functools.cache
def read(automation: Any) -> ET.Element:
    return parsed(bpmn(automation._meta))


def parsed(document: str) -> ET.Element:
    return ET.fromstring(document)


def process_of(automation: Any) -> ET.Element:
    found = read(automation).find("bpmn:process", NAMESPACES)
    assert found is not None
    return found


def by_id(automation: Any, name: str) -> ET.Element:
    found = read(automation).find(f".//*[@id='{name}']")
    assert found is not None, name
    return found


def text(element: ET.Element, path: str) -> str | None:
    return element.findtext(path, None, NAMESPACES)


def texts(element: ET.Element, path: str) -> list[str | None]:
    return [each.text for each in element.iterfind(path, NAMESPACES)]


# Laws


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_ids_are_names_of_xml_and_each_is_there_once(automation: Any) -> None:
    ids = [each.get("id") for each in read(automation).iter() if each.get("id")]
    assert [each for each, number in Counter(ids).items() if number > 1] == []
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", each or "") for each in ids)


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_whatever_is_referred_to_is_there(automation: Any) -> None:
    root = read(automation)
    ids = {each.get("id") for each in root.iter()}
    for element in root.iter():
        for key in ("sourceRef", "targetRef", "attachedToRef", "default", "bpmnElement"):
            assert element.get(key, element.get("id")) in {*ids, None}
        for key in ("messageRef", "signalRef", "errorRef"):
            assert element.get(key, element.get("id")) in {*ids, None}
    for word in ("incoming", "outgoing", "flowNodeRef"):
        assert {each.text for each in root.iter(BPMN + word)} <= ids


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_everything_in_the_picture_is_in_the_document(automation: Any) -> None:
    graph, process = graph_of(automation._meta), process_of(automation)
    found = {each.get("id"): each for each in process if each.get("id")}
    for element in graph.elements.values():
        written = found[identifier(element.id)]
        assert written.tag == BPMN + element.kind
        assert written.get("name", "") == element.name
        assert texts(written, "bpmn:incoming") == ids_of(graph.incoming[element.id])
        assert texts(written, "bpmn:outgoing") == ids_of(graph.outgoing[element.id])
    flows = process.findall("bpmn:sequenceFlow", NAMESPACES)
    assert [each.get("id") for each in flows] == ids_of(graph.flows)


def ids_of(flows: Any) -> list[str]:
    return [identifier(each.id) for each in flows]


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_every_flow_out_of_a_deciding_gateway_but_the_default_has_a_condition(
    automation: Any,
) -> None:
    process = process_of(automation)
    flows = {each.get("id"): each for each in process.iter(BPMN + "sequenceFlow")}
    for gateway in process.iter(BPMN + "exclusiveGateway"):
        ways = texts(gateway, "bpmn:outgoing")
        if len(ways) > 1:
            assert gateway.get("default") in ways
            for way in ways:
                condition = text(flows[way], "bpmn:conditionExpression")
                assert (condition is None) == (way == gateway.get("default"))
                assert flows[way].get("name")


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_every_element_is_in_one_lane_if_anybody_is_asked(automation: Any) -> None:
    process = process_of(automation)
    members = [each.text for each in process.iter(BPMN + "flowNodeRef")]
    asks = any(node.asks for node in automation._meta.nodes.values())
    elements = [identifier(name) for name in graph_of(automation._meta).elements]
    assert sorted(members, key=str) == (sorted(elements) if asks else [])
    assert all(each.get("name") for each in process.iter(BPMN + "lane"))


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_the_first_diagram_has_everything_where_our_own_picture_has_it(automation: Any) -> None:
    picture = lay_out(graph_of(automation._meta))
    plane = read(automation).find("bpmndi:BPMNDiagram/bpmndi:BPMNPlane", NAMESPACES)
    assert plane is not None
    shapes, edges = places_of(plane)
    assert shapes == {
        identifier(name): (box.x, box.y, box.width, box.height)
        for name, box in picture.boxes.items()
    }
    assert edges == {identifier(name): list(line) for name, line in picture.lines.items()}


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_in_each_diagram_lines_lead_from_border_to_border(automation: Any) -> None:
    process = process_of(automation)
    flows = {each.get("id"): each for each in process.iter(BPMN + "sequenceFlow")}
    for plane in read(automation).iterfind("bpmndi:BPMNDiagram/bpmndi:BPMNPlane", NAMESPACES):
        shapes, edges = places_of(plane)
        assert set(edges) == set(flows)
        for name, line in edges.items():
            for end, point in (("sourceRef", line[0]), ("targetRef", line[-1])):
                x, y, width, height = shapes[str(flows[name].get(end))]
                assert point[0] in (x, x + width) or point[1] in (y, y + height)
                assert x <= point[0] <= x + width
                assert y <= point[1] <= y + height


def places_of(plane: ET.Element) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the places of shapes and the points of lines, by the ids of what they show."""
    shapes, edges = {}, {}
    for shape in plane.iterfind("bpmndi:BPMNShape", NAMESPACES):
        bounds = shape.find("dc:Bounds", NAMESPACES)
        assert bounds is not None
        keys = ("x", "y", "width", "height")
        shapes[str(shape.get("bpmnElement"))] = tuple(int(bounds.get(key, "")) for key in keys)
    for edge in plane.iterfind("bpmndi:BPMNEdge", NAMESPACES):
        points = edge.iterfind("di:waypoint", NAMESPACES)
        edges[str(edge.get("bpmnElement"))] = [
            (int(each.get("x", "")), int(each.get("y", ""))) for each in points
        ]
    return shapes, edges


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_in_the_second_diagram_each_element_is_inside_of_its_lane(automation: Any) -> None:
    planes = read(automation).findall("bpmndi:BPMNDiagram/bpmndi:BPMNPlane", NAMESPACES)
    lanes = process_of(automation).findall("bpmn:laneSet/bpmn:lane", NAMESPACES)
    assert len(planes) == (2 if lanes else 1)
    for lane in lanes:
        shapes, _ = places_of(planes[1])
        x, y, width, height = shapes[str(lane.get("id"))]
        for member in texts(lane, "bpmn:flowNodeRef"):
            left, top, wide, high = shapes[str(member)]
            assert x < left < left + wide < x + width
            assert y < top < top + high < y + height


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_the_same_process_has_the_same_bytes(automation: Any) -> None:
    assert bpmn(automation._meta) == bpmn(automation._meta)
    assert " at 0x" not in bpmn(automation._meta)


@pytest.mark.parametrize("automation", ALL, ids=named)
def test_every_node_is_written_down_once_and_every_other_element_says_its_node(
    automation: Any,
) -> None:
    process = process_of(automation)
    nodes = [each.get("name") for each in process.iter(OWN + "node")]
    assert nodes == list(automation._meta.nodes)
    for element in process:
        if element.find("bpmn:incoming", NAMESPACES) is not None:
            main = element.find("bpmn:extensionElements/automations:node", NAMESPACES)
            assert (main is None) == (element.get(f"{OWN}node") is not None)


# One element after the other


class Shop(Steered):
    """Sells <things> & more."""

    class Meta:
        abstract = True
        schedule = Cron("0 9 * * MON")
        subject = "{title}"
        keep_history = 7

    unique = ["title"]
    webinar = Webinar

    first = flow.Execute(this.work, 1, {"a": [HOUR]}, flag=True, description="<Do> & 'go' \x00 ✓")
    named = flow.Execute(len).Retry(attempts=3, jitter=False).DispatchTo("celery")
    nameless = flow.Execute(lambda task: None)
    check = flow.If(this.is_approved).Then(this.work).Else(this.end)
    guess = flow.If(lambda task: True).Then(this.end)
    size = flow.Switch(this.which).Case("it's <small>", this.ask).Case(7, this.end)
    ask = (
        flow.Form(ApprovalForm)
        .Group(name="staff")
        .User(this.boss)
        .Permission("app.do")
        .OnTimeout(DAY, this.late)
        .SkipAfter(2 * DAY)
        .SkipIf(this.skips)
        .SkipIf(this.asks)
        .Remind(this.tell, after=HOUR)
        .Remind(this.tell, every=DAY, times=3)
        .Remind(this.tell, after=DAY, every=2 * DAY)
        .DueIn(DAY)
    )
    rights = flow.Form(ApprovalForm).Permission("app.do").DueIn(this.when)
    late = flow.Execute(this.work).AfterWaitingUntil(datetime.datetime(2026, 3, 2, 9, 30))
    wait = flow.Execute().AfterWaitingFor(DAY + HOUR).AsSoonAs(this.asks).AsSoonAs(this.skips)
    until = flow.Execute().AfterWaitingUntil(this.when)
    pay = flow.Execute(this.work).OnError(this.end, on=(Unpaid, Lost)).OnError(this.end)
    tell_them = flow.SendMessage(1, "news", this.token, data={"x": 1})
    hear = flow.ReceiveMessage("news")
    again = flow.Repeat(this.first).EveryDay().At(21, 5)
    end = flow.End()
    stop = flow.End(terminate=True)


def test_a_process_says_what_it_is_for_and_all_that_meta_says() -> None:
    process = process_of(Shop)
    assert process.get("id") == "tests.diagrams.test_bpmn.Shop"
    assert process.get("isExecutable") == "true"
    assert text(process, "bpmn:documentation") == "Sells <things> & more."
    own = process.find("bpmn:extensionElements/automations:process", NAMESPACES)
    assert own is not None
    assert {each.get("name"): each.text for each in own.iter(OWN + "option")} == {
        "abstract": "True",
        "schedule": mock_text(own, "schedule"),
        "subject": "{title}",
        "keep_history": "7",
        "unique": mock_text(own, "unique"),
    }
    assert own.find("automations:binds[@name='webinar']", NAMESPACES) is not None
    assert [each.get("message") for each in own.iter(OWN + "receives")] == ["news"]


def mock_text(own: ET.Element, name: str) -> str | None:
    """Return what is between the tags of an option that has parts: the line breaks."""
    found = own.find(f"automations:option[@name='{name}']", NAMESPACES)
    assert found is not None
    assert len(found)
    return found.text


def test_what_authors_write_is_escaped_and_what_xml_cannot_hold_is_marked() -> None:
    assert text(by_id(Shop, "first"), "bpmn:documentation") == "<Do> & 'go' \ufffd ✓"
    way = by_id(Shop, "size-to-ask.merge")
    assert way.get("name") == "it's <small>"
    assert text(way, "bpmn:conditionExpression") == 'which == "it\'s <small>"'


def test_a_script_has_the_name_of_what_it_calls() -> None:
    for name, script in {
        "first": "work",
        "named": "len",
        "nameless": "nameless",
        "check.then": "work",
        "ask.remind.work": "tell",
    }.items():
        task = by_id(Shop, name)
        assert (task.tag, text(task, "bpmn:script")) == (BPMN + "scriptTask", script)
        assert task.get("scriptFormat") == "python"


def test_a_condition_has_the_name_that_its_author_gave_it() -> None:
    ways = {
        "check-to-check.then": "is_approved",
        "guess-to-end.merge": "guess_condition",
        "size-to-end.merge": "which == 7",
    }
    for name, condition in ways.items():
        expression = by_id(Shop, name).find("bpmn:conditionExpression", NAMESPACES)
        assert expression is not None
        assert (expression.text, expression.get(XSI + "type")) == (
            condition,
            "bpmn:tFormalExpression",
        )
    skip = by_id(Shop, "ask.skip-if")
    assert text(skip, "bpmn:conditionalEventDefinition/bpmn:condition") == "skips or asks"
    wait = by_id(Shop, "wait")
    assert text(wait, "bpmn:conditionalEventDefinition/bpmn:condition") == "asks and skips"


def test_times_are_those_of_iso_8601_and_what_is_found_out_later_has_its_name() -> None:
    for name, word, expected in (
        ("first.schedule", "timeCycle", "0 9 * * MON"),
        ("ask.timeout", "timeDuration", "P1D"),
        ("ask.skip", "timeDuration", "P2D"),
        ("ask.remind", "timeDuration", "PT1H"),
        ("ask.remind2", "timeCycle", "R3/P1D"),
        ("ask.remind3", "timeCycle", "R/P2D"),
        ("late.wait", "timeDate", "2026-03-02T09:30:00+01:00"),
        ("wait.wait", "timeDuration", "P1DT1H"),
        ("until", "timeDate", "when"),
        ("again", "timeCycle", "5 21 * * *"),
    ):
        event = by_id(Shop, name)
        assert text(event, f"bpmn:timerEventDefinition/bpmn:{word}") == expected, name


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (datetime.timedelta(), "PT0S"),
        (datetime.timedelta(days=3), "P3D"),
        (datetime.timedelta(hours=30, minutes=5), "P1DT6H5M"),
        (datetime.timedelta(seconds=1.5), "PT1.5S"),
        (datetime.timedelta(microseconds=1), "PT0.000001S"),
        (datetime.timedelta(minutes=-90), "-PT1H30M"),
    ],
)
def test_a_time_span_is_written_as_iso_8601_writes_it(
    span: datetime.timedelta, expected: str
) -> None:
    assert duration(span) == expected


def test_each_rule_that_comes_back_has_a_cycle() -> None:
    for node, expected in (
        (flow.Repeat().EveryHour(2), "R1/PT2H"),
        (flow.Repeat().EveryNMinutes(30), "R1/PT30M"),
        (flow.Repeat().EveryDay(), "R1/P1D"),
        (flow.Repeat().EveryNDays(2).At(9), "R1/P2D"),
        (flow.Repeat().EveryDayAt(9), "0 9 * * *"),
        (flow.Repeat().Cron("0 9 * * MON"), "0 9 * * MON"),
        (flow.Repeat(), "some_name"),
    ):
        assert timer(node, "some.name") == ("timeCycle", expected)


def test_an_event_on_a_border_interrupts_or_does_not() -> None:
    assert by_id(Shop, "ask.timeout").get("cancelActivity") == "true"
    assert by_id(Shop, "ask.remind").get("cancelActivity") == "false"
    assert by_id(Shop, "ask.remind").get("attachedToRef") == "ask"


def test_messages_and_errors_are_known_to_the_document_each_once() -> None:
    root = read(Shop)
    assert [each.get("name") for each in root.iterfind("bpmn:message", NAMESPACES)] == ["news"]
    assert by_id(Shop, "tell_them").get("messageRef") == by_id(Shop, "hear").get("messageRef")
    errors = [each.attrib for each in root.iterfind("bpmn:error", NAMESPACES)]
    assert errors == [
        {
            "id": "pay.error-error",
            "name": "Unpaid, Lost",
            "errorCode": "tests.diagrams.steered.Unpaid, tests.diagrams.steered.Lost",
        }
    ]
    assert by_id(Shop, "pay.error-event").get("errorRef") == "pay.error-error"
    assert by_id(Shop, "pay.error2-event").get("errorRef") is None


def test_only_an_end_that_closes_all_branches_terminates() -> None:
    assert by_id(Shop, "stop").find("bpmn:terminateEventDefinition", NAMESPACES) is not None
    assert by_id(Shop, "end").find("bpmn:terminateEventDefinition", NAMESPACES) is None


def test_a_form_says_whom_it_asks_and_stands_in_their_lane() -> None:
    owners = by_id(Shop, "ask").iterfind(".//bpmn:formalExpression", NAMESPACES)
    assert [each.text for each in owners] == ["group(staff)", "user(boss)", "permission(app.do)"]
    lanes = {each.get("name"): each for each in process_of(Shop).iter(BPMN + "lane")}
    assert list(lanes) == ["Automatic", "staff, boss", "app.do"]
    assert texts(lanes["app.do"], "bpmn:flowNodeRef") == ["rights"]
    assert "ask.timeout" in texts(lanes["staff, boss"], "bpmn:flowNodeRef")


def test_a_signal_that_starts_a_process_is_known_to_the_document() -> None:
    begun = CORPUS["Begun"]
    start = by_id(begun, "by_mail.signal")
    assert start.tag == BPMN + "startEvent"
    signal = by_id(begun, str(by_id(begun, "by_mail.signal-event").get("signalRef")))
    assert signal.get("name") == "by_mail signal"


def test_names_in_other_alphabets_have_ids_in_ascii() -> None:
    assert identifier("größe.wait") == "gr.uF6..uDF.e.wait"
    assert identifier("承認") == "_..u627F..u8A8D."
    assert len({identifier(each) for each in ("ö", "ő", "_", "_ö", "o")}) == 5


def test_texts_are_in_the_active_language_and_ids_in_none() -> None:
    with translation.override("de"):
        german = parsed(bpmn(CORPUS["SignUp"]._meta))
    english = read(CORPUS["SignUp"])
    assert [each.get("id") for each in german.iter()] == [each.get("id") for each in english.iter()]
    assert [each.get("name") for each in german.iter()] != [
        each.get("name") for each in english.iter()
    ]


# Nothing is lost


def written(node: Any) -> str:
    """Return the extension elements of a node, as text."""
    parent = ET.Element("x")
    extensions.add_node(parent, node)
    return ET.tostring(parent, "unicode")


#: What is given to a modifier to see whether it is written down, unless one value is enough.
GIVEN: dict[str, tuple[Any, ...]] = {
    "OnTimeout": (DAY, this.mark), "Case": ("mark", this.mark), "InBackground": (), "nice": (),
    "EveryDay": (), "Retry": (77,), "Commit": (),
}  # fmt: skip
KINDS = [
    flow.Execute(this.work), flow.If(this.asks), flow.Switch(this.asks), flow.Split(), flow.Join(),
    flow.End(), flow.Form(ApprovalForm), flow.ModelForm(ApprovalForm, "key"),
    flow.SendMessage(1, "news"), flow.ReceiveMessage("news"), flow.Repeat(),
]  # fmt: skip
MODIFIERS = [
    (node, name)
    for node in KINDS
    for name in dir(type(node))
    if name[0].isupper() or name == "nice"
]


@pytest.mark.parametrize(
    ("node", "name"), MODIFIERS, ids=[f"{type(node).__name__}.{name}" for node, name in MODIFIERS]
)
def test_every_modifier_of_every_kind_of_node_is_written_down(node: Any, name: str) -> None:
    given = GIVEN.get(name, ("mark",))
    if name == "Remind":
        changed = node.Remind("mark", every=DAY)
    elif name in ("User", "Group"):
        changed = getattr(node, name)(username="mark")
    else:
        changed = getattr(node, name)(*given)
    before, after = written(node), written(changed)
    assert after != before
    said = {"AfterPausingFor": "AfterWaitingFor", "nice": "threaded"}.get(name, name)
    said = "Every" if said.startswith("Every") or said == "Cron" else said
    assert f'name="{said}"' in after
    if given and name != "EveryDay":
        assert ("77" if name == "Retry" else "mark") in after


class Poll(flow.Node):
    """A node of a project's own."""

    def __init__(self, question: Any, *, every: Any, description: str = "") -> None:
        super().__init__(description=description)
        self.question = question
        self.every = every


def test_what_a_node_of_the_projects_own_was_given_is_written_down() -> None:
    text = written(Poll(this.question, every=HOUR, description="Ask them."))
    assert 'kind="Poll" class="tests.diagrams.test_bpmn.Poll"' in text
    assert '<automations:argument name="question" type="reference">this.question<' in text
    assert '<automations:argument name="every" type="duration">PT1H<' in text
    assert "<automations:description>Ask them.<" in text


def test_values_say_what_they_are_and_no_database_is_asked() -> None:
    values = {
        1.5: 'type="float">1.5',
        frozenset({"b", "a"}): '<automations:value>a</automations:value>',
        datetime.date(2026, 3, 2): 'type="date">2026-03-02',
        len: 'type="function">builtins.len',
        ApprovalForm: 'type="class">tests.testapp.forms.ApprovalForm',
        functools.partial(len, 7): 'type="int">7',
        object(): 'type="object">builtins.object',
        User.objects.all(): 'type="object">django.db.models.query.QuerySet',
        translation.gettext_lazy("Start"): ">Start<",
        True: 'type="boolean">True',
    }  # fmt: skip
    for value, expected in values.items():
        assert expected in written(Poll(value, every=None))
    deep: list[Any] = []
    deep.append(deep)
    assert written(Poll(deep, every=None)).count("<automations:value") == extensions.DEEPEST


def test_a_value_in_a_condition_reads_as_in_python_or_by_its_class() -> None:
    assert plain(["a", 1, None]) == "['a', 1, None]"
    assert plain(object()) == "builtins.object"


# The command


def test_the_command_prints_a_process_and_writes_all_into_files(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("automation_diagram", "testapp.IssueDiscussion", format="bpmn", stdout=out)
    assert out.getvalue().startswith('<?xml version="1.0" encoding="UTF-8"?>\n<bpmn:definitions')
    call_command("automation_diagram", all=True, format="bpmn", output=tmp_path, stdout=out)
    files = list(tmp_path.iterdir())
    assert all(file.suffix == ".bpmn" for file in files)
    assert "testapp.IssueDiscussion.bpmn" in {file.name for file in files}
    for file in files:
        assert parsed(file.read_text(encoding="utf-8")).tag == BPMN + "definitions"
