"""
A keeper of workers: ``keeper.py NUMBER`` forks so many, and another as soon as one dies.

As servers that fork do: what a worker's death costs is then not the start of Python. SIGTERM ends
all in good order. Each death is written as a line with its signal; the end of the others as 0.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def work() -> None:
    """Be a worker, until the end of this process."""
    code = 1
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        from django.core.management import call_command

        call_command("automation_step", every=0.05, verbosity=0)
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    """Keep the workers."""
    import django

    django.setup()
    import tests.testapp.proof_processes  # noqa: F401 - once for all of them

    told = []

    def end(number: int, frame: object) -> None:
        told.append(number)
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGTERM)

    workers: set[int] = set()
    missing = int(sys.argv[1])
    signal.signal(signal.SIGTERM, end)
    while missing or workers:
        while missing and not told:
            worker = os.fork()
            if not worker:
                work()
            workers.add(worker)
            missing -= 1
        worker, status = os.wait()
        workers.discard(worker)
        missing = 0 if told else 1
        died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        print(died_of, flush=True)  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
