"""
Claims: the notes on runs that this process is about to work on.

A claim keeps other sweeps from taking the same runs; it is no lock. It is committed before any
work begins, so that a task that takes its worker down leaves a trace: a claim that has expired.
"""

from __future__ import annotations

import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Collection
from datetime import datetime
from functools import partial
from typing import Any

from django.db import Error as DatabaseError
from django.db.models import Q

from automations import settings
from automations.engine.locking import (
    DatabaseNow,
    Runs,
    atomic,
    connection,
    for_update,
    from_now,
    in_own_turn,
    in_transaction,
    runs,
    take_write_lock,
)
from automations.engine.trouble import is_transient
from automations.models import AutomationModel

#: How often what must not be left behind is written, and the seconds between the first two tries.
TRIES, PAUSE = 5, 0.1

#: How the claim of a run begins that waits for a worker: nobody has begun with it.
QUEUED = "queued:"

#: How many claims' time a run waits at the most before it is dispatched again.
LONGEST = 8


def new_claim() -> str:
    """Return the name of a new claim: host, process and 64 random bits."""
    return f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(8)}"


def claimable(until: datetime) -> Runs:
    """Return the runs that are due and that nobody has a living claim on, longest due first."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=DatabaseNow())
    return runs().filter(free, due__lte=until).order_by("due", "pk")


def claim_runs(run_ids: Collection[int], until: datetime, claim: str) -> list[AutomationModel]:
    """
    Put ``claim`` on those of the runs that are still due and free; return them as they were.

    One short transaction of its own: locked runs are passed over, for somebody is at work there.
    """
    with atomic():
        take_write_lock()
        free = (
            claimable(until)
            .filter(pk__in=run_ids)
            .only("pk", "claimed_by", "due", "automation_class")
        )
        taken = list(for_update(free, skip_locked=True))
        runs().filter(pk__in=[run.pk for run in taken]).update(
            claimed_by=claim, claimed_until=from_now(settings.seconds("ATM_CLAIM"))
        )
    return taken


def renew(run_ids: Collection[int], claim: str) -> None:
    """Let ``claim`` on the runs expire a whole claim from now."""
    until = from_now(settings.seconds("ATM_CLAIM"))
    change(run_ids, claim, claimed_until=until)


def give_back(run_ids: Collection[int], claim: str) -> None:
    """Give ``claim`` back on those of the runs that still have it."""
    change(run_ids, claim, claimed_by="", claimed_until=None)


def change(run_ids: Collection[int], claim: str, **changes: Any) -> None:
    """Write the changes to those of the runs that have ``claim``."""
    claimed = runs().filter(pk__in=run_ids, claimed_by=claim)
    in_own_turn(partial(claimed.update, **changes))


def note(claim: str, sent: int = 0) -> str:
    """Return what stands on a run that waits for a worker, ``sent`` before that often in vain."""
    return f"{QUEUED}{sent}:{claim}"[:128]


def times_sent(run: AutomationModel) -> int:
    """Return how often the run has been dispatched since anybody has begun with it."""
    if not run.claimed_by.startswith(QUEUED):
        return 0
    before = run.claimed_by.removeprefix(QUEUED).partition(":")[0]
    return int(before) + 1 if before.isdecimal() else 1


def queue(run_ids: Collection[int], claim: str, sent: int = 0) -> None:
    """
    Note that the runs under ``claim`` have been dispatched: they wait for a worker to come to them.

    Whoever comes may take them. If nobody does within a claim's time, a sweep dispatches again. It
    may be that the queue is long: each time it waits twice as long, so that the queue is not made
    longer with every claim. ``sent`` is how often they were dispatched before.
    """
    patience = settings.seconds("ATM_CLAIM") * min(2**sent, LONGEST)
    change(run_ids, claim, claimed_by=note(claim, sent), claimed_until=from_now(patience))


def take(run_id: int, until: datetime, claim: str) -> tuple[bool, bool]:
    """
    Put ``claim`` on a run that is due and that is free, or dispatched and not begun.

    Return whether that was done, and whether its last worker has not come back.
    """
    expired = Q(claimed_until__isnull=True) | Q(claimed_until__lte=DatabaseNow())
    free = expired | Q(claimed_by__startswith=QUEUED)
    with atomic():
        take_write_lock()
        found = runs().filter(free, pk=run_id, due__lte=until).only("pk", "claimed_by")
        run = for_update(found, skip_locked=True).first()
        if run is None:
            return False, False
        runs().filter(pk=run_id).update(
            claimed_by=claim, claimed_until=from_now(settings.seconds("ATM_CLAIM"))
        )
    return True, is_lost(run)


def is_lost(run: AutomationModel) -> bool:
    """Return whether a worker that had begun with the run has not come back."""
    return bool(run.claimed_by) and not run.claimed_by.startswith(QUEUED)


def has_claim(run_id: int, claim: str) -> bool:
    """Return whether ``claim`` is on the run."""
    return bool(claim) and runs().filter(pk=run_id, claimed_by=claim).exists()


def give_back_free(run_id: int, claim: str) -> None:
    """Give ``claim`` back unless the run is locked: then whoever has it need not be waited for."""
    if not claim:
        return
    with atomic():
        take_write_lock()
        own = runs().filter(pk=run_id, claimed_by=claim).only("pk")
        if for_update(own, skip_locked=True):
            give_back([run_id], claim)


def patiently(write: Callable[[], object]) -> None:
    """Do the write; in trouble with the database again, a few times within a second or two."""
    for tried in range(TRIES):
        try:
            write()
            return
        except DatabaseError as error:
            if tried == TRIES - 1 or in_transaction() or not is_transient(error):
                raise
        connection().close_if_unusable_or_obsolete()
        time.sleep(PAUSE * 2**tried * random.uniform(0.5, 1))  # noqa: S311 - no secret


class ClaimClock:
    """Tells when half of a claim's time is over, by the monotonic clock."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def half_over(self) -> bool:
        """Return whether half of ``ATM_CLAIM`` has passed since this was last true."""
        if time.monotonic() - self._begun < settings.get("ATM_CLAIM") / 2:
            return False
        self._begun = time.monotonic()
        return True
