"""One run after the other: those that are given, and those that they send messages to."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from automations.dispatch.advancing import Budget, Progress, advance
from automations.dispatch.claims import new_claim
from automations.dispatch.handing import hand_over
from automations.engine.locking import in_transaction
from automations.engine.notifying import notify_left


def advance_all(run_ids: Iterable[int], *, here: Collection[str], claim: str = "") -> Progress:
    """
    Advance the runs, and those that they send messages to, within the budget of one request.

    ``claim`` is one that the caller has put on the first. In a caller's transaction there are no
    claims. What is left is for the scheduler; claims are given back. How a run was left is said
    only if there was no other.
    """
    budget = Budget.of_request()
    total = Progress()
    ahead = deque(run_ids)
    advanced = 0
    while ahead:
        run_id = ahead.popleft()
        mark = "" if in_transaction() else claim or new_claim()
        progress = advance(run_id, claim=mark, budget=budget, here=here)
        hand_over(progress.elsewhere, mark)
        claim = ""
        total.add(progress)
        advanced += 1
        total.row = progress.row if advanced == 1 else None
        ahead.extend(sorted(progress.reached - {*ahead}))
        if budget.spent():
            break
    if ahead:
        notify_left()
    return total
