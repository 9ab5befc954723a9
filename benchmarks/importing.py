"""W7: what a project's processes take longer to begin, and in memory, with the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.measuring import Measure
from benchmarks.sizes import Sizes

#: A project with what Django's own template of one has; all that a web process of it imports.
BEGIN = """
import json, pathlib, resource, sys, time
begun = time.perf_counter()
import django
from django.conf import settings
ours = {ours}
settings.configure(
    SECRET_KEY="-", USE_TZ=True, STATIC_URL="static/", ROOT_URLCONF="urls",
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
        "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
        *["automations"][:ours],
    ],
)
django.setup()
import django.core.management.commands.check, django.contrib.admin.sites
from django.contrib import admin
from django.core.handlers import wsgi
from django.urls import include, path
from django.views import generic
from django.contrib.auth import urls
if ours:
    from automations import flow
if ours > 1:
    import automations.urls
taken = time.perf_counter() - begun
try:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    held = pages * resource.getpagesize()
except OSError:  # not Linux: the most that it ever was
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held *= 1 if sys.platform == "darwin" else 1024
print(json.dumps([taken * 1000, held / 2**20]))
"""
KINDS = {"plain": 0, "import": 1, "with its pages": 2}


def measure(sizes: Sizes) -> Iterator[Measure]:
    """Yield what is added, in milliseconds and MiB, each round against the one without."""
    for ours in KINDS.values():
        begin(ours)  # what is compiled is kept
    taken = {name: [begin(ours)] for name, ours in KINDS.items()}
    for at in range(1, sizes.imports):
        names = list(KINDS)
        for name in reversed(names) if at % 2 else names:
            taken[name].append(begin(KINDS[name]))
    for name, figures in taken.items():
        for unit, place in (("ms", 0), ("MiB", 1)):
            values = [figure[place] for figure in figures]
            if name == "plain":
                yield Measure.of("W7", "plain Django", unit + " in all", values)
            else:
                plain = [figure[place] for figure in taken["plain"]]
                added = [ours - without for ours, without in zip(values, plain, strict=True)]
                yield Measure.of("W7", name, unit, added)


def begin(ours: int) -> tuple[float, float]:
    """Return the milliseconds and the MiB that a new process takes to begin."""
    told = [sys.executable, "-c", BEGIN.format(ours=ours)]
    hidden = "DJANGO_SETTINGS_MODULE"
    environment = {name: value for name, value in os.environ.items() if name != hidden}
    done = subprocess.run(told, env=environment, capture_output=True, text=True, check=True)
    took, held = json.loads(done.stdout)
    return took, held
