"""Processes with cards of their own on the dashboard."""

from __future__ import annotations

from typing import Any

from automations import flow


class Plain(flow.Automation):
    """One that says nothing about its card."""

    class Meta:
        verbose_name = "Plain <script>alert(1)</script>"
        verbose_name_plural = "Plains <script>alert(1)</script>"

    end = flow.End()


class WithCard(flow.Automation):
    """One with a template and a context of its own."""

    class Meta:
        verbose_name = "With a card"
        verbose_name_plural = "With cards"
        dashboard_template = "testapp/card.html"

    end = flow.End()

    @classmethod
    def get_dashboard_context(cls, queryset: Any) -> dict[str, Any]:
        """Count the runs."""
        return {"total": queryset.count()}


class WithContext(flow.Automation):
    """One that has only a context."""

    end = flow.End()

    @classmethod
    def get_dashboard_context(cls, queryset: Any) -> dict[str, Any]:
        """Say something."""
        return {"said": "hello", "automation": "not this"}


class Hidden(flow.Automation):
    """One without a card."""

    class Meta:
        dashboard_template = None

    end = flow.End()

    @classmethod
    def get_dashboard_context(cls, queryset: Any) -> dict[str, Any]:
        """Never asked."""
        raise AssertionError


class BrokenContext(flow.Automation):
    """One whose context fails."""

    class Meta:
        dashboard_template = "testapp/card.html"

    end = flow.End()

    @classmethod
    def get_dashboard_context(cls, queryset: Any) -> Any:
        """Fail."""
        raise ZeroDivisionError


class OddContext(flow.Automation):
    """One whose context is none."""

    end = flow.End()

    @classmethod
    def get_dashboard_context(cls, queryset: Any) -> Any:
        """Forget to return it."""


class BrokenTemplate(flow.Automation):
    """One whose template fails."""

    class Meta:
        dashboard_template = "testapp/broken_card.html"

    end = flow.End()


#: A class that was renamed, and can still be found by its former path.
FormerlyPlain = Plain
