"""The page on changing a process."""

from __future__ import annotations

from io import StringIO

import pytest
from blocks import Page
from django.contrib.auth.models import Group
from django.core.management import CommandError, call_command
from django.test import TestCase
from shop.automations import Order

from automations.models import AutomationModel, AutomationTaskModel

page = Page("change-a-process", globals())
CHECK = page.text("automation_check --database")


class ChangeTest(TestCase):
    def test_what_the_code_does_not_have_is_told_before_a_deploy(self) -> None:
        Group.objects.create(name="managers")
        for _ in range(12):
            Order()
        AutomationTaskModel.objects.update(status="gone")
        out = StringIO()
        with pytest.raises(CommandError) as refused:
            call_command("automation_check", "--database", stdout=out)
        told, error = CHECK.splitlines()[1:]
        assert told.replace("approve", "gone") in out.getvalue()
        assert error.removeprefix("CommandError: ").removesuffix(" ...") in str(refused.value)
        AutomationModel.run()
        row = AutomationModel.objects.first()
        assert row is not None
