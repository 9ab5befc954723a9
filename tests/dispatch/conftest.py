"""What the tests of dispatching share."""

from tests.engine.conftest import clock, told

__all__ = ["clock", "told"]
