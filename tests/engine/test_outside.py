"""Work outside of the step's transaction: at least once, recorded once, by who has the claim."""

from __future__ import annotations

from typing import Any

import pytest
import time_machine
from django.db import OperationalError

from automations import settings
from automations.engine import incidents, outside, steps
from automations.engine.context import TaskContext
from automations.engine.locking import from_now
from automations.engine.steps import Step
from automations.models import AutomationModel, AutomationTaskModel
from automations.outcomes import Outcome
from tests.engine.rows import at, path, row, states
from tests.plain import HOUR, NOW
from tests.testapp.background import (
    MINUTE,
    Awaited,
    Beside,
    Export,
    InterruptedLink,
    Limited,
    Sidestep,
    Workless,
)
from tests.testapp.models import Effect

in_all_ways = True


def keys(run: Any) -> list[str]:
    return list(Effect.objects.filter(run=run.id).order_by("pk").values_list("node", flat=True))


def take(run: Any, node: str = "work", claim: str = "me") -> TaskContext | None:
    """Take the task of the node, as a worker does."""
    context = outside.take(run.id, at(run, node).pk, claim)
    if context is not None:
        context.task.claimed_by = claim
    return context


def taken(run: Any, node: str = "work", claim: str = "me") -> TaskContext:
    context = take(run, node, claim)
    assert context is not None
    return context


def worked(context: TaskContext) -> Outcome | Exception:
    """Do the work of the task; return what came of it."""
    try:
        return outside.do(context)
    except ValueError as error:
        return error


def expire(run: Any, node: str = "work") -> None:
    """Let the claim on the task be over, by the database's time, and the task be looked at."""
    past = from_now(-settings.seconds("ATM_CLAIM"))
    AutomationTaskModel.objects.filter(pk=at(run, node).pk).update(claimed_until=past, due=NOW)
    AutomationModel.objects.filter(pk=run.id).update(due=NOW)


@pytest.mark.api("A29")
def test_work_in_the_background_is_left_for_the_scheduler() -> None:
    run = Export(draft=1)
    assert path(run) == ["work"]
    assert at(run, "work").state == "waiting"
    assert row(run).due is not None
    assert keys(run) == []
    report = AutomationModel.run()
    assert report.ok
    assert path(run) == ["work", "tell", "end"]
    task = at(run, "work")
    assert (task.state, task.result, task.claimed_by) == ("completed", "csv", "")
    assert row(run).data == {"exported": "csv"}
    assert keys(run) == [task.idempotency_key, "tell"]
    assert task.idempotency_key == f"{row(run).key}-{task.pk}"


def test_background_work_that_fails_is_tried_again_with_the_same_key(
    clock: time_machine.Traveller,
) -> None:
    run = Export(fails=2, draft=1)
    for tries in (1, 2):
        AutomationModel.run()
        task = at(run, "work")
        assert (task.state, task.tries, task.claimed_by) == ("waiting", tries, "")
        assert task.message == "ValueError: no disk"
        assert row(run).data == {"fails": 2, "draft": 1}
        clock.shift(2**tries * MINUTE)
    AutomationModel.run()
    assert run.finished()
    # Inside a transaction what a failed try has written is undone with its savepoint.
    assert set(keys(run)) == {at(run, "work").idempotency_key, "tell"}


def test_background_work_that_goes_on_failing_is_an_incident_that_can_be_retried(
    clock: time_machine.Traveller,
) -> None:
    run = Export(fails=9)
    for _ in range(4):
        AutomationModel.run()
        clock.shift(HOUR)
    task = at(run, "work")
    assert (task.state, row(run).state, task.claimed_by) == ("failed", "failed", "")
    task.retry(data={"fails": 0})
    assert at(run, "work").state == "waiting"
    AutomationModel.run()
    assert row(run).state == "finished"


def test_an_error_of_background_work_may_lead_elsewhere() -> None:
    run = Sidestep(error="key")
    AutomationModel.run()
    assert path(run) == ["work", "aside", "end"]
    assert row(run).data == {"error": "key"}
    other = Sidestep(error="value")
    AutomationModel.run()
    assert row(other).state == "failed"
    assert at(other, "work").message == "ValueError: no"


def test_what_background_work_leaves_in_data_has_to_be_json() -> None:
    run = Sidestep(strange=True)
    AutomationModel.run()
    assert row(run).state == "failed"
    assert "strange" in at(run, "work").message
    assert row(run).data == {"strange": True}


def test_trouble_with_the_database_is_no_error_of_background_work(
    clock: time_machine.Traveller,
) -> None:
    run = Sidestep(transient=True)
    for times in (1, 2, 3, 4):
        AutomationModel.run()
        task = at(run, "work")
        assert (task.state, task.tries, task.attempts) == ("waiting", 0, 0)
        assert (task.claimed_by, task.message) == ("", "")
        assert task.due is not None
        assert task.due > NOW
        assert row(run).state == "running", times
        clock.shift(MINUTE)


