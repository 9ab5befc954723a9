"""Random stories of a process: `explore`."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from automations import settings
from automations.definition import known
from automations.definition.receivers import received, receiver_of
from automations.dispatch.schedules import LONGEST_RULE
from automations.engine.locking import alias
from automations.models import AutomationScheduleModel
from automations.testing.clocks import Movable, clock
from automations.testing.deeds import ENDLESS
from automations.testing.retelling import StoryFailed, code_of, lines_of, said
from automations.testing.stories import Law, Plan

if TYPE_CHECKING:
    from automations.testing.searching import Search

#: So often a form must have been sent before one says that it was never valid.
OFTEN = 8
NEVER = datetime(9000, 1, 1, tzinfo=UTC)
DAILY = timedelta(days=1)


@dataclass(frozen=True)
class Explored:
    """
    What was played: how many ``stories``, and in them how many ``acts``.

    ``nodes`` are the names of those that were done in some story, ``missed`` of those that were
    done in none.
    """

    stories: int
    acts: int
    nodes: frozenset[str]
    missed: tuple[str, ...]


class FormNeverValid(AssertionError):
    """A form was sent again and again and never valid: what is behind it was not explored."""


def explore(
    automation: Any,
    *,
    start: Any = None,
    people: Iterable[Any] | Callable[[], Iterable[Any]] | None = None,
    forms: Mapping[str, Any] | None = None,
    messages: Mapping[str, Any] | None = None,
    invariant: Law | Iterable[Law] = (),
    at_end: Law | Iterable[Law] = (),
    within: timedelta | None = None,
    setup: Callable[[], object] | None = None,
    at: Any = None,
    every: timedelta | None = DAILY,
    beside: Movable | None = None,
    crashes: bool = True,
    incidents: type[BaseException] | Iterable[type[BaseException]] = (),
    stories: int = 100,
    acts: int = 25,
    seconds: float = 25,
    seed: int | None = None,
) -> Explored:
    """
    Play random stories of a process, and raise `StoryFailed` with the shortest that fails.

    A story starts a run. Then people fill in its forms, well, badly, twice at once or without the
    right to; messages come; time passes; workers die at their work, and others take it up. What
    is due is run after each act. A story fails by an error in the process, if the run waits for
    nothing and nobody and so can never end, if tasks are lost or doubled, and by what you say:

    - ``invariant``, a callable or several, get the run after each act, ``at_end`` once it has
      finished. They raise an error, or return False, if something is not as it should be.
    - ``within`` is a timedelta in which the run has to end whatever people do, also if they do
      nothing.
    - ``incidents`` are the classes of errors that may happen in a task; somebody retries it then.

    What is random may be said by values and by strategies of Hypothesis:

    - ``start`` are the arguments of the automation, by name, or a strategy of such dictionaries;
      or a callable that starts a run and returns it.
    - ``people`` are the users; without it all active ones in the database.
    - ``forms`` are the entries of forms, by node and field, or a strategy of all entries of a node.
      What is not said is drawn from the fields of the form.
    - ``messages`` are those that the run gets, with their data; without it all that the process
      receives, with what `require_data_parameters` asks for. None stands for that.
    - ``at`` is the moment at which stories begin; without it one of several at which clocks are
      difficult.

    Each story is played in a transaction that is undone, in a ``TestCase`` and in a
    ``TransactionTestCase`` alike; what happens on commit does not happen. E-mails are those of
    the story. What is kept elsewhere, ``setup`` has to bring back: it is called before each story.
    ``every`` and ``beside`` are those of `clock`. Other automations are not started on schedule
    meanwhile. ``crashes=False`` leaves out dying workers, doubled requests and sweeps.

    It plays up to ``stories`` of up to ``acts`` each, and takes about ``seconds`` at the most.
    ``seed`` plays the stories of an earlier call again. It needs Hypothesis: ImportError if that
    is not installed. Raise `FormNeverValid` if a form was sent again and again in vain.
    """
    try:
        from automations.testing import drawing, entries, searching
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "hypothesis":
            raise
        raise ImportError(
            'explore() needs Hypothesis: pip install "django-automations[explore]"', name=error.name
        ) from error
    plan = Plan(
        automation,
        start=start,
        people=people,
        forms=forms or {},
        messages=messages_of(automation, messages, entries.of_kind),
        invariants=several(invariant),
        at_end=several(at_end),
        within=within,
        setup=setup,
        at=drawing.begin_at(at),
        every=every,
        beside=beside,
        crashes=crashes,
        incidents=(incidents,) if isinstance(incidents, type) else tuple(incidents),
        stories=stories,
        acts=acts,
        seconds=seconds,
        seed=secrets.randbelow(2**32) if seed is None else seed,
    )
    refuse_unknown(plan)
    with (
        undone(),
        quiet(),
        clock(every=every, beside=beside, limit=ENDLESS, incidents=True) as time,
    ):
        put_off_schedules()
        search = searching.Search(plan, time)
        search.run()
    if search.found is not None:
        raise failed(search) from search.found.error
    refuse_never_valid(search)
    nodes = frozenset(search.told.nodes)
    missed = tuple(name for name in plan.definition.nodes if name not in nodes)
    return Explored(search.told.stories, search.told.acts, nodes, missed)


def several(given: Any) -> tuple[Law, ...]:
    """Return one law, or several, as a tuple."""
    return (given,) if callable(given) else tuple(given)


def messages_of(
    automation: Any, given: Mapping[str, Any] | None, of_kind: Callable[[Any], Any]
) -> dict[str, Any]:
    """Return the messages that a run gets, each with its data: values and strategies."""
    found = dict.fromkeys(received(automation)) if given is None else dict(given)
    for name, data in found.items():
        needed = getattr(receiver_of(automation, name), "data_requirements", {})
        if data is None and needed:
            found[name] = {parameter: of_kind(kind) for parameter, kind in needed.items()}
    return found


def refuse_unknown(plan: Plan) -> None:
    """Raise an error where forms or messages are named that the process does not have."""
    for name in plan.forms:
        if not plan.definition.node(name).asks:
            raise ValueError(f"forms= names {name!r} of {plan.definition.label}, which is no form.")
    for name in plan.messages:
        if name not in received(plan.automation):
            raise ValueError(
                f"messages= names {name!r}, which {plan.definition.label} does not receive."
            )


def refuse_never_valid(search: Search) -> None:
    """Raise `FormNeverValid` if somebody has sent a form often enough, always in vain."""
    told = search.told
    if node := told.never_valid(OFTEN):
        raise FormNeverValid(
            f"{node!r} was filled in {told.sent[node]} times, and its form was never valid. Say "
            f"what to enter: explore(..., forms={{{node!r}: {{...}}}}). The last time:\n"
            f"{told.refused.get(node, '')}"
        )


@contextmanager
def undone() -> Iterator[None]:
    """Be a transaction that is undone at its end."""
    with transaction.atomic(using=alias()):
        yield
        transaction.set_rollback(True, using=alias())


@contextmanager
def quiet() -> Iterator[None]:
    """Let nothing be logged of what fails in stories: there are many, and one is told."""
    logger = logging.getLogger("automations")

    def nothing(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


def put_off_schedules() -> None:
    """Let no automation be started on schedule for a long time."""
    rows = AutomationScheduleModel.objects.using(alias())
    for definition in known.scheduled():
        rule = str(definition.options.schedule)[:LONGEST_RULE]
        rows.update_or_create(
            automation_class=definition.label,
            defaults={"rule": rule, "due": NEVER},
            create_defaults={"rule": rule, "due": NEVER, "created": settings.now()},
        )


def failed(search: Search) -> StoryFailed:
    """Return the error that tells the shortest story that was found."""
    found, plan = search.found, search.plan
    if found is None:
        raise LookupError("No story has failed.")
    lines = lines_of(found.acts, found.began)
    code = code_of(found.acts, found.began, found.error)
    name = plan.automation.__name__
    flaky = (
        "\n\nPlayed again, the same story did not always fail: something that it depends on is "
        "random, or is not brought back by setup=."
        if search.is_flaky
        else ""
    )
    indented = "\n".join(f"    {line}" for line in code.split("\n"))
    text = (
        f"{name} fails in this story:\n\n"
        + "\n".join(f"  {line}" for line in lines)
        + f"\n\n{said(found.error)}\n\n{found.stands}\n\n"
        f"As a test:\n\n{indented}{flaky}\n\n"
        f"{search.told.stories} stories were played; seed={plan.seed} plays them again."
    )
    return StoryFailed(text, lines, code, plan.seed)
