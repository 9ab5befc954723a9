"""The pages of the reference: what they show is what there is."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib import admin
from django.core.management import call_command

from automations.admin import RunAdmin, RunAdminMixin
from automations.diagrams.mermaid import mermaid
from automations.management.commands.startautomation import AUTOMATION, IMPORTS
from automations.models import AutomationModel, AutomationTaskModel
from tests.docs.pages import blocks
from tests.docs.running import module_of, run

APPROVAL = """
from django import forms
from automations import flow
from automations.flow import this


class Approval(flow.Automation):
    welcome = flow.Execute(this.work)
    check = flow.If(this.work).Then(this.approve).Else(this.end)
    approve = flow.Form(forms.Form).Group(name="staff")
    end = flow.End()

    def work(self, task): ...
"""


@pytest.mark.django_db
def test_the_command_lists_as_the_page_shows() -> None:
    listed, _ = blocks("reference/command", "text")
    before = "".join(IMPORTS) + AUTOMATION.format(name="OrderApproval")
    with module_of("tests.testapp.order_approval", before) as module:
        for _ in range(2):
            module.OrderApproval()
        failed = module.OrderApproval(autorun=False)
        AutomationTaskModel.objects.filter(automation=failed.id).delete()
        AutomationModel.objects.filter(pk=failed.id).update(
            state="failed", finished=True, due=None, ended="2026-03-02T09:00Z"
        )
        out = StringIO()
        call_command("automation_list", "testapp.OrderApproval", stdout=out)
    assert out.getvalue() == listed.replace("shop.", "testapp.")


def test_a_process_is_drawn_for_mermaid_as_the_page_shows() -> None:
    _, drawn = blocks("reference/command", "text")
    with module_of("approval", APPROVAL) as module:
        assert mermaid(module.Approval._meta) == drawn


def test_runs_are_shown_by_another_admin_as_the_page_shows() -> None:
    block = blocks("reference/pages")[-1]
    before = """
from types import SimpleNamespace
from django.contrib import admin
from automations.admin import RunAdminMixin
from automations.models import AutomationModel

class Other(admin.ModelAdmin):
    pass

unfold = SimpleNamespace(admin=SimpleNamespace(ModelAdmin=Other))
"""
    try:
        with module_of("shop_admin", before) as module:
            run(module, block)
            shown = admin.site._registry[AutomationModel]
            assert isinstance(shown, RunAdminMixin)
            assert isinstance(shown, module.Other)
    finally:
        admin.site.unregister(AutomationModel)
        admin.site.register(AutomationModel, RunAdmin)


def test_every_word_is_imported_as_the_page_shows() -> None:
    (block,) = blocks("reference/flow")
    with module_of("shop_flow") as module:
        run(module, block)
        assert module.flow.this is module.this


def test_the_pages_are_included_as_the_page_shows() -> None:
    block = blocks("reference/pages")[0]
    with module_of("shop_urls", "from django.urls import include, path\n") as module:
        run(module, f"urlpatterns = [\n{block}]")
        assert len(module.urlpatterns[0].url_patterns) > 15
