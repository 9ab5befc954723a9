"""Business processes as Django classes."""

__version__ = "1.0.0a1"
