"""How a run begins, moves, and ends."""

from __future__ import annotations

import datetime
import math
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from automations import flow
from automations.dispatch import inline
from automations.engine import bursts, starting, steps
from automations.engine.context import attribute
from automations.engine.states import change_state
from automations.exceptions import (
    AutomationFinished,
    BoundObjectMissing,
    DefinitionError,
    InvalidData,
    NodeNotFound,
    TransitionNotAllowed,
    WrongAutomation,
)
from automations.models import AutomationModel, AutomationTaskModel
from automations.models.tasks import TaskState
from automations.nodes.interactions import plain
from tests.engine.rows import at, path, row, states
from tests.plain import HOUR, NOW
from tests.testapp.forms import ApprovalForm
from tests.testapp.models import Effect, IssueList, Ticket
from tests.testapp.processes import (
    Bound,
    ForGroup,
    Kinds,
    Loop,
    Lost,
    Mixed,
    Named,
    Nested,
    Odd,
    Offer,
    OnePerAddress,
    Rescued,
    Single,
    Straight,
    Tampered,
    Terminated,
    Together,
    TwoForms,
    Waiting,
)
from tests.testapp.promises import Assigned, ByNext, ByOrder, Recalls, Rounds, Rung, Trio

in_all_ways = True


@pytest.mark.api("D10", "A6", "A8", "E13", "is_finished", "End")
def test_calling_the_class_runs_it_to_its_end() -> None:
    run = Straight(name="Ada")
    assert path(run) == ["first", "second", "third", "end"]
    assert run.finished()
    assert run.is_finished()
    assert run.data == {"name": "Ada", "count": 3}
    assert row(run).state == "finished"
    assert row(run).due is None
    assert row(run).claimed_by == ""


@pytest.mark.api("D11", "A6")
def test_without_autorun_nothing_is_executed() -> None:
    run = Straight(autorun=False)
    assert path(run) == ["first"]
    assert not Effect.objects.exists()
    assert run.run() is None
    assert Effect.objects.count() == 3


@pytest.mark.api("D7", "D12", "Automation(automation=)", "AutomationModel")
def test_loading_a_run_executes_nothing() -> None:
    run = Straight(autorun=False)
    for loaded in (
        Straight(automation=row(run)),
        Straight(automation_id=run.id),
        Straight(automation=run.get_key()),
        row(run).instance,
    ):
        assert loaded.id == run.id
    assert path(run) == ["first"]


@pytest.mark.api("Automation(automation=)")
def test_a_run_is_bound_only_to_its_own_class() -> None:
    run = Straight(autorun=False)
    with pytest.raises(WrongAutomation, match=r"belongs to .*Straight, not to .*Rescued"):
        Rescued(automation_id=run.id)
    with pytest.raises(TypeError, match="takes no further arguments, but was given name"):
        Straight(automation_id=run.id, name="Ada")
    with pytest.raises(AutomationModel.DoesNotExist):
        Straight(automation_id=0)


@pytest.mark.api("E13", "run")
def test_running_an_ended_run_is_an_error() -> None:
    with pytest.raises(AutomationFinished, match="is finished and cannot be run"):
        Straight().run()


@pytest.mark.api("D11", "run")
def test_run_returns_the_node_it_stopped_at(clock: time_machine.Traveller) -> None:
    run = Waiting()
    stopped = run.run()
    assert stopped is not None
    assert stopped.name == "condition"
    assert stopped.data is run.data


def test_run_saves_what_was_changed_before() -> None:
    run = Straight(autorun=False)
    run.data["count"] = 10
    run.run()
    assert run.data["count"] == 13


def test_data_may_be_set_as_a_whole() -> None:
    run = Straight(autorun=False)
    run.data |= {"a": 1}
    run.save()
    assert row(run).data == {"a": 1}
    run.data = {"b": run.data["a"]}
    run.run()
    assert row(run).data == {"b": 1, "count": 3}


@pytest.mark.api("get_key")
def test_keys_cannot_be_guessed_and_are_all_different() -> None:
    keys = {Straight(autorun=False).get_key() for _ in range(20)}
    assert len(keys) == 20
    assert all(len(key) == 32 for key in keys)