def test_an_async_def_is_awaited_in_the_background_and_refused_in_a_step() -> None:
    run = Awaited()
    AutomationModel.run()
    assert at(run, "right").result == 7
    assert run.finished()
    wrong = Awaited(here=True)
    assert row(wrong).state == "failed"
    assert "Write .InBackground() behind it" in at(wrong, "wrong").message


def test_a_node_that_has_no_work_outside_is_an_incident() -> None:
    run = Workless()
    AutomationModel.run()
    assert row(run).state == "failed"
    assert "has no work to do outside" in at(run, "start").message


def test_other_branches_go_on_while_one_works_in_the_background() -> None:
    run = Beside()
    working = taken(run, "slow")
    came = worked(working)
    assert run.send_message("answer", None, "yes")
    assert states(run)["join"] == "merged"
    assert outside.record(working, came).more
    AutomationModel.run()
    assert row(run).state == "finished"
    # Each has changed its own key, and neither has lost the other's.
    assert row(run).data == {"slow": True, "ask": "yes", "reacted": True}


def test_a_run_whose_work_is_in_hand_is_looked_at_when_the_claim_may_have_ended() -> None:
    run = Export()
    before = at(run, "work").due
    taken(run)
    assert before is not None
    assert at(run, "work").due > before
    assert row(run).due == at(run, "work").due


def test_a_task_is_taken_by_one_at_a_time() -> None:
    run = Export()
    taken(run)
    assert take(run, claim="another") is None
    AutomationModel.run()
    assert keys(run) == []
    assert at(run, "work").claimed_by == "me"
    assert outside.take(run.id, at(run, "work").pk + 1000, "me") is None
    assert outside.take(run.id + 1000, at(run, "work").pk, "me") is None


def test_who_comes_back_too_late_cannot_record_a_result() -> None:
    run = Export()
    slow = taken(run)
    came = worked(slow)
    expire(run)
    fast = taken(run, claim="another")
    assert at(run, "work").attempts == 1
    assert not outside.record(slow, came).obtained
    assert at(run, "work").state == "waiting"
    assert not outside.renew(slow.task.pk, "me")
    assert outside.renew(slow.task.pk, "another", 0.5, "half")
    assert (at(run, "work").progress, at(run, "work").message) == (0.5, "half")
    assert outside.record(fast, worked(fast)).obtained
    assert (at(run, "work").state, at(run, "work").attempts) == ("completed", 0)
    assert not outside.record(slow, came).obtained
    assert not outside.record(fast, came).obtained
    assert keys(run) == [at(run, "work").idempotency_key] * 2


def test_a_task_whose_worker_never_comes_back_is_an_incident_after_its_attempts() -> None:
    run = Export()
    for claim in ("one", "two", "three"):
        taken(run, claim=claim)
        expire(run)
    assert take(run, claim="four") is None
    task = at(run, "work")
    assert (task.state, row(run).state) == ("failed", "failed")
    assert "did not come back from this task 3 times" in task.message
    task.retry()
    AutomationModel.run()
    assert row(run).state == "finished"


def test_a_run_that_is_deleted_meanwhile_takes_no_result() -> None:
    run = Export()
    working = taken(run)
    came = worked(working)
    Export(automation_id=run.id).kill()
    assert not outside.record(working, came).obtained


def test_what_a_suspended_run_gets_is_kept_and_nothing_goes_on() -> None:
    run = Export()
    working = taken(run)
    came = worked(working)
    row(run).suspend()
    assert take(run, claim="another") is None
    outside.record(working, came)
    assert states(run) == {"work": "completed", "tell": "ready"}
    assert (at(run, "tell").due, row(run).due, row(run).state) == (None, None, "suspended")
    assert row(run).data == {"exported": "csv"}
    AutomationModel.run()
    assert states(run)["tell"] == "ready"
    row(run).resume()
    assert row(run).state == "finished"


def test_a_suspended_run_gets_what_changes_no_data() -> None:
    run = Limited(ready=True)
    working = taken(run)
    came = worked(working)
    row(run).suspend()
    version = row(run).version
    outside.record(working, came)
    assert states(run) == {"work": "completed", "end": "ready"}
    assert (row(run).version, row(run).data) == (version, {"ready": True})


