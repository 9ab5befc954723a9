"""The settings of a small project that uses release 0.9.4.1."""

import os

SECRET_KEY = "for the tests only"  # noqa: S105 - protects nothing
DEBUG = False
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
ROOT_URLCONF = "workshop.urls"
ALLOWED_HOSTS = ["testserver"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["WORKSHOP_DATABASE"]}
}
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
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The old release writes all settings into the report of an error.
WORKSHOP_MARK = "mark-of-a-setting"
