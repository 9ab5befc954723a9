"""What others say of our BPMN documents: the schema of the OMG, and the linter of bpmn-io."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import SpiffWorkflow.bpmn.parser
from bpmn_io.bpmn_moddle.simple import create_moddle
from bpmn_io.lint import Linter
from bpmn_io.lint.resolver import NodeResolver
from lxml import etree

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
#: The schema as SpiffWorkflow brings it along.
SCHEMA = Path(SpiffWorkflow.bpmn.parser.__file__).parent / "schema" / "BPMN20.xsd"


class Schema:
    """The schema of the OMG."""

    def __init__(self, file: Path = SCHEMA) -> None:
        self.schema = etree.XMLSchema(file=str(file))

    def problems(self, document: str) -> list[str]:
        """Return what is not valid."""
        self.schema.validate(etree.fromstring(document.encode()))
        return [f"line {each.line}: {each.message}" for each in self.schema.error_log]


def lint(document: str) -> list[str]:
    """Return what any rule finds, but for what cannot be otherwise."""
    read = create_moddle().from_xml(document)
    problems = [warning.message for warning in read.warnings]
    config = {"resolver": NodeResolver(), "config": {"extends": "bpmnlint:all"}}
    spared = allowed(etree.fromstring(document.encode()))
    for rule, reports in Linter(config).lint(read.root_element).items():
        if rule not in spared:
            problems += [f"{rule}: {each['id']}: {each['message']}" for each in reports]
    return problems


def allowed(tree: Any) -> set[str]:
    """Return the rules that cannot hold for this document."""
    # Our tasks are 120 to 64, so that names of nodes fit in; the rule wants those of bpmn-js.
    found = {"standard-size"}
    if tree.find(f".//{BPMN}endEvent") is None and tree.find(f".//{BPMN}timeCycle") is not None:
        # It comes back for ever.
        found.add("end-event-required")
    if tree.find(f".//{BPMN}parallelGateway") is not None:
        # The rule looks at the ends alone: a single End(terminate=True) closes other branches.
        found.add("superfluous-termination")
    return found
