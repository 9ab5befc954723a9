"""
Links by which somebody outside sends a message: buttons in e-mails, web hooks.

Whoever has the link may send that one message and nothing else: its token is signed with the
project's ``SECRET_KEY`` and says to which run, or to which automation. Looking at a link changes
nothing; only a POST sends.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core import signing
from django.urls import reverse

from automations import payload, settings
from automations.automation import Automation

SALT = "automations.message"
#: For how long a link is good if nothing is said.
USUAL = timedelta(days=30)


@dataclass(frozen=True)
class Link:
    """
    What a link says: the message ``name`` to the run with the ``key``, or for a new run.

    ``label`` is the dotted path of the automation, ``data`` what the sender cannot change,
    ``expires`` a moment of process time in seconds since 1970 (None: never). ``once``: sent again,
    it does nothing.
    """

    label: str
    key: str
    name: str
    token: str | None
    data: dict[str, Any]
    expires: float | None
    once: bool
    signed: str = ""

    @property
    def is_over(self) -> bool:
        """Whether the time of the link is over."""
        return self.expires is not None and settings.now().timestamp() >= self.expires

    @property
    def message_key(self) -> str | None:
        """What makes all sendings of a link one message."""
        return hashlib.sha256(self.signed.encode()).hexdigest() if self.once else None


def message_link(
    to: Automation | type[Automation],
    name: str,
    *,
    token: str | None = None,
    data: Mapping[str, Any] | None = None,
    max_age: timedelta | None = USUAL,
    once: bool = False,
) -> str:
    """
    Return the path of a link that sends the message ``name`` to a run, or starts one with it.

    ``to`` is a run, or an automation: then each sending starts a run, as `create_on_message`
    does. ``token`` and ``data`` are sent along, and whoever has the link can read them but not
    change them; what else the message needs has to be sent with the request. The link is good for
    ``max_age`` (process time; 30 days if nothing is said, None: for ever). With ``once`` it counts
    once, however often it is sent; that can be said of a run only. Put the address of your site
    before the path. Raise `InvalidData` if ``data`` cannot be kept as JSON, and `TypeError` for
    ``once`` with an automation.
    """
    if once and not isinstance(to, Automation):
        raise TypeError(
            f"A link that starts runs of {to.get_automation_name()} cannot count once: make "
            f"the automation unique, or give a run."
        )
    expires = (settings.now() + max_age).timestamp() if max_age is not None else None
    said = [
        to.get_automation_name(),
        to.get_key() if isinstance(to, Automation) else "",
        name,
        token,
        payload.clean(dict(data or {}), "The data of the link"),
        expires,
        once,
    ]
    signed = signing.dumps(said, salt=SALT, compress=True)
    return reverse("automations:message", args=[signed])


def read(signed: str) -> Link | None:
    """Return what a link says; None if it is none of ours."""
    try:
        label, key, name, token, data, expires, once = signing.loads(signed, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return Link(label, key, name, token, data, expires, once, signed)
