"""Requests of every kind: what people send, what programs send, and what nobody would."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from django.forms import BaseForm, FileField, JSONField, ModelMultipleChoiceField
from django.test import Client
from hypothesis import strategies as st
from hypothesis.extra.django import from_form

Pairs = list[tuple[str, str]]

#: Shown unescaped, a page would have this element.
ELEMENT = "<img src=atm>"
ODD = [
    "", " ", "\0", "a\0b", ELEMENT, f'">{ELEMENT}', "{{ x }}", "{% x %}", "%(name)s", "%", "\u202e",
    "-1", "0", "007", "1e999", "nan", "Infinity", "٣", "9" * 30, "9" * 5000, str(2**63), str(2**31),
    "[" * 3000, "[" * 40 + "]" * 40, '{"a": "\\u0000"}', '"\\ud800"', '{"\\ud800": 1}', "{}", "[]",
    "null", "true", "x" * 300, "x" * 70_000, "\U0001f600" * 100, "//evil.example", "javascript:x",
    "https://evil.example/", "/thanks/", "../../x", "on", "1", "2026-03-02", "2026-03-29 02:30",
    "0001-01-01", "9999-12-31 23:59", "99999-99-99", "'; --", "\r\nX: y", "a" * 99 + "\ud800",
]  # fmt: skip
TEXT = st.text(st.characters(exclude_categories=()), max_size=30) | st.sampled_from(ODD)
#: Primary keys and whatever else stands in addresses.
KEYS = st.sampled_from(["0", "00", "1", "2", str(2**31), str(2**63), "9" * 30, "9" * 5000, "-1"])
LANGUAGES = ["de", "en", "xx", "de;q=x", "de-" + "x" * 600, "*", ",", "../..", "zh-hant,de;q=0.5"]
ACCEPTED = ["text/html", "application/json", "*/*", "", ";", "text/html;q=x", "a/b/c", "\xff"]
KINDS = [
    "application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=utf-16",
    "application/x-www-form-urlencoded; charset=none", "multipart/form-data", "application/json",
    "multipart/form-data; boundary=", "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=" + "x" * 300, "multipart/form-data; boundary=\xff",
    "application/json; charset=utf-16", "text/plain", "text/plain; charset=none", "x", ";", "\xff",
]  # fmt: skip
BOUNDARY = "atm-boundary"


@dataclass(frozen=True)
class Target:
    """
    An address: what parameters it knows, with values that make sense; and who gets somewhere there.

    ``acts`` are those that may go on record when something is sent there.
    """

    title: str
    address: str
    known: dict[str, list[str]] = field(default_factory=dict)
    form: type[BaseForm] | None = None
    by: str = "chief"
    acts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A request, as it goes over the wire."""

    target: Target
    who: str
    verb: str
    address: str
    body: bytes = b""
    kind: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    cookie: str = ""

    def send(self, client: Client) -> Any:
        """Send it; return the answer."""
        if self.cookie:
            client.cookies["messages"] = self.cookie
        return client.generic(
            self.verb, self.address, self.body, content_type=self.kind, headers=self.headers
        )


def requests(targets: list[Target], people: list[str]) -> st.SearchStrategy[Request]:
    """Return requests to all targets, by all people, mostly by who gets somewhere."""
    return st.sampled_from(targets).flatmap(lambda target: to(target, people))


@st.composite
def to(draw: Any, target: Target, people: list[str]) -> Request:
    """Return a request to the target."""
    who = draw(st.sampled_from([*[target.by] * 9, *people]))
    verb = draw(st.sampled_from(["POST", "POST", "GET"] if target.acts else ["GET", "POST"]))
    address = draw(addresses(target.address))
    query = draw(fields(target)) if verb == "GET" or draw(st.booleans()) else []
    if query:
        address += "?" + written(query)
    body, kind = draw(bodies(target)) if verb == "POST" else (b"", "")
    headers = {
        "accept-language": draw(st.sampled_from(["", *LANGUAGES])),
        "accept": draw(st.sampled_from(["text/html", *ACCEPTED])),
        "host": draw(st.sampled_from(["testserver", "localhost:8000", "127.0.0.1"])),
    }
    cookie = draw(st.sampled_from(["", "", "", "x", "[]:x:y", "a" * 3000]))
    return Request(target, who, verb, address, body, kind, headers, cookie)