@pytest.mark.api("D11", "verbose_name")
def test_names_come_from_meta_and_are_inherited_one_by_one() -> None:
    assert Straight.get_verbose_name() == "Straight on"
    assert Named.get_verbose_name() == "Named"
    assert Named.get_verbose_name_plural() == "Straights on"
    assert Rescued.get_verbose_name() == "Automation Rescued"
    assert Rescued.get_verbose_name_plural() == "Automations Rescued"
    assert Straight.get_automation_name() == "tests.testapp.processes.Straight"
    assert Straight.get_automation_class_name() == Straight.get_automation_name()


def test_a_run_shows_what_it_is() -> None:
    run = Straight()
    assert str(run) == "Straight"
    assert repr(run) == f"<Straight {run.id} finished>"
    assert str(row(run)) == f"tests.testapp.processes.Straight {run.id} (finished)"
    run.kill()
    assert repr(run) == "<Straight killed>"


def test_an_abstract_automation_cannot_be_started() -> None:
    class Abstract(flow.Automation):
        class Meta:
            abstract = True

        start = flow.End()

    with pytest.raises(DefinitionError, match="is abstract"):
        Abstract()


def test_a_flawed_process_refuses_to_start_and_leaves_no_row() -> None:
    class Flawed(flow.Automation):
        start = flow.Execute()

    with pytest.raises(DefinitionError, match="E120"):
        Flawed()
    assert not AutomationModel.objects.exists()


@pytest.mark.api("kill")
def test_kill_deletes_the_run_with_its_history() -> None:
    run = Nested()
    run.kill()
    assert run.killed()
    assert run.finished()
    assert not AutomationModel.objects.exists()
    assert not AutomationTaskModel.objects.exists()
    with pytest.raises(AutomationFinished, match="has been killed"):
        run.data  # noqa: B018 - it is the asking that fails


def test_a_run_deleted_by_somebody_else_counts_as_finished() -> None:
    run = Straight(autorun=False)
    starting.kill(run.id)
    assert run.finished()
    starting.kill(run.id)
    run.data["more"] = 1
    with pytest.raises(AutomationFinished, match="its data is not saved"):
        run.save()


# Branches


@pytest.mark.api("A15", "Execute")
def test_an_error_in_one_run_does_not_reroute_the_next() -> None:
    assert path(Rescued(broke=True)) == ["charge", "call", "end"]
    assert path(Rescued(broke=False)) == ["charge", "ship", "end"]
    assert path(Rescued(broke=True)) == ["charge", "call", "end"]


@pytest.mark.api("D17", "A9", "Execute")
def test_what_a_failing_task_wrote_is_undone_error_handler_or_not() -> None:
    run = Rescued(broke=True)
    assert not Effect.objects.exists()
    assert run.data == {"broke": True}
    task = at(run, "charge")
    assert task.message == "ValueError('no money')"
    assert "charge_card" in task.traceback


@pytest.mark.api("A12", "Split", "Join")
def test_nested_splits_join_from_the_inside_out() -> None:
    run = Nested()
    assert run.finished()
    assert states(run)["inner_join"] == "completed"
    assert path(run).count("inner_join") == 2
    assert path(run).count("outer_join") == 2
    assert path(run).count("after_inner") == 1
    assert path(run)[-1] == "end"
    joined = AutomationTaskModel.objects.get(
        automation=run.id, status="outer_join", state="completed"
    )
    assert {task.status for task in joined.get_previous_tasks()} == {"outer_join"}
    assert len(list(joined.get_previous_tasks())) == 2


@pytest.mark.api("D8")
def test_a_terminating_end_closes_the_other_branches() -> None:
    run = Terminated()
    assert run.finished()
    assert states(run) == {"start": "completed", "ask": "cancelled", "stop": "completed"}
    assert at(run, "ask").requires_interaction is False


@pytest.mark.api("End")
def test_a_plain_end_refuses_to_leave_branches_behind() -> None:
    run = Together(autorun=False)
    steps.step(run.id)
    other = AutomationTaskModel.objects.filter(automation=run.id, status="ask")
    AutomationTaskModel.objects.filter(automation=run.id, status="stop").update(status="end")
    assert other.exists()
    run.run()
    assert row(run).state == "failed"
    assert "was reached while tasks are open at ask" in at(run, "end").message


