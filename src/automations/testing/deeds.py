"""What happens in a story. Each act is told as a line, and as code to paste into a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from automations.dispatch import inline
from automations.testing.ahead import next_moment
from automations.testing.retelling import arguments, called, duration, span

if TYPE_CHECKING:
    from automations.testing.stories import Story

#: A long wait ends after so many moments at which something was due: an hourly loop has many.
MOMENTS = 20
#: Tasks that one run comes to at one moment after which it is taken to be endless.
ENDLESS = 300


@dataclass
class Act:
    """
    Something that is done, or happens.

    ``at`` is where a worker dies meanwhile: after how many tasks, or at which node; ``died`` is
    the node at which one has. ``source`` are the strategies of which ``given`` was drawn.
    """

    #: The name of the attribute that was drawn.
    given: ClassVar[str] = ""

    source: Any = field(default=None, kw_only=True)
    at: str | int | None = field(default=None, kw_only=True)
    died: str = field(default="", kw_only=True)

    def fits(self, story: Story) -> bool:
        """Return whether this can be done as the story stands."""
        return True

    def play(self, story: Story) -> None:
        """Do it, and what is due then."""
        self.died = story.attempt(self.at, lambda: None)

    def again(self) -> Act:
        """Return the act as it is to be played in another telling of the story."""
        return replace(self, at=self.died or None, died="")

    def simpler(self) -> Iterator[Act]:
        """Yield the same act without what may not matter."""
        if self.at is not None:
            yield replace(self, at=None, died="")

    def line(self) -> str:
        """Return the act as a sentence."""
        raise NotImplementedError

    def lines(self) -> Iterator[str]:
        """Yield the sentence, and what has become of a worker."""
        yield self.line()
        if self.died:
            yield self.death()

    def death(self) -> str:
        """Return what has become of a worker."""
        return f"  the worker dies in {self.died}, and another takes it up"

    def statements(self) -> Iterator[str]:
        """Yield the act as statements of a test."""
        yield from ()

    def code(self) -> Iterator[str]:
        """Yield the statements, and in them the death of a worker."""
        if not self.died:
            yield from self.statements()
            return
        yield f"with worker_dies({self.died!r}):"
        yield from (f"    {line}" for line in self.statements())


@dataclass
class Start(Act):
    """The run is started with ``data``; or as the author does it, by ``maker``."""

    given: ClassVar[str] = "data"

    automation: Any
    data: dict[str, Any]
    maker: Callable[[], Any] | None = None
    moment: datetime | None = None

    def play(self, story: Story) -> None:
        self.moment = story.time.now
        if self.maker is not None:
            run = self.maker()
        else:
            run = self.automation(autorun=False, **self.data)
        story.run_id = getattr(run, "_row", run).pk
        super().play(story)

    def line(self) -> str:
        return f"start({arguments(self.data)})"

    def statements(self) -> Iterator[str]:
        yield "run_until_idle()"

    def code(self) -> Iterator[str]:
        name = self.automation.__name__
        if self.maker is not None:
            yield f"run = {called(self.maker)}()"
        elif self.died:
            data = {"autorun": False, **self.data}
            yield f"run = {name}({arguments(data)})"
        else:
            yield f"run = {name}({arguments(self.data)})"
            return
        if self.died:
            yield from super().code()


@dataclass
class Wait(Act):
    """Time passes, and what falls due is run, each at its moment."""

    by: timedelta
    #: Nobody does anything any more, and the story is over then.
    last: bool = False
    passed: timedelta | None = None

    def play(self, story: Story) -> None:
        begin = story.time.now
        self.died = story.attempt(self.at, partial(self.move, story, begin + self.by))
        self.passed = story.time.now - begin

    def move(self, story: Story, end: datetime) -> None:
        """Move the clock, moment by moment, until it is ``end`` or much has happened."""
        moments = 0
        time = story.time
        while time.now < end and (self.last or moments < MOMENTS):
            if self.last and is_over(story):
                break
            ahead = next_moment(time.now, time.every) or end
            time.move_to(min(ahead, end))
            moments += 1

    def again(self) -> Act:
        return replace(self, at=self.died or None, died="", by=self.passed or self.by)

    def line(self) -> str:
        return f"{span(self.passed or self.by)} later"

    def statements(self) -> Iterator[str]:
        yield f"time.advance({duration(self.passed or self.by)})"


def is_over(story: Story) -> bool:
    """Return whether the run has ended by now."""
    story.look_again()
    return story.has_ended


@dataclass
class Sweep(Act):
    """The scheduler looks once more, with nothing new to do."""

    def line(self) -> str:
        return "a worker sweeps once more"

    def statements(self) -> Iterator[str]:
        yield "run_until_idle()"


@dataclass
class Retry(Act):
    """Somebody takes up what has failed, as it was to be expected."""

    node: str = ""

    def fits(self, story: Story) -> bool:
        return story.failed_tasks().exists()

    def play(self, story: Story) -> None:
        task = story.failed_tasks()[0]
        self.node = task.status
        self.died = story.attempt(self.at, partial(inline.retry, task.automation_id, task.pk))

    def line(self) -> str:
        return f"somebody retries {self.node}"

    def statements(self) -> Iterator[str]:
        yield f'AutomationTaskModel.objects.get(status="{self.node}", state="failed").retry()'
