"""
What belongs to one process alone: a child that is forked from it begins anew.

Servers that fork their workers may have begun threads before. Those are not there in the child,
but what they had in hand, and the locks that they held just then, would be.
"""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from weakref import WeakSet


class PerProcess(ABC):
    """Something with locks, threads or works, which are not those of a forked child."""

    def __init__(self) -> None:
        self.begin_anew()
        _all.add(self)

    @abstractmethod
    def begin_anew(self) -> None:
        """Be as nothing had ever been begun; what the parent has in hand is the parent's."""


class ProcessLock(PerProcess):
    """A lock that only threads of this process hold."""

    lock: threading.Lock

    def begin_anew(self) -> None:
        self.lock = threading.Lock()


_all: WeakSet[PerProcess] = WeakSet()


def begin_all_anew() -> None:
    """Let all of this process begin anew, for it has just been forked."""
    for found in list(_all):
        found.begin_anew()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=begin_all_anew)
