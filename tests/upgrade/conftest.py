"""What the proofs of the upgrade share with all others."""

from tests.proofs.recording import proof, pytest_runtest_logreport

__all__ = ["proof", "pytest_runtest_logreport"]