def test_a_join_that_no_split_leads_to_is_an_incident() -> None:
    run = Nested(autorun=False)
    AutomationTaskModel.objects.filter(automation=run.id).update(status="outer_join")
    run.run()
    assert row(run).state == "failed"
    assert "No Split leads to the Join" in at(run, "outer_join").message


@pytest.mark.api("E8")
def test_a_loop_opens_a_new_task_in_each_pass() -> None:
    run = Loop(limit=4)
    assert path(run).count("start") == 4
    assert run.data["passes"] == 4


@pytest.mark.api("A13")
def test_a_run_may_be_at_several_nodes_at_once() -> None:
    run = TwoForms()
    assert row(run).state == "running"
    open_tasks = AutomationTaskModel.objects.open().filter(automation=run.id)
    assert sorted(task.status for task in open_tasks) == ["left", "right"]


@pytest.mark.api("E12", "Join")
def test_a_join_waits_for_the_skipped_and_the_late_branch_and_goes_on_once(
    clock: time_machine.Traveller,
) -> None:
    run = Trio()
    clock.shift(HOUR - datetime.timedelta(seconds=1))
    AutomationModel.run()
    assert states(run)["lazy"] == "skipped"
    assert states(run)["join"] == "merged"
    assert path(run).count("join") == 2
    clock.shift(1)
    for _ in range(3):
        AutomationModel.run()
    assert run.finished()
    assert path(run)[-3:] == ["join", "after", "end"]
    assert path(run).count("join") == 3
    assert Effect.objects.count() == 1


@pytest.mark.api("E8", "Join")
def test_a_join_behind_a_thousand_passes_costs_what_it_costs_behind_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bursts, "longest", lambda: math.inf)

    def cost(passes: int) -> int:
        run = Rounds(autorun=False)
        steps.step(run.id)
        fork, work = at(run, "start"), at(run, "work")
        history = [
            AutomationTaskModel(
                pk=1_000_000 + number,
                automation=row(run),
                status=("work", "again")[number % 2],
                state="completed",
                fork=fork,
                previous_id=1_000_000 + number - 1 if number else work.pk,
                finished=NOW,
            )
            for number in range(2 * passes)
        ]
        AutomationTaskModel.objects.bulk_create(history)
        if passes:  # the open task comes after the history, which begins where it began
            AutomationTaskModel.objects.filter(pk=work.pk).update(previous=history[-1])
            AutomationTaskModel.objects.filter(pk=history[0].pk).update(previous=fork)
        with CaptureQueriesContext(connection) as queries:
            run.run()
        assert run.finished()
        assert at(run, "end").state == "completed"
        return len(queries)

    assert cost(0) == cost(1000)


@pytest.mark.api("E6", "D2", "If")
@pytest.mark.parametrize("wanted", [True, False])
def test_an_if_goes_on_at_its_next_after_work_and_where_a_branch_is_missing(wanted: bool) -> None:
    assert path(ByNext(wanted=wanted)) == ["start", "check", "far", "end"]
    assert path(ByOrder(wanted=wanted)) == ["start", "check", "near", "end"]
    assert Effect.objects.filter(node="check").count() == 2 * wanted


@pytest.mark.api("If")
def test_a_node_that_could_be_called_is_a_place_to_go() -> None:
    assert path(Rung()) == ["start", "check", "ring", "end"]


# Budget


@pytest.mark.api("A28")
def test_a_request_runs_its_budget_and_the_scheduler_the_rest(settings: Any) -> None:
    settings.ATM_BUDGET_TASKS = 10
    run = Loop(limit=50)
    assert AutomationTaskModel.objects.filter(automation=run.id, state="completed").count() == 10
    assert row(run).due is not None
    assert row(run).claimed_by == ""
    AutomationModel.run()
    assert run.finished()


@pytest.mark.api("A28")
def test_a_request_ends_when_its_time_is_up(settings: Any) -> None:
    settings.ATM_BUDGET_SECONDS = 0
    run = Straight()
    assert path(run) == ["first"]
    assert not Effect.objects.exists()


def test_a_sweep_of_an_endless_loop_ends(settings: Any) -> None:
    settings.ATM_SWEEP_TASKS = 30
    endless, other = Loop(autorun=False), Straight(autorun=False)
    report = AutomationModel.run()
    assert report.done == 34
    assert other.finished()
    assert not endless.finished()


