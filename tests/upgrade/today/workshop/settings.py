"""The settings of the same project today, on the database that the tests name."""

from tests.settings import *  # noqa: F403 - the project differs in what follows

ROOT_URLCONF = "workshop.urls"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "automations",
    "workshop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
ATM_CLOCK = "workshop.clock.now"
