"""A process about an object, on which people may have rights."""

from __future__ import annotations

from automations import flow
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import IssueList


class OfList(flow.Automation):
    """Asks whoever has a right, on everything or on the list."""

    issue_list = IssueList

    ask = flow.Form(ApprovalForm).Permission("testapp.view_effect")
    end = flow.End()
