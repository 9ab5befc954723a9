"""
The settings of the demo.

``DEMO_HOME`` is where it keeps its database, its mail box and its outgoing mail.
"""

from __future__ import annotations

import os
from pathlib import Path

import django

BASE = Path(__file__).resolve().parent.parent
DATA = BASE / "data"
HOME = Path(os.environ.get("DEMO_HOME", BASE / "var"))
HOME.mkdir(parents=True, exist_ok=True)
INBOX = HOME / "inbox.mbox"
CLOCK_FILE = HOME / "clock.json"

SECRET_KEY = "for the demo only: everybody may know it"
DEBUG = os.environ.get("DEMO_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "automations",
    "project",
    "issues",
    "webinars",
    "expenses",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
# What the browser may load: nothing that the demo does not serve itself. Django 5.2 cannot say so.
if django.VERSION >= (6, 0):
    MIDDLEWARE.insert(1, "django.middleware.csp.ContentSecurityPolicyMiddleware")
SECURE_CSP = {
    "default-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
}
ROOT_URLCONF = "project.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before those of the apps: for logging in, and around the pages of the package.
        "DIRS": [BASE / "project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": HOME / "db.sqlite3",
        "OPTIONS": {
            # Site, scheduler and feeder write to one file: each waits for its turn.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Each password is the name, so a hash that takes its time protects nothing.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

USE_TZ = True
TIME_ZONE = "Europe/Berlin"
LANGUAGE_CODE = "en"
# What the demo itself says is English, and so is what the package says in it.
LANGUAGES = [("en", "English")]
STATIC_URL = "static/"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = os.environ.get("DEMO_OUTBOX", BASE / "outbox")
DEFAULT_FROM_EMAIL = "issues@example.org"

#: Where the site can be reached, for the links in mails.
SITE = os.environ.get("DEMO_SITE", "http://127.0.0.1:8000")

# An hour of the process is a second of the demo, and whoever looks at a page sees it go by.
ATM_CLOCK = "project.clock.now"
ATM_REFRESH = 2

# Each morning people are told what waits for them; on a page of their tasks they choose otherwise.
ATM_EMAIL = "daily"
ATM_SITE = SITE
