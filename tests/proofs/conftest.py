"""What the proofs share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proofs.recording import proof, pytest_runtest_logreport

__all__ = ["proof", "pytest_runtest_logreport"]


@pytest.fixture(autouse=True)
def errors_of_processes() -> Iterator[None]:
    """Let a test that fails show what the processes that it started have said of errors."""
    from tests.proofs.schedulers import LOG

    LOG.unlink(missing_ok=True)
    yield
    if LOG.exists():
        print(LOG.read_text(errors="replace")[-20_000:])  # noqa: T201 - pytest shows it on failure