# Data


@pytest.mark.api("A20")
def test_forgetting_to_save_loses_nothing() -> None:
    assert AutomationModel.objects.get(pk=Straight().id).data == {"count": 3}


def test_saving_in_the_middle_of_a_step_is_harmless() -> None:
    run = Odd(what="saves")
    assert run.data == {"what": "saves", "before": 1, "after": 2}


@pytest.mark.api("save")
def test_saving_keeps_what_others_have_changed_in_other_keys() -> None:
    run = Single(mine=1, theirs=1, gone=1)
    mine, theirs = Single(automation_id=run.id), Single(automation_id=run.id)
    theirs.data["theirs"] = 2
    del theirs.data["gone"]
    theirs.save()
    mine.data["mine"] = 3
    mine.save()
    assert mine.data == row(run).data == {"mine": 3, "theirs": 2}
    version = row(run).version
    mine.save()
    assert row(run).version == version


@pytest.mark.api("A18", "Automation(**kwargs)")
def test_an_argument_that_is_no_json_is_refused_by_name() -> None:
    with pytest.raises(InvalidData, match=r"data\['thing'\]"):
        Straight(thing=object())
    with pytest.raises(InvalidData, match=r"data\['deep'\]\['a'\]\[0\] is a set"):
        Straight(deep={"a": [{1, 2}]})
    assert not AutomationModel.objects.exists()


@pytest.mark.api("A18", "save")
def test_saving_what_is_no_json_is_refused_by_name() -> None:
    run = Straight(autorun=False)
    run.data["sum"] = float("nan")
    with pytest.raises(InvalidData, match=r"data\['sum'\] is nan"):
        run.save()


@pytest.mark.api("A18", "Execute")
def test_a_result_that_is_no_json_is_not_dropped_silently() -> None:
    run = Odd(what="returns_object")
    assert run.finished()
    assert at(run, "start").result is None
    assert "not kept: The result is a object" in at(run, "start").message


@pytest.mark.api("D17", "A9")
def test_data_that_is_no_json_fails_the_task_and_undoes_it() -> None:
    run = Odd(what="keeps_object")
    assert row(run).state == "failed"
    assert row(run).data == {"what": "keeps_object"}
    assert not Effect.objects.exists()
    assert at(run, "start").message.startswith("InvalidData: data['thing'] is a object")


# Bound objects


@pytest.mark.api("A6", "A16", "Automation(**kwargs)")
def test_bound_objects_are_given_by_their_attributes() -> None:
    issues, ticket = IssueList.objects.create(title="March"), Ticket.objects.create()
    run = Bound(issue_list=issues, ticket=ticket)
    assert run.data == {"issue_list": issues.pk, "ticket": str(ticket.pk)}
    assert at(run, "start").result == ["March", str(ticket.pk)]
    assert run.issue_list == issues
    assert run.issue_list is run.issue_list
    assert Bound(automation_id=run.id).ticket == ticket


@pytest.mark.api("A16")
def test_two_runs_are_bound_to_different_objects() -> None:
    ticket = Ticket.objects.create()
    runs = [
        Bound(issue_list=IssueList.objects.create(title=title), ticket=ticket)
        for title in ("March", "April")
    ]
    assert [run.issue_list.title for run in runs] == ["March", "April"]


@pytest.mark.api("A16")
def test_a_bound_object_that_is_gone_is_named() -> None:
    issues = IssueList.objects.create(title="March")
    run = Bound(issue_list=issues, ticket=Ticket.objects.create(), autorun=False)
    issues.delete()
    with pytest.raises(BoundObjectMissing, match="is bound to IssueList"):
        run.issue_list  # noqa: B018 - it is the asking that fails
    run.run()
    assert at(run, "start").message.startswith("BoundObjectMissing")


@pytest.mark.api("Automation(**kwargs)")
def test_only_a_saved_object_of_the_right_model_can_be_bound() -> None:
    with pytest.raises(InvalidData, match="Save it first"):
        Bound(issue_list=IssueList(title="new"))
    with pytest.raises(InvalidData, match="binds IssueList, not Ticket"):
        Bound(issue_list=Ticket.objects.create())


