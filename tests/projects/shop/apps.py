"""A shop."""

from django.apps import AppConfig


class ShopConfig(AppConfig):
    """Known by its last name."""

    name = "tests.projects.shop"
    label = "shop"
