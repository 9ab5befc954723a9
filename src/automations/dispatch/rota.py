"""
Who is next among what waits for a thread: by class in turn, so that a crowd of one keeps no other.

Within a class what has waited longest comes first.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from typing import Generic, TypeVar

Work = TypeVar("Work")


class Rota(Generic[Work]):
    """A queue between threads that hands out works by class in turn."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        # Whose turn is next comes first; a class without works has no line.
        self._lines: OrderedDict[str, deque[Work]] = OrderedDict()
        self._closed = False

    def put(self, label: str, work: Work) -> None:
        """Let the work wait for its turn, behind what waits of the class ``label``."""
        with self._changed:
            if label not in self._lines:
                self._lines[label] = deque()
            self._lines[label].append(work)
            self._changed.notify()

    def waiting(self, label: str) -> int:
        """Return how many works of the class wait."""
        with self._changed:
            return len(self._lines.get(label, ()))

    def get(self) -> Work | None:
        """Wait for the next work and return it; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._lines or self._closed)
            if self._closed:
                return None
            label, line = next(iter(self._lines.items()))
            work = line.popleft()
            if line:
                self._lines.move_to_end(label)
            else:
                del self._lines[label]
            return work

    def close(self) -> list[Work]:
        """Hand out nothing more; return what is left."""
        with self._changed:
            self._closed = True
            left = [work for line in self._lines.values() for work in line]
            self._lines.clear()
            self._changed.notify_all()
            return left
