"""
Starts Python for the tests: a process that has imported what they need, and forks.

``server.py FD`` hears at that socket what is wanted, see tests/forks/__init__.py. What it has
imported reads neither settings nor environment. For an environment it forks a server that has set
up Django in it: a child of that one begins with its work at once. Nothing but the time to start is
saved: each child is a process of its own, whose parent is the test, with exactly the environment,
arguments and files that were asked for.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

#: How many bytes one message has at the most.
MOST = 1 << 18
#: What reads neither settings nor environment when it is imported, and takes long.
COMMON = (
    "asyncio",
    "concurrent.futures.thread",
    "django.contrib.auth.hashers",
    "django.contrib.messages.storage",
    "django.contrib.staticfiles.finders",
    "django.core.handlers.wsgi",
    "django.core.mail",
    "django.core.management",
    "django.core.management.commands.check",
    "django.core.management.templates",
    "django.core.paginator",
    "django.db.migrations.state",
    "django.db.models",
    "django.forms",
    "django.template.defaulttags",
    "django.template.loader",
    "django.template.loader_tags",
    "django.templatetags.i18n",
    "django.templatetags.static",
    "django.test",
    "django.urls",
    "django.utils.translation.trans_real",
    "django.views.generic",
    "multiprocessing.util",
    "xml.etree.ElementTree",
    "zoneinfo",
)
#: The same, of the databases.
DRIVERS = {
    "sqlite": ("django.db.backends.sqlite3.base",),
    "postgresql": ("psycopg", "django.db.backends.postgresql.psycopg_any"),
    "mariadb": ("pymysql",),
}
#: What a worker imports when it has work, once Django is set up.
LATER = (
    "automations.management.commands.automation_step",
    "automations.dispatch.sweep",
    "django_tasks_db.management.commands.db_worker",
    "tests.testapp.faults",
    "tests.testapp.language",
    "tests.testapp.proof_processes",
)
#: What a program imports beside, by the name that it is called with ``-m``.
PROGRAMS = {
    "celery": (
        "celery.bin.celery",
        "celery.bin.worker",
        "celery.apps.worker",
        "celery.concurrency.prefork",
        "celery.fixups.django",
        "celery.worker.consumer",
        "kombu.transport.pyamqp",
        "kombu.transport.redis",
    ),
}


@dataclass
class Wish:
    """What is wanted: a child, or a server that has set up Django in the environment."""

    what: str
    environment: dict[str, str]
    arguments: list[str]
    folder: str
    session: bool = False
    files: tuple[int, ...] = ()


def hear(door: socket.socket) -> Wish | None:
    """Return what is wanted next; None when the tests are over."""
    said, files, *_ = socket.recv_fds(door, MOST, 3)
    return Wish(**json.loads(said), files=tuple(files)) if said else None


def live_in(environment: dict[str, str]) -> None:
    """Have this environment and no other."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


def import_all(names: tuple[str, ...]) -> None:
    """Import what there is of these."""
    for name in names:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def set_up(environment: dict[str, str], program: str) -> str:
    """Set up Django; return what stands in the way of forks, if anything does."""
    live_in(environment)
    try:
        import django

        django.setup()
        import_all(LATER + PROGRAMS.get(program, ()))
        from django.db import connections
        from django.urls import get_resolver

        get_resolver().url_patterns  # noqa: B018 - imports all views
        for connection in connections.all(initialized_only=True):
            if connection.connection is not None:
                return "It is connected with the database."
    except Exception as error:  # noqa: BLE001 - whoever starts by itself will say it
        return repr(error)
    return "It has threads." if threading.active_count() > 1 else ""


def fork_away() -> int:
    """
    Fork a child and leave it to the test, which becomes its parent; return its number.

    Whoever forked it ends, and the test has said that it adopts the children of its servers. In
    the child 0 is returned.
    """
    # What is there already is not looked through for garbage, neither in the child nor at its end.
    gc.freeze()
    told, tell = os.pipe()
    between = os.fork()
    if between:
        os.close(tell)
        with os.fdopen(told) as number:
            child = int(number.read())
        os.waitpid(between, 0)
        return child
    os.close(told)
    parent = os.getpid()
    child = os.fork()
    if child:
        os.write(tell, str(child).encode())
        os._exit(0)
    os.close(tell)
    while os.getppid() == parent:
        time.sleep(0.0002)
    return 0


def reap() -> None:
    """Forget servers that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def serve(door: socket.socket) -> Wish:
    """Do what is wanted until the tests are over; return in a child, with what it has to do."""
    while wish := hear(door):
        reap()
        if wish.what == "server":
            (own,) = wish.files
            if os.fork():
                os.close(own)
                continue
            door.close()
            door = socket.socket(fileno=own)
            door.sendall(json.dumps(set_up(wish.environment, *wish.arguments)).encode())
            continue
        child = fork_away()
        if not child:
            door.close()
            return wish
        for file in wish.files:
            os.close(file)
        door.sendall(json.dumps(child).encode())
    os._exit(0)


def reopen() -> None:
    """Have standard streams of one's own, as at the start of Python."""
    kept = partial(open, closefd=False)
    sys.stdin = sys.__stdin__ = kept(0)  # type: ignore[misc]
    sys.stdout = sys.__stdout__ = kept(1, "w")  # type: ignore[misc]
    escaped = kept(2, "w", buffering=1, errors="backslashreplace")
    sys.stderr = sys.__stderr__ = escaped  # type: ignore[misc]


def begin(wish: Wish) -> None:
    """Be as a process that was started just now."""
    for at, file in enumerate(wish.files):
        os.dup2(file, at)
    for file in wish.files:
        os.close(file)
    if wish.session:
        os.setsid()
    os.chdir(wish.folder)
    live_in(wish.environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    reopen()
    if {"COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"} & set(wish.environment):
        import coverage

        coverage.process_startup()


def run(arguments: list[str]) -> None:
    """Do what ``python ARGUMENTS`` does."""
    how, *rest = arguments
    if how == "-m":
        sys.path.insert(0, str(Path.cwd()))
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif how == "-c":
        sys.path.insert(0, "")
        sys.argv = ["-c", *rest[1:]]
        names: dict[str, Any] = {"__name__": "__main__", "__builtins__": __builtins__}
        exec(compile(rest[0], "<string>", "exec"), names)  # noqa: S102 - a test wants it
    else:
        sys.path.insert(0, str(Path(how).parent))
        sys.argv = [how, *rest]
        runpy.run_path(how, run_name="__main__")


if __name__ == "__main__":
    # The folder of this file is none from which anything is imported.
    del sys.path[0]
    # An interrupt is for the tests, which end their children themselves.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_all(COMMON + DRIVERS.get(os.environ.get("ATM_TEST_DATABASE", "sqlite"), ()))
    wanted = serve(socket.socket(fileno=int(sys.argv[1])))
    begin(wanted)
    run(wanted.arguments)
