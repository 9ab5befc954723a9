"""
Workers that are killed, one after the other, by a process that stays.

``mortal.py PHASE:NUMBER ...`` starts a worker for each, which ends itself when it comes to the
phase for that time; ``mortal.py SECONDS ...`` kills each after so long. Each line that is written
is the phase that it died in (after "random" if it was not aimed at), and the signal that it died
of. A worker is a fork, so that it need not set up Django first: many can die in a short time.
"""

from __future__ import annotations

import mmap
import os
import signal
import sys
import time


def work(aim: str, said: mmap.mmap) -> None:
    """Be the worker."""
    from django.core.management import call_command

    from tests.testapp.faults import die_at, tell_phases, without_transactions

    phase, _, number = aim.partition(":")
    if number:
        die_at(phase, int(number))
    else:
        tell_phases(said)
    if os.environ.get("ATM_TEST_WITHOUT_TRANSACTIONS"):
        without_transactions()
    call_command("automation_step", every=0.05, verbosity=0)


def main() -> None:
    """Let the workers live and die."""
    import django

    django.setup()
    from django.urls import get_resolver

    from tests.testapp.faults import phase_of

    get_resolver().url_patterns  # noqa: B018 - once for all of them
    said = mmap.mmap(-1, 1)  # shared with the forks
    for aim in sys.argv[1:]:
        said[0] = 0
        worker = os.fork()
        if not worker:
            try:
                work(aim, said)
            finally:
                os._exit(1)
        if ":" not in aim:
            time.sleep(float(aim))
            os.kill(worker, signal.SIGKILL)
        _, status = os.waitpid(worker, 0)
        died_of = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        phase = aim.partition(":")[0] if ":" in aim else f"random {phase_of(said)}"
        print(phase, died_of, sep="\t", flush=True)  # noqa: T201 - to the test


if __name__ == "__main__":
    main()
