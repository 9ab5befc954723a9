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
# The three go together.
ATM_USER_WITH_PERMISSIONS_FORM_METHOD = "tests.testapp.swapped.for_form"
ATM_USER_WITH_PERMISSIONS_MODEL_METHOD = "tests.testapp.swapped.for_task"
