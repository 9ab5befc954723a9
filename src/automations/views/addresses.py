"""Where to go on."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def on_this_site(request: HttpRequest, wanted: str) -> str:
    """Return ``wanted`` if that is a page of this site, else nothing."""
    safe = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if safe else ""


def with_way_back(address: str, back: str) -> str:
    """Return ``address`` with the page to go back to from there, if there is one."""
    return f"{address}?{urlencode({'back': back})}" if back else address
