"""W7: what a project's processes take longer to begin, and in memory, with the package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchmarks.measuring import Measure
from benchmarks.sizes import Sizes


class Kind(NamedTuple):
    """What is there beside Django: apps, and what is imported besides."""

    apps: tuple[str, ...] = ()
    imports: str = ""


#: A project with what Django's own template of one has; all that a web process of it imports.
BEGIN = """
import json, pathlib, resource, sys, time
begun = time.perf_counter()
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="-", USE_TZ=True, STATIC_URL="static/", ROOT_URLCONF="urls",
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}}},
    INSTALLED_APPS=[
        "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
        "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
        *{apps},
    ],
)
django.setup()
import django.core.management.commands.check, django.contrib.admin.sites
from django.contrib import admin
from django.core.handlers import wsgi
from django.urls import include, path
from django.views import generic
from django.contrib.auth import urls
{imports}
taken = time.perf_counter() - begun
try:
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[1])
    held = pages * resource.getpagesize()
except OSError:  # not Linux: the most that it ever was
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held *= 1 if sys.platform == "darwin" else 1024
print(json.dumps([taken * 1000, held / 2**20]))
"""
PLAIN = "plain"
OURS = {
    "import": Kind(("automations",), "from automations import flow"),
    "with its pages": Kind(("automations",), "import automations.flow, automations.urls"),
}


def measure(sizes: Sizes, others: Mapping[str, Kind] | None = None) -> Iterator[Measure]:
    """Yield what is added, in milliseconds and MiB, each round against the one without."""
    kinds = {PLAIN: Kind(), **OURS, **(others or {})}
    for kind in kinds.values():
        begin(kind)  # what is compiled is kept
    taken = {name: [begin(kind)] for name, kind in kinds.items()}
    for at in range(1, sizes.imports):
        names = list(kinds)
        for name in reversed(names) if at % 2 else names:
            taken[name].append(begin(kinds[name]))
    for name, figures in taken.items():
        for unit, place in (("ms", 0), ("MiB", 1)):
            values = [figure[place] for figure in figures]
            if name == PLAIN:
                yield Measure.of("W7", "plain Django", unit + " in all", values)
            else:
                plain = [figure[place] for figure in taken[PLAIN]]
                added = [ours - without for ours, without in zip(values, plain, strict=True)]
                yield Measure.of("W7", name, unit, added)


def begin(kind: Kind) -> tuple[float, float]:
    """Return the milliseconds and the MiB that a new process takes to begin."""
    told = [sys.executable, "-c", BEGIN.format(apps=kind.apps, imports=kind.imports)]
    # Without the second, what is compiled would not be kept, and each process would do that anew.
    hidden = "DJANGO_SETTINGS_MODULE", "PYTHONDONTWRITEBYTECODE"
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(told, env=environment, capture_output=True, text=True, check=True)
    took, held = json.loads(done.stdout)
    return took, held
