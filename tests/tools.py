"""The tools of the project, for the tests of them: they are scripts, and no package."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).resolve().parent.parent / "tools"


def tool(name: str) -> ModuleType:
    """Return the module of that name in the folder of the tools, which call each other by name."""
    sys.path.insert(0, str(FOLDER))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(FOLDER))
