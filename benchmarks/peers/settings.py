"""The project of the benchmark, with a peer installed where it is a Django app."""

from __future__ import annotations

from importlib.util import find_spec

from benchmarks.settings import *  # noqa: F403
from benchmarks.settings import INSTALLED_APPS

if find_spec("viewflow"):
    INSTALLED_APPS = [*INSTALLED_APPS, "viewflow", "viewflow.workflow"]
