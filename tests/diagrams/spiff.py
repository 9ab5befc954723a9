"""
SpiffWorkflow executes our BPMN documents, and has to visit the same nodes as our own engine.

Both consult one table of decisions. Whoever is asked answers at once, unless the table says that
they are too late; messages come when they are waited for; timers take no time.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lxml import etree
from SpiffWorkflow.bpmn import BpmnEvent, BpmnWorkflow
from SpiffWorkflow.bpmn.parser import BpmnParser
from SpiffWorkflow.bpmn.parser.event_parsers import IntermediateCatchEventParser, SendTaskParser
from SpiffWorkflow.bpmn.parser.task_parsers import ScriptTaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.script_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.specs.defaults import (
    EventBasedGateway,
    IntermediateCatchEvent,
    ReceiveTask,
    ScriptTask,
    SendTask,
    StartEvent,
)
from SpiffWorkflow.bpmn.specs.event_definitions.conditional import ConditionalEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.item_aware_event import ErrorEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.simple import NoneEventDefinition
from SpiffWorkflow.bpmn.specs.event_definitions.timer import (
    CycleTimerEventDefinition,
    DurationTimerEventDefinition,
    TimeDateEventDefinition,
)
from SpiffWorkflow.bpmn.specs.mixins.events.intermediate_event import BoundaryEvent
from SpiffWorkflow.util.task import TaskState

from tests.diagrams.steered import ERRORS
from tests.diagrams.visits import LATE, ROUNDS, Expected

if TYPE_CHECKING:
    from collections.abc import Iterator

SPACES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "automations": "https://django-automations.readthedocs.io/bpmn",
}
#: What SpiffWorkflow calls what catches all errors.
NO_ERROR = "None Error Event"
#: A process that has not ended after so many rounds never will.
LONGEST = 3000
#: SpiffWorkflow keeps each round of a loop inside the one before.
DEEPEST = 20_000


def follow(document: str, expected: Expected) -> list[str]:
    """Let SpiffWorkflow go through the process; say if it does not visit the same nodes."""
    try:
        with room():
            done = visited(document, expected)
    except Exception as error:  # noqa: BLE001 - whatever it does not like
        return [f"SpiffWorkflow: {type(error).__name__}: {error}"]
    ours = expected.visits
    if expected.splits:  # Between branches the order is as it comes.
        done, ours = sorted(done), sorted(ours)
    return [] if done == ours else [f"SpiffWorkflow visits {done}, we {ours}"]


@contextmanager
def room() -> Iterator[None]:
    """Let SpiffWorkflow be as deep as it likes, and warn of itself."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(DEEPEST)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.setrecursionlimit(limit)


def visited(document: str, expected: Expected) -> list[str]:
    """Return the nodes that SpiffWorkflow visits."""
    parser = Parser()
    parser.add_bpmn_io(io.BytesIO(document.encode()))
    spec = parser.get_spec(parser.get_process_ids()[0])
    engine = Decisions(expected, Read(document))
    workflow = BpmnWorkflow(spec, script_engine=engine)
    for _ in range(LONGEST):
        workflow.do_engine_steps(did_complete_task=engine.completed)
        if expected.repeats and engine.done.count(expected.repeats) >= ROUNDS:
            ends = [at for at, done in enumerate(engine.done) if done == expected.repeats]
            return engine.done[: ends[ROUNDS - 1] + 1]
        if not open_tasks(workflow):
            return engine.done
        for task in open_tasks(workflow):
            engine.answer(task)
    raise RuntimeError(f"does not end: {engine.done[-5:]}")


def open_tasks(workflow: Any) -> list[Any]:
    """Return what is not done; other ways to start are for other runs."""
    return [
        task
        for task in workflow.get_tasks(state=TaskState.READY | TaskState.WAITING)
        if getattr(task.task_spec, "bpmn_id", None) and not isinstance(task.task_spec, StartEvent)
    ]


class Read:
    """What a document says of its elements."""

    def __init__(self, document: str) -> None:
        tree = etree.fromstring(document.encode())
        #: The nodes that elements belong to, and those elements that stand for a node as a whole.
        self.owners: dict[str, str] = {}
        self.mains: set[str] = set()
        #: What a race of events waits for, by what stands in the event.
        self.races: dict[tuple[str, str], str] = {}
        for element in tree.iterfind("bpmn:process/*[@id]", SPACES):
            node = element.find("bpmn:extensionElements/automations:node", SPACES)
            if node is not None:
                self.mains.add(element.get("id"))
                self.owners[element.get("id")] = node.get("name")
            elif owner := element.get(f"{{{SPACES['automations']}}}node"):
                self.owners[element.get("id")] = owner
        races = {each.get("id") for each in tree.iterfind(".//bpmn:eventBasedGateway", SPACES)}
        for flow in tree.iterfind(".//bpmn:sequenceFlow", SPACES):
            source, target = flow.get("sourceRef"), flow.get("targetRef")
            if source in races:
                event = tree.find(f".//*[@id='{target}-event']/*")
                self.races[source, event.text] = target