@pytest.mark.api("Automation(**kwargs)")
def test_an_object_that_no_attribute_declares_is_given_all_the_same() -> None:
    issues = IssueList.objects.create(title="March")
    run = Straight(topic=issues)
    assert run.topic == issues
    assert run.data["topic"] == issues.pk
    with pytest.raises(AttributeError, match="no attribute 'other'"):
        run.other  # noqa: B018 - it is the asking that fails
    with pytest.raises(AttributeError, match="no attribute '_topic'"):
        run._topic  # noqa: B018 - asking is the test


def test_an_unbound_attribute_is_none() -> None:
    run = Bound(autorun=False)
    assert run.issue_list is None


@pytest.mark.api("Automation(**kwargs)", "A15")
def test_an_object_given_to_one_run_shows_on_no_other() -> None:
    run = Straight(topic=IssueList.objects.create(title="March"))
    for other in (Straight(), Straight(autorun=False)):
        with pytest.raises(AttributeError, match="no attribute 'topic'"):
            other.topic  # noqa: B018 - it is the asking that fails
    assert not hasattr(Straight, "topic")
    assert run.topic.title == "March"


@pytest.mark.api("A16", "A14")
def test_each_task_finds_the_object_of_its_run_as_it_is_then(
    clock: time_machine.Traveller,
) -> None:
    issues = IssueList.objects.create(title="March")
    run = Recalls(issue_list=issues)
    issues.title = "April"
    issues.save()
    assert Recalls(automation_id=run.id).issue_list.title == "April"
    clock.shift(HOUR)
    AutomationModel.run()
    assert (at(run, "now").result, at(run, "later").result) == ("March", "April")


# One at a time


@pytest.mark.api("D12", "unique")
def test_a_unique_automation_runs_once_at_a_time() -> None:
    run = Single()
    assert Single().id == run.id
    run.data["free"] = True
    run.run()
    assert run.finished()
    assert Single().id != run.id


@pytest.mark.api("D12", "unique")
def test_a_unique_automation_counts_within_its_own_class_and_arguments() -> None:
    single = Single()
    ada = OnePerAddress(email="ada@example.org")
    assert len({single.id, ada.id, OnePerAddress(email="bob@example.org").id}) == 3
    assert OnePerAddress(email="ada@example.org", more=1).id == ada.id
    with pytest.raises(TypeError, match="so it needs email to start"):
        OnePerAddress()


@pytest.mark.api("unique")
def test_a_start_says_whether_the_run_is_new() -> None:
    run = Single()
    assert run.is_new
    assert not Single().is_new
    assert run.is_new
    assert not Single(automation_id=run.id).is_new
    assert not row(run).instance.is_new
    run.data["free"] = True
    run.run()
    assert Single(autorun=False).is_new
    assert Straight().is_new
    assert Straight().is_new


@pytest.mark.api("D5", "unique")
def test_a_unique_run_that_has_failed_is_still_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(self: Any, task: Any) -> bool:
        raise ZeroDivisionError

    monkeypatch.setattr(Single, "free", broken)
    run = Single()
    assert row(run).state == "failed"
    assert Single().id == run.id
    assert AutomationModel.objects.count() == 1


# Forms


@pytest.fixture
def ada() -> User:
    """The user that is asked."""
    return User.objects.create(username="ada")


def answer(run: Any, node: str, user: User, **entries: Any) -> inline.Progress:
    """Send the form of the task at ``node``."""
    form = ApprovalForm(entries)
    assert form.is_valid(), form.errors
    return inline.submit(run.id, at(run, node).pk, form, user)


@pytest.mark.api("D4", "A8", "A19")
def test_a_form_waits_for_its_person_and_keeps_the_answer(ada: User) -> None:
    run = Offer(asked="ada")
    task = at(run, "ask")
    assert (task.state, task.interaction_user, task.interaction_user_name) == (
        "waiting",
        ada,
        "ada",
    )
    answer(run, "ask", ada, approved=True, reason="good")
    data = row(run).data
    assert data["ask"] == {"approved": True, "reason": "good"}
    assert data["_ask_validated"]["user_id"] == ada.pk
    assert run.finished()
    assert at(run, "ask").automationauditmodel_set.get().user == ada


