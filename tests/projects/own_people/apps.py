"""An app with people of its own."""

from django.apps import AppConfig


class OwnPeopleConfig(AppConfig):
    """Known by its last name."""

    name = "tests.projects.own_people"
    label = "own_people"
