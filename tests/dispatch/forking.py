"""
Fork a process with threads, works and locks in hand, and see whether its child is as new.

For a process of its own, so that only what is begun here is in hand. Ends with 0 if all is well.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from contextlib import ExitStack
from typing import Any

import django


def main() -> int:
    """Fork with everything in hand; return 0 if neither process has anything of the other's."""
    django.setup()
    from automations.dispatch import background
    from automations.dispatch.advancing import Progress
    from automations.dispatch.background import Workers, threads
    from automations.dispatch.last_tries import Alone

    inside, leave = threading.Event(), threading.Event()

    def stay() -> Progress:
        inside.set()
        leave.wait(60)
        return Progress()

    def wrong_in_child() -> list[str]:
        done = threading.Event()

        def job() -> Progress:
            done.set()
            return Progress()

        wrong = []
        # Its parent's claims are not for it to renew, and its parent's works not to wait for.
        if workers._offered or workers._threads or beating._pulses:
            wrong.append("works or claims of the parent's")
        pulse = beating.begin(10**9, "me")
        if beating._pulses != {pulse}:
            wrong.append("pulses")
        beating.end(pulse)
        with Alone() as other:
            if not other.get():
                wrong.append("the lock of last tries")
        for pool in (workers, threads()):
            done.clear()
            if not (pool.submit("work", job) and done.wait(20)):
                wrong.append(f"no work in {pool}")
            pool.wait()
            pool.close()
        return wrong

    with Workers() as workers, Alone() as alone:
        beating = workers._heart
        kept = beating.begin(10**9, "parent")
        workers.submit("work", stay)
        assert inside.wait(20)
        assert alone.get()
        locks = [workers._changed, workers._rota._changed, beating._lock, background._lock.lock]
        assert forked(wrong_in_child, locks) == ""
        # The parent goes on as if nothing had been.
        assert workers._offered == {"work"}
        assert beating._pulses == {kept}
        beating.end(kept)
        leave.set()
    return 0


def forked(wrong: Any, locks: list[Any]) -> str:
    """Fork while another thread has the locks; return what the child finds wrong."""
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with ExitStack() as stack:
            for lock in locks:
                stack.enter_context(lock)
            inside.set()
            leave.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(20)
    said, says = os.pipe()
    with warnings.catch_warnings():
        # Python warns of just this: a thread of the parent may hold a lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        try:
            signal.alarm(60)
            os.write(says, ", ".join(wrong()).encode() or b"nothing")
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(says)
    os.waitpid(child, 0)
    leave.set()
    holder.join()
    with os.fdopen(said, "rb") as answer:
        found = answer.read().decode()
    return "" if found == "nothing" else found or "the child did not come to its end"


if __name__ == "__main__":
    sys.exit(main())