@pytest.mark.api("SkipIf")
def test_a_form_is_skipped_when_its_deadline_comes(
    ada: User, clock: time_machine.Traveller
) -> None:
    run = Offer(asked="ada")
    clock.move_to(NOW + 24 * HOUR - datetime.timedelta(seconds=1))
    AutomationModel.run()
    assert at(run, "ask").state == "waiting"
    clock.move_to(NOW + 24 * HOUR)
    AutomationModel.run()
    assert at(run, "ask").state == "skipped"
    assert at(run, "ask").message == "skipped"
    assert run.finished()


@pytest.mark.api("SkipIf")
def test_a_form_is_skipped_as_soon_as_it_is_not_needed(
    ada: User, clock: time_machine.Traveller
) -> None:
    run = Offer(asked="ada")
    run.data["unneeded"] = True
    run.save()
    AutomationModel.run()
    assert at(run, "ask").state == "skipped"


@pytest.mark.api("D6", "N5")
def test_who_is_asked_may_be_worked_out_when_the_task_opens(ada: User) -> None:
    staff = Group.objects.create(name="staff")
    run = Assigned()
    run.data["who"] = "somebody else"
    run.save()
    AutomationModel.run()
    task = at(run, "ask")
    assert (task.interaction_user, task.interaction_group) == (ada, staff)
    assert task.interaction_permissions == ["testapp.view_effect"]


@pytest.mark.api("E9")
def test_a_form_for_a_group_that_is_missing_says_so_and_can_be_retried() -> None:
    run = ForGroup()
    assert row(run).state == "failed"
    assert "assigned to the group with name='Moderators', which does not exist" in (
        at(run, "ask").message
    )
    Group.objects.create(name="Moderators")
    at(run, "ask").retry()
    assert at(run, "ask").state == "waiting"
    assert at(run, "ask").interaction_group_name == "Moderators"


@pytest.mark.api("Split", "AutomationTaskModel")
def test_a_form_right_after_a_split_waits_for_its_person(ada: User) -> None:
    run = Terminated(autorun=False)
    steps.step(run.id)
    steps.step(run.id)
    assert at(run, "ask").state == "waiting"
    assert not at(run, "ask").may_be_done_by(ada)
    ada.user_permissions.add(Permission.objects.get(codename="view_effect"))
    assert at(run, "ask").may_be_done_by(User.objects.get(pk=ada.pk))


# Odd tasks


def test_a_task_that_runs_its_own_run_does_not_go_round() -> None:
    assert Odd(what="runs_itself").finished()


def test_a_task_may_kill_its_own_run() -> None:
    run = Odd(what="kills_itself", autorun=False)
    AutomationModel.run()
    assert not AutomationModel.objects.filter(pk=run.id).exists()


@pytest.mark.parametrize("what", ["rolls_back", "keeps_object", "recurses"])
def test_what_undoes_a_task_makes_it_an_incident(what: str) -> None:
    run = Odd(what=what)
    assert row(run).state == "failed"
    assert at(run, "start").state == "failed"


def test_a_run_started_in_a_task_is_undone_with_it() -> None:
    run = Odd(what="starts_another", fail=True)
    assert row(run).state == "failed"
    assert AutomationModel.objects.count() == 1
    fine = Odd(what="starts_another")
    assert AutomationModel.objects.get(pk=at(fine, "start").result).state == "finished"


def test_a_step_speaks_the_language_of_the_project() -> None:
    with translation.override("de"):
        assert at(Odd(what="speaks"), "start").result == "Yes"


@pytest.mark.parametrize("answer", ["nonsense", "nowhere", "raise"])
def test_a_node_that_answers_nonsense_is_an_incident(answer: str) -> None:
    run = Lost(answer=answer)
    assert row(run).state == "failed"
    message, report = at(run, "start").message, at(run, "start").traceback
    if answer == "nonsense":
        assert "answered 'nonsense', which is no outcome" in message
    elif answer == "nowhere":
        assert "has no node 'nowhere'" in message
    else:
        assert message == "KeyError: 'second'"
        assert "ValueError: first" in report


def test_an_error_that_no_database_can_keep_is_kept_all_the_same() -> None:
    run = Odd(what="nasty_error")
    task = at(run, "start")
    assert task.message.startswith("ValueError: nul \ufffd and surrogate")
    assert len(task.message) <= 255
    assert len(task.traceback.encode()) <= 16 * 1024
    assert "[... cut ...]" in task.traceback


