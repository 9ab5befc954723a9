"""What reads our BPMN is in the main environment only."""

from __future__ import annotations

import importlib.util

if not all(importlib.util.find_spec(name) for name in ("bpmn_io", "lxml", "SpiffWorkflow")):
    collect_ignore = ["test_bpmn_readers.py"]
