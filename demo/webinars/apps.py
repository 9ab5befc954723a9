"""The app of the second process."""

from django.apps import AppConfig


class WebinarsConfig(AppConfig):
    """Webinars that people sign up for."""

    name = "webinars"
