"""
The vocabulary of authors: everything that a process is declared with.

::

    from automations import flow
    from automations.flow import this
"""

from automations.automation import Automation
from automations.definition.node import Node
from automations.definition.references import This, this
from automations.nodes.activities import Execute
from automations.nodes.events import End
from automations.nodes.gateways import If, Join, Split
from automations.nodes.interactions import Form
from automations.registry import get_automations

__all__ = [
    "Automation",
    "End",
    "Execute",
    "Form",
    "If",
    "Join",
    "Node",
    "Split",
    "This",
    "get_automations",
    "this",
]
