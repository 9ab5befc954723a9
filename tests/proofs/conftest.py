"""What the proofs share."""

from tests.proofs.recording import proof, pytest_runtest_logreport

__all__ = ["proof", "pytest_runtest_logreport"]
