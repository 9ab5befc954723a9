"""Processes that ask for several things at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from automations import flow
from automations.flow import this


class Line(forms.Form):
    """One line of an order."""

    article = forms.CharField(max_length=20)
    pieces = forms.IntegerField(min_value=1)
    receipt = forms.FileField(required=False)
    note = forms.JSONField(required=False)


class Lines(forms.BaseFormSet):  # type: ignore[type-arg] # not at run time
    """Several lines, each of another article."""

    def clean(self) -> None:
        """Refuse an article that is there twice."""
        articles = [one.cleaned_data.get("article") for one in self.forms if one.is_valid()]
        named = [article for article in articles if article]
        if len(named) != len(set(named)):
            raise ValidationError("An article is there twice.")


class Order(flow.Automation):
    """Asks for the lines of an order."""

    lines = flow.Form(
        forms.formset_factory(Line, formset=Lines, extra=2, max_num=5, can_delete=True)
    ).Permission("testapp.view_effect")
    count = flow.Execute(this.count_pieces)
    end = flow.End()

    def count_pieces(self, task: Any) -> None:
        """Note how many pieces there are."""
        self.data["pieces"] = sum(line["pieces"] for line in self.data["lines"])


class Sorting(flow.Automation):
    """Asks for an order of what is there already."""

    lines = flow.Form(this.sorted_lines).Permission("testapp.view_effect")
    end = flow.End()

    def sorted_lines(self, task: Any) -> Any:
        """Return a formset that can be sorted."""
        return forms.formset_factory(Line, extra=3, can_order=True)
