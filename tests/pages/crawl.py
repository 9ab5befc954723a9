"""
What the crawl knows: who there is, every page, and who may do what there.

The table is worked out from docs/reference/pages.md, never from what a page happens to answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client

from tests.pages.conftest import ENTITLED

VERBS = ["get", "head", "options", "post", "put", "patch", "delete", "trace"]
FORM = "application/x-www-form-urlencoded"
TOKEN = "the token of the monitor"  # noqa: S105 - of the tests

VIEW = ["view_automationmodel", "view_automationtaskmodel"]
CHANGE = ["change_automationmodel", "change_automationtaskmodel"]
RECORD = ["view_automationauditmodel"]
#: Beside the eleven: what they may do with rows of the package, and whether they are staff.
OFFICIALS: dict[str, tuple[list[str], bool]] = {
    "watcher": (VIEW, False),
    "half": (CHANGE[:1], False),
    "operator": (CHANGE, False),
    "clerk": ([*VIEW, *RECORD], True),
    "manager": ([*VIEW, *RECORD, *CHANGE], True),
    "chief": ([], True),
}
NAMES = [*ENTITLED, *OFFICIALS]

OUT = "anonymous inactive"  # who is not logged in
TOP = "root chief"  # superusers
VIEWERS = f"{TOP} watcher clerk manager"
OPERATORS = f"{TOP} operator manager"
#: Who may know that a run is there: they are told "not for you", others "not there".
KNOW_OF_RUNS = "viewer watcher half operator clerk manager"
HOLDERS = f"{TOP} holder all"
STAFF = "staff clerk manager chief"

#: What a page answers to each verb. Where a number stands instead it is that, whatever the verb.
ANSWERS: dict[str, dict[str, int | None]] = {
    # looked at, and nothing else
    "look": {"get": 200, "head": 200, "options": 200},
    # looked at by programs that read
    "read": {"get": 200, "head": 200},
    # looked at, and sent: what that changes stands in CHANGES
    "form": {"get": 200, "head": 200, "options": 200, "post": None},
    # only sent
    "act": {"options": 200, "post": None},
    # pages of Django's admin: all but POST is looking there, and the pages have no form that saves
    "admin": {verb: 403 if verb == "post" else 200 for verb in VERBS},
    # its lists take POST for an action; without one it shows the list, or says that one is missing
    "list": dict.fromkeys(VERBS, 200),
    "actions": dict.fromkeys(VERBS, 200) | {"post": None},
    "login": dict.fromkeys(VERBS, 302),
}

#: Who gets what. "*" are all who are not named.
WHO: dict[str, dict[str, str]] = {
    "health": {"401": "*"},
    "health, token": {"read": "*"},
    "task_list": {"login": OUT, "look": "*"},
    "task_list, part": {"login": OUT, "look": "*"},
    "task_act": {"login": OUT, "act": "*"},
    "task, user": {"login": OUT, "form": f"asked {TOP}", "403": KNOW_OF_RUNS, "404": "*"},
    "task, group": {"login": OUT, "form": f"member all {TOP}", "403": KNOW_OF_RUNS, "404": "*"},
    "task, right": {"login": OUT, "form": HOLDERS, "403": KNOW_OF_RUNS, "404": "*"},
    "task, all": {"login": OUT, "form": f"all {TOP}", "403": KNOW_OF_RUNS, "404": "*"},
    "task, gone": {"login": OUT, "404": "*"},
    "task_hold, user": {"login": OUT, "act": f"asked {TOP}", "403": KNOW_OF_RUNS, "404": "*"},
    "task_hold, all": {"login": OUT, "act": f"all {TOP}", "403": KNOW_OF_RUNS, "404": "*"},
    "task_hold, gone": {"login": OUT, "404": "*"},
    "start_list": {"login": OUT, "look": "*"},
    "start, anybody": {"login": OUT, "form": "*"},
    "start, right": {"login": OUT, "form": HOLDERS, "404": "*"},
    "start, not by hand": {"login": OUT, "404": "*"},
    "message": {"form": "*"},
    "status": {"look": "stranger", "404": "*"},
    "notifications": {"login": OUT, "form": "*"},
    "unsubscribe": {"form": "*"},
    "error_report": {"login": OUT, "look": OPERATORS, "403": "*"},
    "error_report, group": {"login": OUT, "look": OPERATORS, "403": "*"},
    "incidents_act": {"login": OUT, "act": OPERATORS, "403": "*"},
    "dashboard": {"login": OUT, "look": VIEWERS, "403": "*"},
    "process": {"login": OUT, "look": VIEWERS, "403": "*"},
    "process, file": {"login": OUT, "look": VIEWERS, "403": "*"},
    "picture": {"login": OUT, "look": OPERATORS, "403": "*"},
    "picture, part": {"login": OUT, "look": OPERATORS, "403": "*"},
    "picture, file": {"login": OUT, "look": OPERATORS, "403": "*"},
    "history": {"login": OUT, "look": OPERATORS, "403": "*"},
    "history, part": {"login": OUT, "look": OPERATORS, "403": "*"},
    "act": {"login": OUT, "act": OPERATORS, "403": "*"},
    "traceback": {"login": OUT, "look": OPERATORS, "403": "*"},
    # In the admin everybody but the staff is sent to its login page.
    "admin, index": {"list": "clerk manager chief", "404": "staff", "login": "*"},
    "admin, runs changelist": {
        "actions": "manager chief", "list": "clerk", "403": "staff", "login": "*",
    },
    "admin, tasks changelist": {"list": "clerk manager chief", "403": "staff", "login": "*"},
    "admin, audit changelist": {"list": "clerk manager chief", "403": "staff", "login": "*"},
} | {
    f"admin, {rows} {page}": who
    for rows in ("runs", "tasks", "audit")
    for page, who in {
        "add": {"403": STAFF, "login": "*"},
        "change": {"admin": "clerk manager chief", "403": "staff", "login": "*"},
        "delete": {"403": STAFF, "login": "*"},
        # Django shows it after a POST as well.
        "history": {"list": "clerk manager chief", "403": "staff", "login": "*"},
    }.items()
}  # fmt: skip

RUNS, TASKS, AUDIT, NOTICES, PREFERENCES = (
    f"automations_automation{name}model" for name in ("", "task", "audit", "notice", "preference")
)
#: Which tables are changed when it is sent by whoever may send it.
CHANGES: dict[str, set[str]] = {
    "task_act": {TASKS, AUDIT},
    "task, user": {RUNS, TASKS, AUDIT},
    "task, group": {RUNS, TASKS, AUDIT},
    "task, right": {RUNS, TASKS, AUDIT},
    "task, all": {RUNS, TASKS, AUDIT},
    "task_hold, user": {TASKS, AUDIT},
    "task_hold, all": {TASKS, AUDIT},
    "start, anybody": {
        RUNS,
        TASKS,
        AUDIT,
        "testapp_issuelist",
        "automations_automationobjectmodel",
    },
    "start, right": {RUNS, TASKS, AUDIT, NOTICES},
    "notifications": {PREFERENCES},
    "unsubscribe": {PREFERENCES},
    "message": {RUNS, TASKS, "testapp_effect"},  # which this run itself leaves
    "incidents_act": {RUNS, TASKS, AUDIT},
    "act": {RUNS, TASKS, AUDIT},
    "admin, runs changelist": {RUNS, TASKS, AUDIT},
}


@dataclass(frozen=True)
class Page:
    """A page: the name of its pattern, its address, what is sent there, and to which run."""

    pattern: str
    address: str
    sent: dict[str, Any] = field(default_factory=dict)
    run: int | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def ask(self, client: Client, verb: str) -> int:
        """Return the status of the answer; what would change something is sent with every verb."""
        more: dict[str, Any] = {}
        if verb == "post":
            more = {"data": self.sent}
        elif verb in ("put", "patch", "delete", "options"):
            more = {"data": urlencode(self.sent, doseq=True), "content_type": FORM}
        answer = getattr(client, verb)(self.address, headers=self.headers, **more)
        return int(answer.status_code)


def answer_of(page: str, name: str) -> str:
    """Return what the table says that the person of that name gets."""
    for answer, names in WHO[page].items():
        if name in names.split():
            return answer
    return next(answer for answer, names in WHO[page].items() if names == "*")


def expected(page: str, name: str, verb: str) -> int | None:
    """Return the status that the answer has to have; None if it is sent by who may send it."""
    answer = answer_of(page, name)
    return int(answer) if answer.isdigit() else ANSWERS[answer].get(verb, 405)


def officials() -> dict[str, User]:
    """Return those who may see or change runs, and staff, beside the eleven."""
    found = {}
    for name, (rights, staff) in OFFICIALS.items():
        user = User.objects.create(username=name, is_staff=staff, is_superuser=name == "chief")
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
        found[name] = user
    return found


Rows = dict[str, set[tuple[Any, ...]]]


def everything() -> Rows:
    """Return all rows of all tables of the database but those of the sessions."""
    found = {}
    with connection.cursor() as cursor:
        for table in sorted(connection.introspection.table_names(cursor)):
            if table != "django_session":
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - no input
                found[table] = set(cursor.fetchall())
    return found


def changed(before: Rows, after: Rows) -> set[str]:
    """Return the tables that are not what they were."""
    return {table for table in after if before[table] != after[table]}


def runs_in(model: Any, before: Rows, after: Rows) -> Iterator[int]:
    """Yield the run of each row of the model that was changed or added."""
    fields = [column.name for column in columns(model)]
    at = fields.index("id" if model._meta.model_name == "automationmodel" else "automation_id")
    for row in before[model._meta.db_table] ^ after[model._meta.db_table]:
        yield row[at]


def columns(model: Any) -> list[Any]:
    """Return the columns of the table of a model, in their order."""
    with connection.cursor() as cursor:
        return list(connection.introspection.get_table_description(cursor, model._meta.db_table))
