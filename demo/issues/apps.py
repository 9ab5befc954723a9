"""The app of the first process."""

from django.apps import AppConfig


class IssuesConfig(AppConfig):
    """Issues that a working group discusses by mail."""

    name = "issues"
