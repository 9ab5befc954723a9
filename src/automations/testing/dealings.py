"""What people and other systems do in a story."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from automations.exceptions import NotAllowed
from automations.testing.acts import Completion, Doubled, Entered, FormRefused, post, send
from automations.testing.deeds import ENDLESS, Act
from automations.testing.idling import settle
from automations.testing.retelling import value, variable

if TYPE_CHECKING:
    from automations.testing.stories import Story


@dataclass
class Fill(Act):
    """Somebody fills in the form at ``node``, or tries to."""

    given: ClassVar[str] = "entries"

    node: str
    person: Any
    entries: Entered
    twice: bool = False
    outcome: str = ""

    def fits(self, story: Story) -> bool:
        return self.node in story.offered

    def play(self, story: Story) -> None:
        self.outcome = ""
        try:
            self.died = story.attempt(self.at, partial(self.send, story))
            if self.died == self.node:  # nothing was answered: once more
                self.send(story)
                settle(ENDLESS)
        except FormRefused as refused:
            self.outcome = "refused"
            story.told.refused[self.node] = str(refused)
        except NotAllowed:
            self.outcome = "not allowed"
            if self.person in story.offered[self.node][1]:
                raise

    def send(self, story: Story) -> None:
        """Send the form."""
        task, told = story.offered[self.node][0], story.told
        told.sent[self.node] = told.sent.get(self.node, 0) + 1
        page = Doubled if self.twice else Completion
        post(task.automation, task, self.entries, self.person, page)
        told.valid[self.node] = told.valid.get(self.node, 0) + 1

    def simpler(self) -> Iterator[Act]:
        yield from super().simpler()
        if self.twice:
            yield replace(self, twice=False)
        elif self.at == self.node:  # sent again, which takes a line less to tell so
            yield replace(self, at=None, twice=True)
        for place in range(len(self.entries) if isinstance(self.entries, list) else 0):
            rest = {name: without(getattr(self, name), place) for name in ("entries", "source")}
            yield replace(self, **rest)

    def line(self) -> str:
        entered = value(sent_of(self.entries))
        if self.outcome == "not allowed":
            return f"{self.person} may not complete {self.node}"
        if self.outcome == "refused":
            return f"{self.person} enters {entered} at {self.node}, which is refused"
        if self.twice:
            return f"{self.person} completes {self.node} twice at once, with {entered}"
        return f"{self.person} completes {self.node} with {entered}"

    def death(self) -> str:
        if self.died == self.node:
            return "  the server dies before that is saved, and it is sent again"
        return super().death()

    def statements(self) -> Iterator[str]:
        data = value(sent_of(self.entries))
        who = variable(self.person)
        twice = ", twice=True" if self.twice else ""
        call = f'complete(run, "{self.node}", {data}, user={who}{twice})'
        refusal = {"refused": "FormRefused", "not allowed": "NotAllowed"}.get(self.outcome)
        if refusal:
            yield f"with suppress({refusal}):"
            yield f"    {call}"
        else:
            yield call

    def code(self) -> Iterator[str]:
        yield from super().code()
        if self.died == self.node:
            yield from self.statements()


def without(rows: Any, place: int) -> Any:
    """Return the list without what stands at a place; what is no list as it is."""
    return rows[:place] + rows[place + 1 :] if isinstance(rows, list) else rows


def sent_of(entries: Any) -> Any:
    """Return what is sent of what was entered: None is not."""
    if isinstance(entries, list):
        return [sent_of(each) for each in entries]
    return {name: each for name, each in entries.items() if each is not None}


@dataclass
class Send(Act):
    """A message reaches the run."""

    given: ClassVar[str] = "data"

    message: str
    data: Any

    def fits(self, story: Story) -> bool:
        return not story.has_ended

    def play(self, story: Story) -> None:
        self.died = story.attempt(self.at, partial(send, story.row, self.message, self.data))

    def line(self) -> str:
        more = f", with {value(self.data)}" if self.data is not None else ""
        return f"the message {self.message} comes{more}"

    def statements(self) -> Iterator[str]:
        more = f", {value(self.data)}" if self.data is not None else ""
        yield f'send(run, "{self.message}"{more})'
