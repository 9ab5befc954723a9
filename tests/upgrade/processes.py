"""Processes whose old rows the tests of the conversion write."""

from __future__ import annotations

from django import forms

from automations import flow
from automations.flow import this
from tests.testapp import models


class Sheet(forms.Form):
    remark = forms.CharField()


class Straight(flow.Automation):
    first = flow.Execute()
    second = flow.Execute()
    end = flow.End()


class Fork(flow.Automation):
    split = flow.Split().Next(this.left).Next(this.right)
    left = flow.Execute().Next(this.join)
    right = flow.Execute()
    join = flow.Join()
    after = flow.Execute()
    end = flow.End()


class Ask(flow.Automation):
    ask = flow.Form(Sheet).User(username="ada").Permission("auth.add_group")
    end = flow.End()


class Unique(flow.Automation):
    unique = ("slot",)
    first = flow.Execute()
    end = flow.End()


class Binding(flow.Automation):
    issues = models.IssueList
    ticket = models.Ticket
    first = flow.Execute()
    end = flow.End()
