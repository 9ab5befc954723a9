"""
What is raised to end a thread or a process, as `sys.exit` does: if a work did it, it has failed.

`SystemExit`, `asyncio.CancelledError` and their like pass every ``except Exception``. From user
code they would end whoever sweeps, or leave the run claimed by a thread that is no more.
"""

from __future__ import annotations

import threading
from asyncio import CancelledError
from collections.abc import Callable
from typing import TypeVar

from automations.exceptions import WorkAborted

Result = TypeVar("Result")


def contained(work: Callable[[], Result]) -> Result:
    """
    Return what ``work`` returns; raise `WorkAborted` where it raises what is no error but an end.

    In the main thread a signal may have raised it, in the midst of any work: there it goes on its
    way, but for what no signal raises. Work that ends its process by itself is told by its claim.
    """
    try:
        return work()
    except Exception:
        raise
    except BaseException as end:
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and not isinstance(end, CancelledError):
            raise
        raise WorkAborted(f"The work has raised {end!r}, which ends a thread or process.") from end
