"""What a worker does with a run: a worker of Celery or of Django Tasks, or a thread."""

from __future__ import annotations

import atexit
from collections import deque
from datetime import timedelta

from django.db.models import Min

from automations import settings
from automations.dispatch.advancing import Budget, Progress, advance
from automations.dispatch.background import perform
from automations.dispatch.base import INLINE, THREAD
from automations.dispatch.claims import new_claim, take
from automations.dispatch.handing import hand_over, tell
from automations.dispatch.heart import Heart
from automations.engine.locking import runs, tasks

#: A timer that is due within this time is told to the dispatcher; later ones are for the sweep.
NEAR = timedelta(minutes=1)

_heart = Heart()
# Whoever ends in good order waits for the last beat.
atexit.register(_heart.close)


def work(run_id: int, name: str) -> Progress:
    """
    Work on the run, and on those that it sends messages to, as the dispatcher ``name``'s worker.

    One transaction per task. A run that is not due, or that somebody is at work on, is left
    alone, so it does no harm to be called twice. Work outside of transactions is done here too.
    What is to be done elsewhere is handed over.
    """
    total = Progress()
    ahead = deque([run_id])
    while ahead:
        current = ahead.popleft()
        progress = work_on(current, name)
        total.add(progress)
        ahead.extend(sorted(progress.reached - {*ahead}))
    return total


def work_on(run_id: int, name: str) -> Progress:
    """Work on one run; then see to it that it is not forgotten."""
    claim = new_claim()
    taken, lost = take(run_id, settings.now(), claim)
    if not taken:
        return Progress()
    budget = Budget(settings.get("ATM_SWEEP_TASKS"))
    progress = advance(run_id, claim=claim, budget=budget, careful=lost, here={name})
    hand_over(progress.elsewhere, claim)
    for outside in progress.outside:
        progress.add(perform(outside.run_id, outside.task_id, heart=_heart, here={name}))
    if run_id not in progress.elsewhere and name not in (INLINE, THREAD):
        in_vain = bool(progress.waiting) and not progress.done
        come_again(run_id, name, in_vain=in_vain)
    return progress


def come_again(run_id: int, name: str, *, in_vain: bool = False) -> None:
    """
    Dispatch the run for its next timer, if that is near; at once, if it was too much.

    ``in_vain``: what is due has only been looked at. That is left to sweeps, which look as often
    as they come; the queue would go round and round.
    """
    if settings.get("ATM_CLOCK") != settings.SETTINGS["ATM_CLOCK"].default:
        return  # what a project's own clock says, no queue knows
    now = settings.now()
    due = runs().filter(pk=run_id, claimed_by="").values_list("due", flat=True).first()
    if in_vain and due is not None and due <= now:
        later = tasks().open().filter(automation=run_id, due__gt=now)
        due = later.aggregate(next=Min("due"))["next"]
    if due is not None and due < now + NEAR:
        tell(run_id, name, at=due if due > now else None)