class Failing(ScriptTask):
    """A script that may throw an error, which an event on its border catches."""

    def _run_hook(self, my_task: Any) -> Any:
        engine = my_task.workflow.script_engine
        error = ERRORS.get(engine.decide(my_task))
        for event in my_task.parent.children if error else ():
            thrown = getattr(event.task_spec, "event_definition", None)
            # The first that fits counts, as with us: one without an error of its own catches all.
            if isinstance(thrown, ErrorEventDefinition) and thrown.name in (
                error.__name__,
                NO_ERROR,
            ):
                engine.failed(my_task)
                # Not by way of the workflow: there all that catch everything would catch it too.
                event.task_spec.catch(event, BpmnEvent(thrown, payload={}))
                event.task_spec._update(event)
                return None
        return True


class CatchParser(IntermediateCatchEventParser):
    """
    Reads a rule by which a process comes back as a time span.

    SpiffWorkflow goes on from such an event with a branch for each round, even if it is only one.
    """

    def parse_timer_event(self, event: Any) -> Any:
        """Return what the timer is about."""
        found = super().parse_timer_event(event)
        if isinstance(found, CycleTimerEventDefinition):
            return DurationTimerEventDefinition(found.name, found.expression)
        return found


class SendParser(SendTaskParser):
    """Reads what is sent as nothing: it is for other runs, which there are not."""

    def create_task(self) -> Any:
        """Return the task."""
        return self._create_task(NoneEventDefinition())


class Parser(BpmnParser):
    """Reads scripts as those that may fail."""

    OVERRIDE_PARSER_CLASSES = {
        full_tag("scriptTask"): (ScriptTaskParser, Failing),
        full_tag("intermediateCatchEvent"): (CatchParser, IntermediateCatchEvent),
        full_tag("sendTask"): (SendParser, SendTask),
    }


class Decisions(PythonScriptEngine):
    """Answers by the table that our own engine has consulted."""

    def __init__(self, expected: Expected, read: Read) -> None:
        super().__init__()
        self.table = expected.table
        self.repeats = expected.repeats
        self.read = read
        self.done: list[str] = []
        self.asked: Counter[str] = Counter()
        self.said: dict[Any, str] = {}

    def decide(self, task: Any) -> str:
        """Return the way by which the node is left this time: one for each visit."""
        element = task.task_spec.bpmn_id
        name = self.read.owners[element]
        ways = self.table.get(name)
        if not ways:
            return ""
        if element.endswith(".work"):  # What comes of it is decided at the gateway behind it.
            way = ways[self.asked[name] % len(ways)]
            self.asked[name] += way in ERRORS
            return way
        # A task and the events on its border are one visit.
        border = element not in self.read.mains or self.has_border(task)
        visit = task.parent.id if border else task.id
        if visit not in self.said:
            self.said[visit] = ways[self.asked[name] % len(ways)]
            self.asked[name] += 1
        return self.said[visit]

    def has_border(self, task: Any) -> bool:
        """Return whether there are events on the border of a task."""
        return any(isinstance(each.task_spec, BoundaryEvent) for each in task.parent.children)

    def answer(self, task: Any) -> None:
        """Let somebody do what they are asked for, or a message come."""
        if task.task_spec.manual and task.state == TaskState.READY:
            if self.decide(task) != LATE:
                task.run()
                self.completed(task)
        elif isinstance(task.task_spec, ReceiveTask) and task.state == TaskState.WAITING:
            event = task.task_spec.event_definition
            task.task_spec.catch(task, BpmnEvent(event, payload={}))
            task.task_spec._update(task)
        elif isinstance(task.task_spec, EventBasedGateway) and task.state == TaskState.WAITING:
            # In a race SpiffWorkflow looks at no condition by itself.
            for event in task.task_spec.event_definition.event_definitions:
                if isinstance(event, ConditionalEventDefinition) and event.has_fired(task):
                    task.internal_data["seen_events"] = [BpmnEvent(event)]
                    task.task_spec._update(task)
                    return

    def completed(self, task: Any) -> None:
        """Note that a node was done."""
        element = getattr(task.task_spec, "bpmn_id", None)
        if element in self.read.mains and task.state == TaskState.COMPLETED:
            self.done.append(self.read.owners[element])

    def failed(self, task: Any) -> None:
        """Note that a node was left by an error."""
        self.done.append(self.read.owners[task.task_spec.bpmn_id])

    def evaluate(self, task: Any, expression: str, external_context: Any = None) -> Any:
        """Say what an expression is worth."""
        event = getattr(task.task_spec, "event_definition", None)
        if event is not None:
            return self.event(task, event, expression)
        way = self.decide(task)
        if " == " in expression:
            return expression.endswith(f"== {way!r}")
        return way == "yes"

    def event(self, task: Any, event: Any, expression: str) -> Any:
        """Say when an event comes: at once where it is waited for, beside work not at all."""
        name = task.task_spec.bpmn_id
        name = self.read.races.get((name, expression), name)
        comes = not any(word in name for word in (".timeout", ".skip", ".remind"))
        if name.endswith(".timeout") and isinstance(task.task_spec, BoundaryEvent):
            comes = self.decide(task) == LATE
        if isinstance(event, ConditionalEventDefinition) or name.endswith(".condition"):
            return comes
        if isinstance(event, TimeDateEventDefinition):
            return "2000-01-01T00:00:00+00:00" if comes else "2999-01-01T00:00:00+00:00"
        return "PT0S" if comes and not self.is_enough(name) else "P1D"

    def is_enough(self, name: str) -> bool:
        """Return whether a process that goes round for ever has done so often enough."""
        owner = self.read.owners.get(name, "")
        return owner == self.repeats and self.done.count(owner) >= ROUNDS
