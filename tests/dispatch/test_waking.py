"""Nothing wakes too late, and a signal never finds the process unable to take it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import pytest

from automations.dispatch.waking import Waker

LONG = 20.0


def signal_at(line: int) -> tuple[Any, list[int]]:
    """Return a tracer that sends SIGTERM before that line of ``sleep`` is run, and what it saw."""
    seen: list[int] = []

    def tracer(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code is not Waker.sleep.__code__:
            return None
        if event == "line":
            seen.append(frame.f_lineno)
            if len(seen) == line:
                os.kill(os.getpid(), signal.SIGTERM)
        return tracer

    return tracer, seen


@pytest.mark.parametrize("line", [1, 2, 3])
def test_a_signal_ends_a_sleep_wherever_it_comes(line: int) -> None:
    tracer, seen = signal_at(line)
    begun = time.monotonic()
    with Waker() as waker:
        if line == 3:
            # This line is only come to when something has ended the sleep.
            os.write(waker._writer.fileno(), b"\0")
        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            waker.sleep(LONG)
        finally:
            sys.settrace(before)
        if not waker.stopped():
            waker.sleep(LONG)
        assert waker.stopped()
    assert len(seen) >= line
    assert time.monotonic() - begun < LONG / 2


def test_a_signal_that_came_before_the_sleep_ends_it() -> None:
    begun = time.monotonic()
    with Waker() as waker:
        signal.raise_signal(signal.SIGINT)
        waker.sleep(LONG)
        assert waker.stopped()
    assert time.monotonic() - begun < LONG / 2


def test_a_second_signal_ends_the_process_at_once() -> None:
    with Waker() as waker:
        waker.stop(signal.SIGTERM)
        with pytest.raises(SystemExit) as ended:
            waker.stop(signal.SIGTERM)
    assert ended.value.code == 128 + signal.SIGTERM


def test_who_listened_before_listens_again() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with Waker():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    assert descriptor == -1


def test_another_thread_sleeps_without_listening() -> None:
    slept: list[bool] = []

    def sleep() -> None:
        with Waker() as waker:
            waker.sleep(0.01)
            slept.append(waker.stopped())

    thread = threading.Thread(target=sleep)
    thread.start()
    thread.join()
    assert slept == [False]
