"""
The class an author writes, and the handle on one running process.

What a handle does with the engine, `automations.handles`, is imported with the first one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, cast

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db.models import QuerySet
from django.utils.asyncio import async_unsafe
from django.utils.translation import gettext as _

from automations import payload
from automations.bound_objects import BoundObjects
from automations.declaration import AutomationType
from automations.definition.node import Node
from automations.definition.process import ProcessDefinition
from automations.exceptions import AutomationFinished, DefinitionError
from automations.messages import Receiver
from automations.models import AutomationModel
from automations.payload import MODELS_KEY
from automations.triggers import Triggered


class Automation(Receiver, Triggered, metaclass=AutomationType):
    """
    A business process: its attributes are its steps, in order.

    Calling the class starts a run and takes it as far as it goes within the budget of a request
    (``ATM_BUDGET_TASKS``, ``ATM_BUDGET_SECONDS``); the scheduler does the rest. Keyword arguments
    go into ``data``; of a model instance the primary key is kept, and the attribute of that name
    gives the instance. The class says of which model it is, by its type or as its value:
    ``issue_list: IssueList`` or ``issue_list = IssueList``. ``autorun=False`` only makes the run.
    ``automation=`` (a row of `AutomationModel`, or a key) and ``automation_id=`` bind to a run that
    exists; nothing is executed then.

    Outside a transaction every task is a transaction of its own. Inside one, the run is made and
    worked on in it, and is undone with it.

    Raises `DefinitionError` if the process is flawed, `InvalidData` if an argument cannot be kept
    as JSON.
    """

    model_class: ClassVar[type[AutomationModel]] = AutomationModel
    #: True: one running run at a time. Names: one running run for each set of these arguments.
    unique: ClassVar[bool | list[str] | tuple[str, ...]] = False

    _meta: ClassVar[ProcessDefinition]
    _is_new = False

    def __init__(
        self,
        *,
        automation: AutomationModel | str | None = None,
        automation_id: int | None = None,
        autorun: bool = True,
        _at: str | None = None,
        **data: Any,
    ) -> None:
        self._objects = BoundObjects(self)
        if automation is None and automation_id is None:
            self._start(data, autorun, _at)
            return
        if data:
            raise TypeError(
                f"{type(self).__name__}(automation=...) binds to a run that exists and takes no "
                f"further arguments, but was given {', '.join(sorted(data))}."
            )
        from automations import handles

        self._bind(handles.row_of(self._meta, automation, automation_id))

    @classmethod
    async def astart(cls, **arguments: Any) -> Self:
        """Start a run from async code: like calling the class, in a thread for the database."""
        return await sync_to_async(cls)(**arguments)

    @async_unsafe(
        "A run is started with the database, which async code cannot wait for. Write "
        "await MyAutomation.astart(...) instead of MyAutomation(...)."
    )
    def _start(self, data: dict[str, Any], autorun: bool, at: str | None) -> None:
        if type(self)._is_abstract():
            raise DefinitionError(f"{self.get_automation_name()} is abstract: start a subclass.")
        from automations import handles

        handles.start(self, data, autorun=autorun, at=at)

    def _bind(self, row: AutomationModel) -> None:
        self._row: AutomationModel | None = row
        self._before = payload.snapshot(row.data)

    def _refresh(self, known: AutomationModel | None = None) -> None:
        """Read the row again, unless it is ``known`` how it was left."""
        row = self._db
        if known is None:
            row.refresh_from_db()
        else:
            for field in row._meta.concrete_fields:
                setattr(row, field.attname, getattr(known, field.attname))
        self._bind(row)

    @property
    def _db(self) -> AutomationModel:
        if self._row is None:
            raise AutomationFinished(f"This {type(self).__name__} has been killed.")
        return self._row

    # The run

    @property
    def id(self) -> int:
        """The primary key of the run."""
        return self._db.pk

    @property
    def is_new(self) -> bool:
        """
        Whether this very call has made the run.

        False if there was one already that ``unique`` allows no second beside, and for whatever is
        bound to a run that exists, as in the methods of the process.
        """
        return self._is_new

    @property
    def data(self) -> dict[str, Any]:
        """
        The run's JSON dictionary.

        Inside a step what you change is saved with the step. Elsewhere call `save`.
        """
        return cast("dict[str, Any]", self._db.data)

    @data.setter
    def data(self, data: Mapping[str, Any]) -> None:
        """Let ``data`` be the whole of it: ``run.data |= {...}`` works as one expects."""
        current = self.data
        if data is not current:
            fresh = dict(data)
            current.clear()
            current.update(fresh)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """
        Save what has been changed in ``data``, key by key, in one transaction.

        What others have changed in other keys meanwhile is kept. Raises `InvalidData`, naming
        the entry, if something cannot be kept as JSON, and `RunBusy` if the run is being worked
        on for longer than ``ATM_LOCK_TIMEOUT`` seconds, or further up in this very thread.
        """
        from automations import handles

        handles.save(self)

    def _data_differs(self) -> bool:
        """Return whether ``data`` has been changed since it was read or saved."""
        return payload.snapshot(self.data) != self._before

    def run(self) -> Node | None:
        """
        Run what is due, within the budget of a request.

        Returns the node that the run has stopped at, the one that was reached first if there are
        several; None when the run has ended. Raises `AutomationFinished` if it had ended, or had
        been stopped by an error, before.
        """
        from automations import handles

        return handles.run(self)

    def finished(self) -> bool:
        """Return whether the run has ended, was stopped by an error, or has been killed."""
        if self._row is None:
            return True
        from automations import handles

        return handles.is_over(self._row)

    def is_finished(self) -> bool:
        """Return the same as `finished`."""
        return self.finished()

    def killed(self) -> bool:
        """Return whether the run has been deleted with `kill`."""
        return self._row is None

    def kill(self) -> None:
        """
        Delete the run with its whole history, once nobody works on it.

        As when history is deleted, Django sends no signals for the package's own rows, and a
        foreign key of the project is treated as its ``on_delete`` says.
        """
        from automations import handles

        handles.kill(self)

    def get_key(self) -> str:
        """Return the key of the run that may be put into URLs: it cannot be guessed."""
        return self._db.get_key()

    # The class

    @classmethod
    def get_automation_name(cls) -> str:
        """Return the dotted path of the class, by which its runs know it."""
        return cls._meta.label

    @classmethod
    def get_automation_class_name(cls) -> str:
        """Return the same as `get_automation_name`."""
        return cls.get_automation_name()

    @classmethod
    def get_verbose_name(cls) -> str:
        """Return ``Meta.verbose_name``, or "Automation" and the name of the class."""
        return str(cls._option("verbose_name", _("Automation %s") % cls.__name__))

    @classmethod
    def get_verbose_name_plural(cls) -> str:
        """Return ``Meta.verbose_name_plural``, or "Automations" and the name of the class."""
        return str(cls._option("verbose_name_plural", _("Automations %s") % cls.__name__))

    @classmethod
    def get_dashboard_context(cls, queryset: QuerySet[AutomationModel]) -> dict[str, Any]:
        """
        Return what the template of this automation's card on the dashboard gets; override it.

        ``queryset`` are the runs that the dashboard is about. The names are there in
        ``Meta.dashboard_template`` as they are, and as ``automation.dashboard``.
        """
        return {}

    @classmethod
    def _option(cls, name: str, default: Any) -> Any:
        """Return an option of ``Meta``, the class's own or an inherited one."""
        for base in cls.__mro__:
            meta = vars(base).get("Meta")
            if meta is not None and hasattr(meta, name):
                return getattr(meta, name)
        return default

    @classmethod
    def _is_abstract(cls) -> bool:
        meta = vars(cls).get("Meta")
        return bool(meta and vars(meta).get("abstract")) or cls is Automation

    def _unique_names(self, data: dict[str, Any]) -> bool | list[str]:
        if isinstance(self.unique, bool):
            return self.unique
        missing = [name for name in self.unique if name not in data]
        if missing:
            raise TypeError(
                f"{type(self).__name__} is unique by {', '.join(self.unique)}, so it needs "
                f"{', '.join(missing)} to start."
            )
        return list(self.unique)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and self.__dict__.get("_row") is not None:
            label = self.data.get(MODELS_KEY, {}).get(name)
            if label:
                return self._objects.get(name, apps.get_model(label))
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __str__(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        row = self.__dict__.get("_row")
        return f"<{type(self).__name__} {f'{row.pk} {row.state}' if row else 'killed'}>"
