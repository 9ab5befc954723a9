"""The app that holds the demo together."""

from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The home page, the week, and the commands that load and feed the demo."""

    name = "project"
