"""What an automation receives: the methods ``receive_<message>`` and what data they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from automations.exceptions import MessageRefused

Method = TypeVar("Method", bound=Callable[..., Any])

PREFIX = "receive_"

TRUE = frozenset({"true", "1", "yes", "on"})
FALSE = frozenset({"false", "0", "no", "off", ""})


def require_data_parameters(**types: Any) -> Callable[[Method], Method]:
    """
    Say what data a receiver needs: ``@require_data_parameters(email=str, seats=int)``.

    The message is not delivered without these parameters. A value is converted by calling its
    type, so that ``"2"`` arrives as 2; one that cannot be converted is as good as missing. Of a
    request the GET parameters count. ``bool`` reads true/false, 1/0, yes/no, on/off.
    """

    def decorate(method: Method) -> Method:
        method.data_requirements = types  # type: ignore[attr-defined] # functions take attributes
        return method

    return decorate


class RequestData(dict[str, Any]):
    """
    The GET parameters of a request, converted; everything else is asked of the request.

    So a receiver may take a parameter from it, ``data["email"]``, and use it as the request:
    ``data.user``, ``data.GET``.
    """

    def __init__(self, request: Any) -> None:
        super().__init__(request.GET.items())
        self.request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self.request, name)


def receiver_of(owner: Any, message: Any) -> Callable[..., Any] | None:
    """Return the method of ``owner``, a class or a run, that receives ``message``, if any."""
    if not (isinstance(message, str) and message.isidentifier()):
        return None
    found = getattr(owner, PREFIX + message, None)
    return found if callable(found) else None


def receives(owner: Any, message: Any) -> bool:
    """Return whether runs of ``owner`` can receive ``message``: by a method or by a node."""
    if not isinstance(message, str):
        return False
    return receiver_of(owner, message) is not None or message in owner._meta.listens


def received(owner: Any) -> list[str]:
    """Return the names of the messages that runs of ``owner`` receive, in alphabetical order."""
    methods = {
        name.removeprefix(PREFIX)
        for name in dir(owner)
        if name.startswith(PREFIX) and callable(getattr(owner, name, None))
    }
    return sorted(name for name in methods.union(owner._meta.listens) if receives(owner, name))


def prepare(owner: Any, message: Any, data: Any) -> Any:
    """
    Return ``data`` as the receiver of ``message`` gets it, with its parameters converted.

    Raise `MessageRefused` if the class receives no such message, or a parameter is missing or
    cannot be converted.
    """
    if not receives(owner, message):
        raise MessageRefused(
            f"{owner._meta.label} does not receive {message!r}. Define {PREFIX}{message}(self, "
            f"token, data), or a node flow.ReceiveMessage({message!r})."
        )
    method = receiver_of(owner, message)
    requirements: Mapping[str, Any] = getattr(method, "data_requirements", {})
    is_request = hasattr(data, "GET")
    if not requirements and not is_request:
        return data
    if not is_request and not isinstance(data or {}, Mapping):
        raise MessageRefused(
            f"{PREFIX}{message} of {owner._meta.label} needs its data as a dict, not as a "
            f"{type(data).__name__}."
        )
    given: dict[str, Any] = RequestData(data) if is_request else dict(data or {})
    for name, kind in requirements.items():
        if name not in given:
            raise MessageRefused(f"{PREFIX}{message} of {owner._meta.label} needs {name!r}.")
        try:
            given[name] = convert(given[name], kind)
        except Exception as error:  # whatever a type raises for what it cannot take
            raise MessageRefused(
                f"{PREFIX}{message} of {owner._meta.label} needs {name!r} as a "
                f"{getattr(kind, '__name__', kind)}, which {given[name]!r} is not."
            ) from error
    return given


def convert(value: Any, kind: Any) -> Any:
    """Return ``value`` as a ``kind``. Raise an error if it cannot be one."""
    if isinstance(kind, type) and isinstance(value, kind):
        return value
    if kind is bool:
        word = str(value).strip().lower()
        if word not in TRUE | FALSE:
            raise ValueError(f"{value!r} is neither true nor false")
        return word in TRUE
    if kind is str and value is None:
        raise TypeError("None is no text")
    return kind(value)
