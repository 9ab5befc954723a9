"""
Processes that tests start, as forks of a server that has Python and Django ready.

``Popen`` and ``run`` are those of ``subprocess``. They fork if that is the same as to start: this
Python, with a script, ``-m`` or ``-c``. The child is a real one of this process, which sees truly
what becomes of it. Where Python itself is what is tried (``-W error``, a module that must not be
imported), a test uses ``subprocess``; ``ATM_TEST_FORKS=0`` lets all of them do so.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SERVER = str(Path(__file__).with_name("server.py"))
FORKS = sys.platform == "linux" and os.environ.get("ATM_TEST_FORKS") != "0"
#: How many bytes one message has at the most.
MOST = 1 << 18
#: How many servers with Django set up are kept, each in an environment of its own.
KEPT = 4
#: Differs from test to test, and is read by nobody: it makes no other environment.
PYTEST = "PYTEST_CURRENT_TEST"
#: By these a child is measured; a server is not.
MEASURED = frozenset({"COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"})
#: Linux: children whose parent ends become those of this process.
PR_SET_CHILD_SUBREAPER = 36

_asked_for = inspect.signature(subprocess.Popen._execute_child) if FORKS else None  # type: ignore[attr-defined]
_lock = threading.Lock()


@contextlib.contextmanager
def adopting() -> Iterator[None]:
    """Become the parent of what a server forks meanwhile; not of what others leave behind."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    try:
        yield
    finally:
        libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


class Server:
    """A server, and those that it has forked for an environment."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._door, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, SERVER, str(theirs.fileno())],
                env={name: said for name, said in environment.items() if name not in MEASURED},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._set_up: OrderedDict[frozenset[tuple[str, str]], socket.socket | None] = OrderedDict()

    def start(
        self, environment: dict[str, str], arguments: list[str], files: list[int], **more: Any
    ) -> int | None:
        """Start a child; return its number, or None if that cannot be done here."""
        door: socket.socket | None = self._door
        if "DJANGO_SETTINGS_MODULE" in environment:
            program = "celery" if arguments[:2] == ["-m", "celery"] else ""
            door = self._door_of(environment, program)
        if door is None:
            return None
        with adopting():
            wish = {"what": "child", "environment": environment, "arguments": arguments, **more}
            return int(ask(door, wish, files))

    def _door_of(self, environment: dict[str, str], program: str) -> socket.socket | None:
        """Return where the server for an environment and a program hears, if there can be one."""
        general = {
            name: said
            for name, said in environment.items()
            if name != PYTEST and name not in MEASURED
        }
        key = frozenset({**general, "": program}.items())
        if key in self._set_up:
            self._set_up.move_to_end(key)
            return self._set_up[key]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        wish = {"what": "server", "environment": general, "arguments": [program], "folder": "/"}
        with theirs:
            socket.send_fds(self._door, [json.dumps(wish).encode()], [theirs.fileno()])
        refused = ours.recv(MOST) != b'""'
        if refused:
            ours.close()
        self._set_up[key] = None if refused else ours
        while len(self._set_up) > KEPT:
            _, oldest = self._set_up.popitem(last=False)
            if oldest:
                oldest.close()
        return self._set_up[key]

    def end(self) -> None:
        """Let all servers end: nobody talks to them any more."""
        for door in (self._door, *filter(None, self._set_up.values())):
            door.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def ask(door: socket.socket, wish: dict[str, Any], files: list[int]) -> Any:
    """Return what the server says to it."""
    socket.send_fds(door, [json.dumps(wish).encode()], files)
    return json.loads(door.recv(MOST))


_servers: dict[frozenset[tuple[str, str]], Server] = {}


def server_of(environment: dict[str, str]) -> Server:
    """Return the server for Python as the environment wants it."""
    key = frozenset(item for item in environment.items() if item[0].startswith("PYTHON"))
    if key not in _servers:
        _servers[key] = Server(environment)
        if len(_servers) == 1:
            atexit.register(lambda: [server.end() for server in _servers.values()])
    return _servers[key]


class Popen(subprocess.Popen[Any]):
    """``subprocess.Popen``, which forks if that is the same."""

    #: Whether it is a fork.
    forked = False

    def _execute_child(self, *given: Any) -> None:
        """Start the process: called by ``subprocess.Popen`` itself, once the pipes are made."""
        asked = _asked_for.bind(self, *given).arguments if _asked_for else {}
        if not (asked and forks(asked) and self._fork(asked)):
            super()._execute_child(*given)  # type: ignore[misc]

    def _fork(self, asked: dict[str, Any]) -> bool:
        """Start it as a fork; return whether that could be done."""
        environment = dict(os.environ if asked["env"] is None else asked["env"])
        pipes = [asked[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        files = [at if pipe == -1 else pipe for at, pipe in enumerate(pipes)]
        arguments = [os.fspath(argument) for argument in asked["args"][1:]]
        more = {"folder": os.fspath(asked["cwd"] or Path.cwd())}
        more["session"] = asked["start_new_session"]
        with _lock:
            try:
                pid = server_of(environment).start(environment, arguments, files, **more)
            except (OSError, ValueError):  # the server has died, the process itself need not
                return False
        if pid is None:
            return False
        sys.audit("subprocess.Popen", sys.executable, asked["args"], asked["cwd"], asked["env"])
        self.pid = pid
        self._child_created = self.forked = True
        self._close_pipe_fds(  # type: ignore[attr-defined]
            *[asked[f"{pipe}{end}"] for pipe in ("p2c", "c2p", "err") for end in ("read", "write")]
        )
        return True


def forks(asked: dict[str, Any]) -> bool:
    """Tell whether a fork is the same as what is asked for."""
    args = asked["args"]
    if not FORKS or isinstance(args, str | bytes | os.PathLike) or asked["shell"]:
        return False
    if len(args) < 2 or args[0] != sys.executable:
        return False
    if str(args[1]).startswith("-") and args[1] not in ("-m", "-c"):
        return False
    unusual = (
        asked["preexec_fn"],
        asked["pass_fds"],
        asked["executable"] not in (None, sys.executable),
    )
    named = [asked[name] is not None for name in ("uid", "gid", "gids")]
    return not (any(unusual) or any(named) or asked["umask"] != -1 or asked["process_group"] != -1)


def run(args: list[str], *, timeout: float | None = None, **options: Any) -> int:
    """Start it, wait for its end, at most so long, and return its code."""
    with Popen(args, **options) as process:
        try:
            return process.wait(timeout)
        except BaseException:
            process.kill()
            raise
