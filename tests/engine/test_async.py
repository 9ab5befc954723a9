"""Async code starts runs and sends messages in a thread; elsewhere it is told how."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation

from tests.engine.rows import path
from tests.testapp.language import Newsletter
from tests.testapp.processes import Straight

in_all_ways = True


def test_async_code_starts_a_run_and_sends_it_a_message() -> None:
    async def play() -> Any:
        run = await Newsletter.astart(email="ada")
        return run, await run.asend_message("confirm", "tok")

    run, answer = async_to_sync(play)()
    assert answer == "thanks"
    assert path(run) == ["start", "wait", "end"]


def test_async_code_that_forgets_to_wait_is_told_what_to_write(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DJANGO_ALLOW_ASYNC_UNSAFE", raising=False)
    run = Newsletter(email="ada")

    async def start() -> None:
        Straight()

    async def send() -> None:
        run.send_message("confirm")

    with pytest.raises(SynchronousOnlyOperation, match=r"astart\(\.\.\.\)"):
        async_to_sync(start)()
    with pytest.raises(SynchronousOnlyOperation, match=r"asend_message\(\.\.\.\)"):
        async_to_sync(send)()
