"""A project that groups its users by a model of its own."""

from tests.settings import *  # noqa: F403 - the project differs in what follows

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "automations",
    "tests.upgrade.other_group",
]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "tests.upgrade.today.workshop.urls"
ATM_GROUP_MODEL = "other_group.Team"
# All three of them, or none.
ATM_USER_WITH_PERMISSIONS_FORM_METHOD = "tests.upgrade.other_group.people.nobody"
ATM_USER_WITH_PERMISSIONS_MODEL_METHOD = "tests.upgrade.other_group.people.nobody"
