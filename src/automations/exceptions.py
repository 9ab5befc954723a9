"""Every error that the package raises on purpose."""


class AutomationError(Exception):
    """Base class of all errors raised by the package."""


class DefinitionError(AutomationError):
    """A process is declared in a way that cannot work."""


class NodeNotFound(DefinitionError):
    """The process has no node of that name."""


class AutomationNotFound(AutomationError):
    """A run names an automation class that the code no longer knows."""


class InvalidData(AutomationError, ValueError):
    """A value cannot be kept as JSON on every database."""


class WrongAutomation(AutomationError, ValueError):
    """A run of one automation was given to another automation's class."""


class AutomationFinished(AutomationError):
    """The run has ended or has been stopped by an error; it cannot be run."""


class TaskClosed(AutomationError):
    """The task has already been completed, skipped or cancelled, or its run stands still."""


class NotAllowed(AutomationError):
    """The person may not act on this task."""


class DispatchError(AutomationError):
    """Runs cannot be worked on where the project says."""


class WorkAborted(AutomationError):
    """A work has raised what ends a thread or a process: `SystemExit`, say. That is its cause."""


class ClaimLost(AutomationError):
    """Work outside of a transaction goes on although its task has been taken from it."""


class TaskTaken(AutomationError):
    """Somebody else has taken the task. ``by`` is that user."""

    def __init__(self, text: str, by: object = None) -> None:
        super().__init__(text)
        self.by = by


class TransitionNotAllowed(AutomationError):
    """A task cannot change from its state to the requested one."""


class MessageRefused(AutomationError):
    """The automation does not receive this message, or not with this data."""


class BroadcastFailed(AutomationError):
    """
    Some runs could not receive a message; all others have it.

    ``results`` are what those answered, ``errors`` what the others raised, by primary key.
    """

    def __init__(self, text: str, results: list[object], errors: dict[int, Exception]) -> None:
        super().__init__(text)
        self.results = results
        self.errors = errors


class RunBusy(AutomationError):
    """The run is being worked on by somebody else, for longer than one may wait."""


class BoundObjectMissing(AutomationError):
    """The object that a run is bound to does not exist any more."""


class ConverterMissing(AutomationError):
    """What makes a picture of this format is not installed."""
