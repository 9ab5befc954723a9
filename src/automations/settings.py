"""The settings of the package: names, meanings, types and defaults, in one place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.conf import settings as project
from django.utils.module_loading import import_string


@dataclass(frozen=True)
class Setting:
    """One setting: its default, the types it may have, the least and most a number may be."""

    default: Any
    types: tuple[type, ...]
    least: float | None = None
    meaning: str = ""
    most: float | None = None


SETTINGS: dict[str, Setting] = {
    "ATM_CLOCK": Setting(
        "django.utils.timezone.now",
        (str, object),
        meaning="Process time: a callable that returns an aware datetime, or its dotted path.",
    ),
    "ATM_POLL": Setting(
        0, (int, float), 0, "Seconds after which a condition is looked at again; 0: every sweep."
    ),
    "ATM_BUDGET_TASKS": Setting(100, (int,), 1, "Tasks that one request runs at the most."),
    "ATM_BUDGET_SECONDS": Setting(
        1.0, (int, float), 0, "Seconds after which a request starts no further task."
    ),
    "ATM_SWEEP_TASKS": Setting(1000, (int,), 1, "Tasks of one run that a sweep runs at the most."),
    "ATM_BLOCK": Setting(
        20,
        (int,),
        1,
        "Runs that a sweep claims at a time, and takes of one class before it is another's turn.",
    ),
    "ATM_COMMIT_EVERY": Setting(
        20,
        (int,),
        1,
        "Tasks of a run (in a sweep of several quick ones) that share a transaction at the most.",
    ),
    "ATM_CLAIM": Setting(60, (int, float), 1, "Seconds after which a claim expires."),
    "ATM_ATTEMPTS": Setting(
        3, (int,), 2, "Attempts after which a task that kills its worker becomes an incident."
    ),
    "ATM_DISPATCHER": Setting(
        "inline",
        (str,),
        meaning="Where runs are worked on: inline, thread, django_tasks, celery, or the dotted "
        "path of a class.",
    ),
    "ATM_QUEUE": Setting("", (str,), meaning="The queue of Celery or Django Tasks that is used."),
    "ATM_TASKS_BACKEND": Setting("default", (str,), meaning="The alias in TASKS that is used."),
    "ATM_THREADS": Setting(
        4, (int,), 1, "Works that one process does outside of transactions at the same time."
    ),
    "ATM_LOCK_TIMEOUT": Setting(
        5, (int, float), 0.001, "Seconds that a person's request waits for a run that is busy."
    ),
    "ATM_NOTIFY": Setting(
        False,  # noqa: FBT003 - a default
        (bool,),
        meaning="Whether sleeping schedulers are woken with PostgreSQL's NOTIFY.",
    ),
    "ATM_HEALTH_TOKEN": Setting(
        None, (str,), meaning="What a monitor says to see the health view; None: there is none."
    ),
    "ATM_GROUP_MODEL": Setting("auth.Group", (str,), meaning="The model that groups users."),
    "ATM_USER_WITH_PERMISSIONS_FORM_METHOD": Setting(
        None,
        (str, object),
        meaning="Replaces Form.get_users_with_permission: a callable that gets the node, or its "
        "dotted path. Goes with the next setting and ATM_GROUP_MODEL.",
    ),
    "ATM_USER_WITH_PERMISSIONS_MODEL_METHOD": Setting(
        None,
        (str, object),
        meaning="Replaces AutomationTaskModel.get_users_with_permission: a callable that gets "
        "the task (and include_superusers, backend), or its dotted path. Decides who may act.",
    ),
    "ATM_SCRUBBER": Setting(
        None,
        (str, object),
        meaning="Hides secrets in what is kept of errors: a callable that gets the text and "
        "returns it, or its dotted path. By default Django's own rules.",
    ),
    "ATM_RATE_LIMIT": Setting(
        None,
        (str, object),
        meaning="Says whether a message from a link is one too many: a callable that gets the "
        "request and the name of the message, or its dotted path.",
    ),
    "ATM_EMAIL": Setting(
        "",
        (str,),
        meaning="How people are told of their tasks by e-mail if they have not chosen: each, daily "
        "or never; empty: nobody is, and nobody can choose.",
    ),
    "ATM_SITE": Setting(
        "", (str,), meaning="The address of the site that e-mails lead to: https://example.org."
    ),
    "ATM_DIGEST_HOUR": Setting(
        7, (int,), 0, "The hour of the day, in TIME_ZONE, from which on digests are sent.", 23
    ),
    "ATM_REFRESH": Setting(
        20,
        (int, float),
        0,
        "Seconds after which an open page looks again at the inbox, a run or a status; 0: never.",
    ),
    "ATM_FORM_VIEW_CONTEXT": Setting({}, (dict,), meaning="Context for every form page."),
}


#: Settings that are a callable, or the dotted path of one.
CALLABLES = frozenset(
    {
        "ATM_CLOCK",
        "ATM_RATE_LIMIT",
        "ATM_SCRUBBER",
        "ATM_USER_WITH_PERMISSIONS_FORM_METHOD",
        "ATM_USER_WITH_PERMISSIONS_MODEL_METHOD",
    }
)

#: Who is asked is decided by all three of them, or by none.
SWAPPED_TOGETHER = (
    "ATM_GROUP_MODEL",
    "ATM_USER_WITH_PERMISSIONS_FORM_METHOD",
    "ATM_USER_WITH_PERMISSIONS_MODEL_METHOD",
)


def get(name: str) -> Any:
    """Return the project's value of the setting ``name``, or the default."""
    return getattr(project, name, SETTINGS[name].default)


def now() -> datetime:
    """
    Return process time: what ``ATM_CLOCK`` says, as an aware datetime in UTC.

    Ask this, and not the clock on the wall, where a process compares or notes a time: so it goes
    by the same clock as its timers, also in tests and where process time runs fast.
    """
    clock = get("ATM_CLOCK")
    if isinstance(clock, str):
        clock = import_string(clock)
    # In UTC, so that adding a time span to it means elapsed time whatever zone it came in.
    return cast("Callable[[], datetime]", clock)().astimezone(UTC)


def replaced(name: str) -> Callable[..., Any] | None:
    """Return the callable that the setting ``name`` puts in the place of a method; else None."""
    value = get(name)
    return cast("Callable[..., Any]", import_string(value) if isinstance(value, str) else value)


def seconds(name: str) -> timedelta:
    """Return the setting ``name``, a number of seconds, as a timedelta."""
    return timedelta(seconds=get(name))


def wrong() -> Iterator[tuple[str, str]]:
    """Yield the name of each setting with a value that cannot work, and what it should be."""
    for name, setting in SETTINGS.items():
        value = get(name)
        if name in CALLABLES:
            if not (callable(value) or isinstance(value, str) or value is setting.default):
                yield name, "a callable or its dotted path"
        elif value is None and setting.default is None:
            continue
        elif not isinstance(value, setting.types) or (
            isinstance(value, bool) and bool not in setting.types
        ):
            yield name, " or ".join(kind.__name__ for kind in setting.types)
        elif setting.least is not None and cast("float", value) < setting.least:
            yield name, f"at least {setting.least}"
        elif setting.most is not None and cast("float", value) > setting.most:
            yield name, f"at most {setting.most}"