def test_what_a_run_gets_that_has_failed_elsewhere_is_kept() -> None:
    run = Beside()
    working = taken(run, "slow")
    came = worked(working)
    run.send_message("answer", None, "fail")
    assert row(run).state == "failed"
    outside.record(working, came)
    assert states(run) == {
        "start": "completed",
        "slow": "completed",
        "ask": "completed",
        "react": "failed",
        "join": "ready",
    }
    assert row(run).data == {"ask": "fail", "slow": True}
    at(run, "react").retry(data={"ask": "yes"})
    AutomationModel.run()
    assert row(run).state == "finished"


def test_an_error_that_comes_to_a_run_that_stands_still_is_made_again() -> None:
    run = Beside(stumbles=True)
    working = taken(run, "slow")
    came = worked(working)
    row(run).suspend()
    outside.record(working, came)
    task = at(run, "slow")
    assert (task.state, task.claimed_by, task.due) == ("waiting", "", None)
    row(run).resume()
    AutomationModel.run()
    assert at(run, "slow").message == "ValueError: stumbled"


def test_a_result_that_cannot_be_written_to_a_run_that_stands_still_is_made_again() -> None:
    run = Sidestep(strange=True)
    working = taken(run)
    came = worked(working)
    row(run).suspend()
    outside.record(working, came)
    assert at(run, "work").state == "waiting"
    row(run).resume()
    AutomationModel.run()
    assert row(run).state == "failed"


def test_a_cancelled_run_takes_no_result() -> None:
    run = Export()
    working = taken(run)
    came = worked(working)
    incidents.cancel(run.id)
    assert at(run, "work").claimed_by == ""
    assert not outside.record(working, came).obtained
    assert not outside.renew(working.task.pk, "me")
    assert states(run) == {"work": "cancelled"}


def test_background_work_waits_reminds_and_is_skipped_like_any_other(
    clock: time_machine.Traveller,
) -> None:
    run, late = Limited(), Limited()
    AutomationModel.run()
    assert at(run, "work").state == "ready"
    working = None
    for one in (run, late):
        one.data["ready"] = True
        one.save()
        one.run()
        assert at(one, "work").state == "waiting"
    working = taken(late)
    clock.shift(10 * MINUTE)
    AutomationModel.run()
    assert row(run).state == "finished"
    assert keys(run) == ["reminded", "work"]
    assert keys(late) == ["reminded"]
    clock.shift(HOUR)
    AutomationModel.run()
    assert at(late, "work").state == "skipped"
    assert not outside.record(working, worked(working)).obtained


def test_a_clock_of_the_projects_own_says_nothing_about_claims(
    monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ATM_CLOCK = lambda: NOW
    run = Export()
    taken(run)
    assert at(run, "work").due == NOW
    AutomationModel.run()
    assert at(run, "work").due == NOW
    assert keys(run) == []


def test_a_heartbeat_inside_a_step_does_nothing_and_progress_is_a_part_of_one() -> None:
    run = Export()
    task = at(run, "work")
    task.heartbeat(0.3, "three tenths")
    assert at(run, "work").progress is None
    with pytest.raises(ValueError, match="number from 0 to 1, not 30"):
        task.heartbeat(30)


def test_who_records_is_told_which_task_it_was_and_whether_it_is_to_be_done_again() -> None:
    run = Beside()
    working = taken(run, "slow")
    trouble = OperationalError()
    trouble.__cause__ = InterruptedLink()
    assert outside.record(working, trouble) == Step(task_id=working.task.pk, postponed=True)
    run = Beside()
    working = taken(run, "slow")
    row(run).suspend()
    assert outside.record(working, ValueError("no")) == Step(
        task_id=working.task.pk, postponed=True
    )
    working = Beside()
    kept = taken(working, "slow")
    came = worked(kept)
    row(working).suspend()
    assert outside.record(kept, came) == Step(task_id=kept.task.pk)
    strange = Sidestep(strange=True)
    lost = taken(strange)
    came = worked(lost)
    row(strange).suspend()
    assert outside.record(lost, came) == Step(task_id=lost.task.pk, postponed=True)


def test_trouble_that_comes_to_a_run_that_stands_still_leaves_its_task_without_a_time() -> None:
    run = Export()
    working = taken(run)
    trouble = OperationalError()
    trouble.__cause__ = InterruptedLink()
    row(run).suspend()
    AutomationTaskModel.objects.filter(pk=working.task.pk).update(due=NOW)
    outside.record(working, trouble)
    assert (at(run, "work").due, at(run, "work").claimed_by) == (None, "")


def test_work_in_hand_is_looked_at_when_its_time_is_over_if_that_is_sooner(
    clock: time_machine.Traveller,
) -> None:
    run = Limited(ready=True)
    clock.shift(59 * MINUTE + MINUTE / 2)
    assert take(run) is not None
    AutomationTaskModel.objects.filter(pk=at(run, "work").pk).update(due=NOW)
    steps.step(run.id)
    assert at(run, "work").due == NOW + 60 * MINUTE