@st.composite
def addresses(draw: Any, address: str) -> str:
    """Return the address, or one in which a part is something else."""
    if draw(st.integers(0, 9)):
        return address
    parts = address.split("/")
    at = draw(st.integers(2, len(parts) - 1))
    parts[at] = quote(draw(KEYS | TEXT), safe="", errors="surrogatepass")
    return "/".join(parts)


def fields(target: Target) -> st.SearchStrategy[Pairs]:
    """Return names and values: known ones, unknown ones, valid ones, several of one name."""
    known = st.sampled_from(sorted(target.known) or ["x"])
    sensible = known.flatmap(
        lambda name: st.tuples(st.just(name), st.sampled_from(target.known.get(name) or [""]))
    )
    pair = sensible | sensible | st.tuples(known, TEXT) | st.tuples(TEXT, TEXT)
    complete = st.tuples(
        *(st.tuples(st.just(name), sent_as(values)) for name, values in target.known.items())
    )
    found = st.lists(pair, max_size=12) | complete.map(list) | complete.map(list)
    if target.form is not None:
        valid = entries(target.form)
        found |= valid | st.builds(
            lambda some, more: some + more, valid, st.lists(pair, max_size=3)
        )
    return found


def sent_as(values: list[str]) -> st.SearchStrategy[str]:
    """Return one of the values, now and then something else."""
    sensible = st.sampled_from(values)
    return st.integers(0, 9).flatmap(lambda drawn: sensible if drawn else TEXT)


def entries(form: type[BaseForm]) -> st.SearchStrategy[Pairs]:
    """Return what is entered into the form, mostly as it should be."""
    given: dict[str, st.SearchStrategy[Any]] = {}
    for name, made in form.base_fields.items():  # type: ignore[attr-defined] # set by its metaclass
        if isinstance(made, JSONField):
            given[name] = st.sampled_from(["", "{}", '{"a": 1}', "[1, 2]", '"x"', "3.5"])
        elif isinstance(made, FileField | ModelMultipleChoiceField):
            given[name] = st.none()
    return from_form(form, **given).map(
        lambda bound: [
            (name, str(value)) for name, value in bound.data.items() if value is not None
        ]
    )


@st.composite
def bodies(draw: Any, target: Target) -> tuple[bytes, str]:
    """Return what is sent, and what it says that it is."""
    way = draw(st.sampled_from(["form", "form", "form", "parts", "parts", "json", "bytes"]))
    if way == "bytes":
        return draw(st.binary(max_size=200)), draw(st.sampled_from(KINDS))
    pairs = draw(fields(target))
    if way == "form":
        body, kind = written(pairs).encode(), KINDS[0]
    elif way == "parts":
        body, kind = parts(pairs, draw(files())), f"multipart/form-data; boundary={BOUNDARY}"
    else:
        body, kind = as_json(pairs), "application/json"
    if not draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.binary(max_size=20)) + body[at + draw(st.integers(0, 20)) :]
    return body, kind if draw(st.integers(0, 9)) else draw(st.sampled_from(KINDS))


@st.composite
def files(draw: Any) -> list[tuple[str, str, bytes]]:
    """Return files: the name of the field, that of the file, and what is in it."""
    name = st.sampled_from(["attachment", "slides", "text"]) | TEXT
    called = st.sampled_from(["x.txt", "ä" * 200, "x" * 400, "..", "/", "a/../b", "con"]) | TEXT
    found: list[tuple[str, str, bytes]] = draw(
        st.lists(st.tuples(name, called, st.binary(max_size=20)), max_size=2)
    )
    return found


def written(pairs: Pairs) -> str:
    """Return the fields as they stand in an address."""
    return urlencode(pairs, errors="surrogatepass")


def parts(pairs: Pairs, sent: list[tuple[str, str, bytes]]) -> bytes:
    """Return the fields and files as a body of several parts; nothing in it is escaped."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    written = [f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in pairs]
    found = [text.encode("utf-8", "surrogatepass") for text in written]
    for name, called, content in sent:
        about = f'{head}{name}"; filename="{called}"\r\nContent-Type: text/plain\r\n\r\n'
        found.append(about.encode("utf-8", "surrogatepass") + content + b"\r\n")
    return b"".join(found) + f"--{BOUNDARY}--\r\n".encode()


def as_json(pairs: Pairs) -> bytes:
    """Return the fields as JSON, surrogates by their numbers, the last of one name."""
    return json.dumps(dict(pairs)).encode()
