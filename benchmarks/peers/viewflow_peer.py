"""Viewflow: a Django package; its flows work in the database of the project."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from datetime import datetime

from django.core.management import call_command
from django.db import connection, transaction
from viewflow.workflow.models import Process, Task

from benchmarks.importing import Kind
from benchmarks.measuring import count
from benchmarks.peers.peer import Peer
from benchmarks.peers.viewflow_flows import Ringing, RingingLocked, TenSteps, ThreeBranches

FLOWS = {"without a lock": Ringing, "with its lock": RingingLocked}
#: Flows that are started in one transaction.
TOGETHER = 250
#: Seconds between two calls of its command: as often as makes sense.
PAUSE = 0.1


def ten_steps(times: int) -> None:
    """Do so many runs."""
    for _ in range(times):
        TenSteps.start.run()


def three_branches(times: int) -> None:
    """Do so many runs."""
    for _ in range(times):
        ThreeBranches.start.run()


def make_timers(kind: str, number: int) -> None:
    """Start so many flows that wait."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Process._meta.db_table}, {Task._meta.db_table} CASCADE")
    for first in range(0, number, TOGETHER):
        with transaction.atomic():
            for _ in range(min(TOGETHER, number - first)):
                FLOWS[kind].start.run()


def let_be_due(due: datetime) -> None:
    """Let all timers be due at one moment."""
    Task.objects.filter(flow_task_type="TIMER").update(scheduled=due)


def left() -> int:
    """Return how many have not ended."""
    number: int = Process.objects.exclude(status="DONE").count()
    return number


PEER = Peer(
    ten_steps=ten_steps,
    three_branches=three_branches,
    count=count,
    workers={kind: ["benchmarks.peers.viewflow_peer"] for kind in FLOWS},
    make_timers=make_timers,
    let_be_due=let_be_due,
    left=left,
    running=nullcontext,
    imports=Kind(("viewflow", "viewflow.workflow"), "from viewflow.workflow import flow"),
)


def main() -> None:
    """Call the command that fires timers again and again, as cron would do."""
    while True:
        call_command("workflow_timers", stdout=sys.stderr)
        time.sleep(PAUSE)
