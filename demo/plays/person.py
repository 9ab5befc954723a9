"""A person who uses the site as its pages offer it: through links, forms and buttons."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser

from django.test import Client

#: What a person enters into the form of a page.
Answers = dict[str, str]


class Page(HTMLParser):
    """What a person reads on a page: its text, and its form with the question of each choice."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = ""
        #: The fields to fill in, and what the form sends along by itself.
        self.fields: set[str] = set()
        self.hidden: Answers = {}
        self.questions: dict[str, str] = {}
        self._question: str | None = None
        self._in_legend = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "legend":
            self._in_legend, self._question = True, ""
        elif tag == "input" and given.get("type") == "hidden":
            self.hidden[given["name"]] = given["value"]
        elif tag in ("input", "select", "textarea"):
            self.fields.add(given["name"])
            if given.get("type") == "radio" and self._question is not None:
                self.questions[given["name"]] = self._question

    def handle_endtag(self, tag: str) -> None:
        if tag == "legend":
            self._in_legend = False

    def handle_data(self, data: str) -> None:
        self.text += " ".join(data.split()) + "\n" if data.strip() else ""
        if self._in_legend and self._question is not None:
            self._question += data


class Person:
    """Somebody with a browser, which sends what a form has in it and nothing else."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.client = Client(enforce_csrf_checks=True)
        if name:
            self.fill_in("/accounts/login/", lambda page: {"username": name, "password": name})

    def see(self, address: str) -> str:
        """Open a page and return it."""
        response = self.client.get(address)
        if response.status_code != 200:
            sys.exit(f"{self.name or 'A visitor'} gets {response.status_code} from {address}.")
        return str(response.content.decode())

    def fill_in(self, address: str, answer: Callable[[Page], Answers]) -> None:
        """Open a form, enter what ``answer`` says to the page, and send it."""
        page = Page(self.see(address))
        answers = answer(page)
        if not answers or set(answers) - page.fields:
            sys.exit(f"The form at {address} asks for {page.fields}, not for {answers}.")
        response = self.client.post(address, page.hidden | answers)
        if response.status_code != 302:
            sys.exit(f"{address} answered {response.status_code} to {answers}.")

    def do_tasks(self, answer: Callable[[Page], Answers]) -> None:
        """Do every task on the list."""
        for address in re.findall(r'href="(/automations/\d+)\?', self.see("/automations/")):
            self.fill_in(address, answer)
