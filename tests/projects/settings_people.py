"""A project with a user model, a group model and a rule of its own; on SQLite."""

from __future__ import annotations

import os

SECRET_KEY = "for the tests only"  # noqa: S105 - it protects nothing
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.projects.urls"
ALLOWED_HOSTS = ["testserver"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "automations",
    "tests.projects.own_people",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
STATIC_URL = "static/"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.path.join(os.environ["PROJECT_HOME"], "default.sqlite3"),  # noqa: PTH118
    }
}
AUTH_USER_MODEL = "own_people.Person"
ATM_GROUP_MODEL = "own_people.Team"
ATM_USER_WITH_PERMISSIONS_FORM_METHOD = "tests.projects.own_people.rules.for_form"
ATM_USER_WITH_PERMISSIONS_MODEL_METHOD = "tests.projects.own_people.rules.for_task"