def test_an_error_without_a_message_is_kept_all_the_same() -> None:
    run = Odd(what="unprintable_error")
    assert "(its message raised RuntimeError)" in at(run, "start").message


def test_everything_inside_a_transaction_is_undone_with_it() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        assert Straight().finished()
        raise RuntimeError
    assert not AutomationModel.objects.exists()
    assert not Effect.objects.exists()


# Names


@pytest.mark.api("D1", "E2")
def test_work_is_the_method_also_where_the_node_hides_it() -> None:
    run = Mixed()
    assert at(run, "evaluate").result == "called"
    with pytest.raises(AttributeError, match="has the node 'end' but no such method"):
        attribute(run, "end")


def test_an_if_may_fail_and_be_rescued() -> None:
    run = Kinds()
    assert path(run) == ["check", "rescue", "end"]
    assert at(run, "rescue").result == [[1], {"flag": 2}]


def test_a_run_may_begin_elsewhere() -> None:
    row, is_new = starting.start(Straight._meta, {}, at="third")
    assert is_new
    assert path(row) == ["third"]


def test_a_node_that_leads_nowhere_is_an_incident() -> None:
    run = Lost(answer="skip", autorun=False)
    AutomationTaskModel.objects.filter(automation=run.id).update(status="last")
    run.run()
    assert Lost(answer="skip").finished()
    assert "leads nowhere. Add .Next(), or a node after it" in at(run, "last").message


@pytest.mark.api("D11", "Node")
def test_a_task_knows_its_node() -> None:
    run = Straight(autorun=False)
    task = at(run, "first")
    node = task.get_node()
    assert (node.name, node.node_name) == ("first", "Execute")
    assert node.get_automation_name() == "tests.testapp.processes.Straight"
    assert node.data is task.data
    assert Straight.first is Straight._meta.nodes["first"]
    with pytest.raises(DefinitionError, match="belongs to the process"):
        Straight.first.data  # noqa: B018 - it is the asking that fails
    with pytest.raises(NodeNotFound):
        AutomationTaskModel(automation=row(run), status="nowhere").get_node()


def test_a_result_that_is_a_list_is_no_join() -> None:
    run = Odd(what="returns_list")
    assert at(run, "start").result == [1, 2]
    assert at(run, "start").get_previous_tasks() == []


def test_nodes_without_a_way_out_say_so() -> None:
    assert flow.Split().default_target is None
    assert flow.End().default_target is None


def test_a_task_cannot_leave_a_state_it_is_not_in() -> None:
    run = Straight()
    task = at(run, "first")
    with pytest.raises(TransitionNotAllowed, match=r"\(first\) is completed and cannot become re"):
        change_state(task, TaskState.READY, NOW)
    task.state = "ready"
    with pytest.raises(TransitionNotAllowed, match="is ready and cannot become skipped"):
        change_state(task, TaskState.SKIPPED, NOW)


def test_a_run_that_was_ended_behind_the_engines_back_stays_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(TransitionNotAllowed, match="has ended and cannot be changed"):
        Tampered()


def test_a_unique_run_that_ends_while_it_is_looked_for_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    insert, conflicts = starting._insert, [IntegrityError("unique")]

    def once(*args: Any) -> Any:
        if conflicts:
            raise conflicts.pop()
        return insert(*args)

    monkeypatch.setattr(starting, "_insert", once)
    assert row(Single()).state == "running"


def test_starting_a_unique_run_gives_up_when_others_are_always_faster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def conflict(*args: Any) -> None:
        raise IntegrityError("unique")

    monkeypatch.setattr(starting, "_insert", conflict)
    with pytest.raises(IntegrityError):
        Single()
    with pytest.raises(IntegrityError):
        Straight()


# What a form leaves


@pytest.mark.api("D4")
def test_what_was_entered_is_kept_as_plain_values(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    first, second = IssueList.objects.create(title="a"), IssueList.objects.create(title="b")
    assert plain(first) == first.pk
    assert plain(IssueList.objects.order_by("pk")) == [first.pk, second.pk]
    assert plain([first, {"x": 1}]) == [first.pk, {"x": 1}]
    assert plain("text") == "text"
    name = plain(SimpleUploadedFile("minutes.txt", b"It was a long day."))
    assert (tmp_path / name).read_bytes() == b"It was a long day."
