"""
The vocabulary of authors: everything that a process is declared with.

::

    from automations import flow
    from automations.flow import this
"""

from automations.automation import Automation
from automations.definition.node import Node
from automations.definition.receivers import require_data_parameters
from automations.definition.recurrence import Cron
from automations.definition.references import This, this
from automations.message_links import message_link
from automations.nodes.activities import Execute
from automations.nodes.events import End
from automations.nodes.gateways import If, Join, Split, Switch
from automations.nodes.interactions import Form
from automations.nodes.messages import ReceiveMessage, SendMessage
from automations.nodes.model_forms import ModelForm
from automations.nodes.repetition import Repeat
from automations.registry import get_automations
from automations.settings import now
from automations.triggers import on_model, on_signal

__all__ = [
    "Automation",
    "Cron",
    "End",
    "Execute",
    "Form",
    "If",
    "Join",
    "ModelForm",
    "Node",
    "ReceiveMessage",
    "Repeat",
    "SendMessage",
    "Split",
    "Switch",
    "This",
    "get_automations",
    "message_link",
    "now",
    "on_model",
    "on_signal",
    "require_data_parameters",
    "this",
]
