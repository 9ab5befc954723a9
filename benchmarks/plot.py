"""The figures as a picture."""

from pathlib import Path


def write(folder: Path) -> None:
    """Draw what is in the folder."""
