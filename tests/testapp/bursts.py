"""Processes whose tasks share a transaction, and those that must not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db import connection, transaction

from automations import flow
from automations.flow import this
from automations.models import AutomationModel, AutomationTaskModel
from tests.testapp.models import Comment, Effect

#: What was done, in this order, also by what was undone.
HAPPENED: list[str] = []


class Noted(flow.Automation):
    """Brings the work that is noted outside of the database, and inside."""

    class Meta:
        abstract = True

    def note(self, task: Any) -> None:
        """Leave an effect in the database and one outside of it."""
        HAPPENED.append(task.status)
        Effect.objects.create(run=self.id, node=task.status, task=task.pk)


class Row(Noted):
    """Six steps in a row."""

    a = flow.Execute(this.note)
    b = flow.Execute(this.note)
    c = flow.Execute(this.note)
    d = flow.Execute(this.note)
    e = flow.Execute(this.note)
    f = flow.Execute(this.note)
    end = flow.End()


class Short(Noted):
    """One step, whose work may do as it is told for the run."""

    a = flow.Execute(this.act)
    end = flow.End()

    #: What the work of a run does beside leaving its effects, by the key of the run.
    acts: ClassVar[dict[int, Callable[[Any], Any]]] = {}

    def act(self, task: Any) -> Any:
        """Leave the effects, and do what is to be done."""
        self.note(task)
        act = self.acts.get(self.id)
        return act(self) if act else None


class Spoiled(Noted):
    """Its first step leaves in its data what cannot be kept, and leads aside then."""

    a = flow.Execute(this.spoil).OnError(this.aside)
    b = flow.Execute(this.note)
    end = flow.End()
    aside = flow.Execute(this.note).Next(this.end)

    def spoil(self, task: Any) -> None:
        """Leave what is no JSON."""
        self.data["strange"] = object()


class Sole(Short):
    """There is one at a time for everybody."""

    unique = ("who",)


class Charging(Noted):
    """One of its steps is committed by itself."""

    a = flow.Execute(this.note)
    b = flow.Execute(this.note)
    charge = flow.Execute(this.note).Commit()
    c = flow.Execute(this.note)
    d = flow.Execute(this.note)
    end = flow.End()


class Elsewhere(Noted):
    """One of its steps is done outside of any transaction."""

    a = flow.Execute(this.note)
    work = flow.Execute(this.note).InBackground()
    b = flow.Execute(this.note)
    end = flow.End()


class Sending(Noted):
    """One of its steps sends a message, which is delivered after it is committed."""

    a = flow.Execute(this.note)
    send = flow.SendMessage("tests.testapp.language.Newsletter", "confirm")
    b = flow.Execute(this.note)
    end = flow.End()


class Pairs(Noted):
    """Not more than two tasks share a transaction."""

    class Meta:
        commit_every = 2

    a = flow.Execute(this.note)
    b = flow.Execute(this.note)
    c = flow.Execute(this.note)
    d = flow.Execute(this.note)
    e = flow.Execute(this.note)
    end = flow.End()


class Onlooker(flow.Automation):
    """Each of its steps looks at what the database has of the run."""

    a = flow.Execute(this.look)
    b = flow.Execute(this.look)
    c = flow.Execute(this.look)
    end = flow.End()

    def look(self, task: Any) -> None:
        """Keep what the database says, and change the data."""
        rows = AutomationTaskModel.objects.filter(automation=self.id).order_by("pk")
        seen = self.data.setdefault("seen", [])
        kept = AutomationModel.objects.get(pk=self.id).data.get("seen", [])
        previous = task.previous.state if task.previous else None
        seen.append([[list(row) for row in rows.values_list("status", "state")], previous])
        assert kept == seen[:-1]


class Hooked(Noted):
    """One of its steps has something to do on commit."""

    a = flow.Execute(this.note)
    b = flow.Execute(this.later)
    c = flow.Execute(this.note)
    end = flow.End()

    def later(self, task: Any) -> None:
        """Note the commit."""
        transaction.on_commit(lambda: HAPPENED.append("b is committed"))


class Meddling(Noted):
    """One of its steps writes to the rows of runs by itself."""

    a = flow.Execute(this.note)
    b = flow.Execute(this.meddle)
    c = flow.Execute(this.note)
    end = flow.End()

    def meddle(self, task: Any) -> None:
        """Write to the row of the run, in two ways."""
        if self.data.get("raw"):
            with connection.cursor() as cursor:
                cursor.execute(
                    "UPDATE automations_automationmodel SET version = version WHERE id = %s",
                    [self.id],
                )
        else:
            AutomationModel.objects.filter(pk=self.id).update(version=7)


class Troubled(Noted):
    """Its fourth step is in trouble with the database for as many times as it is told."""

    a = flow.Execute(this.note)
    b = flow.Execute(this.note)
    c = flow.Execute(this.note)
    d = flow.Execute(this.trouble)
    e = flow.Execute(this.note)
    end = flow.End()

    trouble_left: list[BaseException] = []

    def trouble(self, task: Any) -> None:
        """Raise what is left of the trouble."""
        self.note(task)
        if self.trouble_left:
            raise self.trouble_left.pop()


class Dangling(Noted):
    """Its third step writes what the database refuses when it commits."""

    a = flow.Execute(this.note)
    b = flow.Execute(this.note)
    c = flow.Execute(this.dangle)
    d = flow.Execute(this.note)
    end = flow.End()

    def dangle(self, task: Any) -> None:
        """Point to a row that is not there."""
        self.note(task)
        Comment.objects.create(note_id=0)


class Both(Noted):
    """Two branches, of which one waits for what the other does."""

    start = flow.Split().Next(this.a).Next(this.b)
    a = flow.Execute(this.note).AsSoonAs(this.is_done).Next(this.join)
    b = flow.Execute(this.do).Next(this.join)
    join = flow.Join()
    end = flow.End()

    def is_done(self, task: Any) -> bool:
        """Whether the other branch has done its work."""
        HAPPENED.append("asked")
        return bool(self.data.get("done"))

    def do(self, task: Any) -> None:
        """Do it."""
        self.note(task)
        self.data["done"] = True
