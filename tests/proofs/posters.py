"""How a test talks with the processes that send forms: see poster.py."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import Permission, User
from django.urls import reverse

from automations.models import AutomationTaskModel
from tests import forks

POSTER = str(Path(__file__).with_name("poster.py"))


@dataclass(frozen=True)
class Answer:
    """
    What came of a form: when it was sent, how long that took, all in seconds.

    ``waited`` is for how long of that the process waited for a processor.
    """

    status: int
    begun: float
    took: float
    waited: float
    text: str

    @property
    def friendly(self) -> bool:
        """Whether it is the page that explains that there is nothing to do any more."""
        return self.status == 409 and "Nothing that you sent just now" in self.text


@dataclass(frozen=True)
class Poster:
    """A process that sends forms."""

    process: subprocess.Popen[str]

    def say(self, line: str) -> None:
        """Tell it something."""
        assert self.process.stdin
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        """Return what it says next."""
        assert self.process.stdout
        line = self.process.stdout.readline().strip()
        assert line, f"ended with {self.process.wait(30)}"
        return line

    def post(self, task: AutomationTaskModel, *, gated: bool = False) -> None:
        """Have it send the form of the task."""
        page = reverse("automations:task", args=[task.pk])
        self.say(f"{'gated' if gated else 'post'} {page}")

    def stops(self) -> None:
        """Wait until it stands at a gate."""
        assert self.hear() == "gate"

    def answer(self) -> Answer:
        """Return what came of the form."""
        return Answer(**json.loads(self.hear()))


@contextmanager
def posters(number: int, environment: dict[str, str], *measures: str) -> Iterator[list[Poster]]:
    """Have so many processes that send forms as ada, who may; each must end in good order."""
    ada, created = User.objects.get_or_create(username="ada")
    if created:
        ada.set_password("ada")
        ada.save()
        ada.user_permissions.add(Permission.objects.get(codename="view_effect"))
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                forks.Popen(
                    [sys.executable, POSTER, *measures],
                    env=environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            for _ in range(number)
        ]
        for process in started:
            stack.callback(process.kill)
        found = [Poster(process) for process in started]
        assert [poster.hear() for poster in found] == ["ready"] * number
        yield found
        for process in started:
            assert process.stdin
            process.stdin.close()
        assert [process.wait(30) for process in started] == [0] * number


def let_go(*through: Poster) -> None:
    """Let those go on that stand at a gate, once all of them do."""
    for poster in through:
        poster.stops()
    for poster in through:
        poster.say("go")
