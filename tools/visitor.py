"""
Somebody who looks at pages without a browser: opens, follows, enters, ticks and presses.

What is on a page is named as a person would name it: by the text of a link or a button, by the
label of a field. Stylesheets and scripts of a page are fetched as a browser would. Needs nothing
but Python 3.8.
"""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import List, Optional, Tuple

Attributes = List[Tuple[str, Optional[str]]]


class NotThere(Exception):
    """The page does not have what is wanted of it, or there is no such page."""


class Form:
    """One form of a page: where it leads, what its fields hold, its labels and its buttons."""

    def __init__(self, action: str, method: str) -> None:
        self.action, self.method = action, method
        self.values: dict[str, str] = {}
        self.named: dict[str, str] = {}  # the name of a field by its id
        self.boxes: dict[str, str] = {}  # what a checkbox sends, by its name
        self.buttons: list[tuple[str, dict[str, str]]] = []


class Page(HTMLParser):
    """What a person sees of a page, and can act on."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.links: list[tuple[str, str]] = []
        self.files: list[str] = []
        self.forms: list[Form] = []
        self.labels: dict[str, str] = {}  # the id of a field by its label
        self._open: list[tuple[str, dict[str, str], int]] = []
        self.feed(html)
        self.text = words(self.text)

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        having = {name: value or "" for name, value in attrs}
        if tag == "link" and having.get("rel") == "stylesheet":
            self.files.append(having["href"])
        elif tag == "script" and "src" in having:
            self.files.append(having["src"])
        elif tag == "form":
            self.forms.append(Form(having.get("action", ""), having.get("method", "get").lower()))
        elif tag in ("input", "select", "textarea") and self.forms and having.get("name"):
            self._field(having)
        if tag in ("a", "button", "label", "script", "style", "title"):
            self._open.append((tag, having, len(self.text)))
        else:
            self.text += " "

    def _field(self, having: dict[str, str]) -> None:
        form, name = self.forms[-1], having["name"]
        form.named[having.get("id", "")] = name
        if having.get("type") in ("checkbox", "radio"):
            form.boxes[name] = having.get("value", "on")
            if "checked" in having:
                form.values[name] = form.boxes[name]
        else:
            form.values[name] = having.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.text += " "
            return
        _, having, begin = self._open.pop()
        told = words(self.text[begin:])
        if tag == "a" and "href" in having:
            self.links.append((told, having["href"]))
        elif tag == "label" and "for" in having:
            self.labels[told.rstrip(":")] = having["for"]
        elif tag == "button" and self.forms:
            sent = {having["name"]: having.get("value", "")} if having.get("name") else {}
            self.forms[-1].buttons.append((told, sent))
        elif tag in ("script", "style", "title"):
            self.text = self.text[:begin]

    def handle_data(self, data: str) -> None:
        self.text += data


class Visitor:
    """One person with one browser; ``moved`` says which address really is which other one."""

    def __init__(self, moved: tuple[str, str] = ("", "")) -> None:
        cookies = urllib.request.HTTPCookieProcessor(CookieJar())
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
        self._moved = moved
        self.address = ""
        self.page = Page("")

    def open(self, address: str) -> None:
        """Look at the page of this address."""
        said, really = self._moved
        if address.startswith(said):
            address = really + address[len(said) :]
        self._fetch(address)

    def follow(self, text: str) -> None:
        """Follow the first link with this text."""
        for told, address in self.page.links:
            if told == text:
                return self._fetch(address)
        raise NotThere(f"no link {text!r}, only {sorted({told for told, _ in self.page.links})}")

    def enter(self, value: str, label: str) -> None:
        """Enter something into the field that is labelled so."""
        form, name = self._field(label)
        form.values[name] = value

    def tick(self, label: str) -> None:
        """Tick the box that is labelled so."""
        form, name = self._field(label)
        if name not in form.boxes:
            raise NotThere(f"{label!r} is no box to be ticked")
        form.values[name] = form.boxes[name]

    def press(self, text: str) -> None:
        """Press the first button with this text: its form is sent."""
        for form in self.page.forms:
            for told, sent in form.buttons:
                if told == text:
                    data = urllib.parse.urlencode({**form.values, **sent})
                    if form.method == "post":
                        return self._fetch(form.action, data.encode())
                    return self._fetch(form.action.split("?")[0] + "?" + data)
        told_all = sorted({told for form in self.page.forms for told, _ in form.buttons})
        raise NotThere(f"no button {text!r}, only {told_all}")

    def see(self, text: str) -> None:
        """Make sure that the page says this."""
        if text not in self.page.text:
            raise NotThere(f"no {text!r} on the page {self.address}: {self.page.text}")

    def _field(self, label: str) -> tuple[Form, str]:
        field = self.page.labels.get(label)
        for form in self.page.forms:
            if field in form.named:
                return form, form.named[field]
        raise NotThere(f"no field {label!r}, only {sorted(self.page.labels)}")

    def _fetch(self, address: str, data: bytes | None = None) -> None:
        address = urllib.parse.urljoin(self.address, address) if address else self.address
        html, self.address = self._read(address, data)
        self.page = Page(html)
        for file in self.page.files:
            self._read(urllib.parse.urljoin(self.address, file))

    def _read(self, address: str, data: bytes | None = None) -> tuple[str, str]:
        if urllib.parse.urlsplit(address).scheme != "http":
            raise NotThere(f"{address} is no address of a site")
        asked = urllib.request.Request(address, data, {"Referer": self.address or address})  # noqa: S310
        try:
            with self._opener.open(asked, timeout=60) as answer:
                return answer.read().decode(), answer.url
        except urllib.error.HTTPError as error:
            raise NotThere(f"{address} answers {error.code}") from error
        except urllib.error.URLError as error:
            raise NotThere(f"{address} does not answer: {error.reason}") from error


def words(text: str) -> str:
    """Return the text as it is shown, with one space where there is some."""
    return " ".join(text.split())
