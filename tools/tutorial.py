"""
Follow the tutorial line by line, and end at the first difference between it and what is so.

What a page may ask for, and how:

- a block whose first line is a comment with a path is a file, the comment included; after
  ``, at the end`` it is added to that file, and ``(before Django 6.1)`` says for whom it is;
- a block ``console`` holds commands after ``$``, with what they print if anything is shown; ``...``
  stands for any lines, or for any text in a line. What keeps running does so until the page ends;
- a block ``pycon`` is what is entered into the shell that was opened before it;
- a block ``text`` is what one of those that keep running has printed since the last such block;
- a numbered list is what a person does in a browser, in the sentences of `DONE`;
- a picture that has the name of a file of the project is that file.

Anything else is prose, and a block or a sentence that cannot be followed is an error. Needs nothing
but Python 3.8; the project's Python is that of the caller's choice.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from pathlib import Path
from typing import Callable, NamedTuple

from running import Running, answers, free_site
from visitor import NotThere, Visitor

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "tutorial"
SITE = "127.0.0.1:8000"

#: What a file begins with, whatever its language: the path, and how it is meant.
HEAD = re.compile(
    r"(?:# |\{# )(?P<path>[\w/.]+\.\w+)(?P<end>, at the end)?"
    r"(?: \(before Django (?P<before>[\d.]+)\))?(?: #\})?"
)
BLOCK = re.compile(r"```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LIST = re.compile(r"^1\. [^\n]*(?:\n(?:\d+\. |   )[^\n]*)*", re.MULTILINE)
PICTURE = re.compile(r"!\[[^\]]*\]\((?P<path>[^)]+)\)")
PART = re.compile(
    "|".join(f"(?:{part.pattern})" for part in (BLOCK, LIST, PICTURE)), re.MULTILINE | re.DOTALL
)

#: What is done in a browser, and what stands between.
DONE = {
    "open": re.compile(r"open <([^>]+)>", re.IGNORECASE),
    "enter": re.compile(r"(?:enter )?`([^`]+)` as \*\*([^*]+)\*\*", re.IGNORECASE),
    "tick": re.compile(r"tick \*\*([^*]+)\*\*", re.IGNORECASE),
    "press": re.compile(r"press \*\*([^*]+)\*\*", re.IGNORECASE),
    "follow": re.compile(r"follow \*\*([^*]+)\*\*", re.IGNORECASE),
    "see": re.compile(r"you see \*\*([^*]+)\*\*", re.IGNORECASE),
}
BETWEEN = re.compile(r"(?:[.,:]|\band\b|\bthen\b|\s)+")

#: How the package comes into the environment.
INSTALLS = {"pip install django-automations"}

#: How long what keeps running may take to print something, or to end.
PATIENCE = 60.0

#: Enters a block into the shell as a person would, and compares what it shows.
ENTER = """
import doctest
text = {text!r}
test = doctest.DocTestParser().get_doctest(text, {{}}, {name!r}, None, 0)
failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test)
raise SystemExit(bool(failed))
"""


class Differs(AssertionError):
    """The tutorial says something that is not so."""


class Place(NamedTuple):
    """Where the project is made, with which Python, and how the package comes there."""

    folder: Path
    python: str
    install: Callable[[str], None]
    environment: dict[str, str]
    pictures: bool = False  # let the documentation show what the project draws


class Follower:
    """Whoever follows the tutorial, in an empty folder."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.django = (0, 0)
        self.running: list[Running] = []
        self.shell = False
        self.visitor = Visitor()

    def page(self, path: Path) -> None:
        """Follow one page to its end, where all ends that keeps running."""
        text = path.read_text(encoding="utf-8")
        try:
            for part in PART.finditer(text):
                line = text.count("\n", 0, part.start()) + 1
                try:
                    self._part(part[0], path)
                except (Differs, NotThere) as error:
                    raise Differs(f"{path.name}, line {line}: {error}") from error
        finally:
            codes = [running.end(PATIENCE) for running in self.running]
            self.running.clear()
        if any(codes):
            raise Differs(f"{path.name}: what kept running ended with {codes}")

    def _part(self, part: str, page: Path) -> None:
        block, picture = BLOCK.fullmatch(part), PICTURE.fullmatch(part)
        if picture:
            self._picture((page.parent / picture["path"]).resolve())
        elif not block:
            for item in re.split(r"^\d+\. ", part, flags=re.MULTILINE)[1:]:
                self._browse(item)
        elif block["language"] == "console":
            self._console(block["text"])
        elif block["language"] == "pycon":
            self._enter(block["text"], page)
        elif block["language"] == "text":
            self._await(block["text"])
        else:
            self._write(block["text"])

    # Files

    def _write(self, text: str) -> None:
        head = HEAD.fullmatch(text.split("\n", 1)[0])
        if not head:
            raise Differs(f"a block that names no file: {text[:60]!r}")
        if head["before"]:
            told = self._run([self.place.python, "-m", "django", "--version"])
            version = tuple(map(int, re.findall(r"\d+", told)[:2]))
            if version >= tuple(map(int, head["before"].split("."))):
                return
        path = self.place.folder / head["path"]
        if head["end"]:
            if not path.exists():
                raise Differs(f"there is no {head['path']} to add something to")
            text = path.read_text(encoding="utf-8") + "\n" + text
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def _picture(self, shown: Path) -> None:
        made = [path.read_bytes() for path in self.place.folder.rglob(shown.name)]
        if self.place.pictures and made:
            shown.write_bytes(made[0])
        if not shown.exists() or made != [shown.read_bytes()]:
            raise Differs(f"{shown.name} is not what the project has made")

    # Terminals

    def _console(self, text: str) -> None:
        for said in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, shown = said.split("\n", 1)
            self._command(command, shown)

    def _command(self, command: str, shown: str) -> None:
        program, *arguments = shlex.split(command)
        if program == "pip" and command not in INSTALLS:
            raise Differs(f"$ {command}\nis no known way to install the package")
        if program == "pip":
            self.place.install(command)
            return
        programs = {"python": [], "django-admin": ["-m", "django"]}
        if program not in programs:
            raise Differs(f"{program!r} is no program that the tutorial may use")
        called = [self.place.python, *programs[program], *arguments]
        if arguments[1:] == ["shell"]:
            self.shell = True
        elif "runserver" in arguments:
            self._serve(called)
        elif "--every" in arguments:
            self._keep(called)
        else:
            printed = self._run(called)
            if shown and not pattern(shown).fullmatch(printed.strip("\n") + "\n"):
                raise Differs(f"$ {command}\nis to print\n{shown}\nand has printed\n{printed}")

    def _run(self, command: list[str]) -> str:
        done = subprocess.run(
            command,
            cwd=str(self.place.folder),
            env=self.place.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        printed = done.stdout.decode()
        if done.returncode:
            raise Differs(f"{shlex.join(command)}\nended with {done.returncode}:\n{printed}")
        return printed

    def _keep(self, command: list[str]) -> None:
        self.running.append(Running(command, self.place.folder, self.place.environment))

    def _serve(self, command: list[str]) -> None:
        """Let the site run: on a port that is free, which is all that differs."""
        site = free_site()
        self._keep([*command, site])
        self.visitor = Visitor(moved=(f"http://{SITE}", f"http://{site}"))
        self._until(lambda: answers(site), "the site does not answer")

    def _enter(self, text: str, page: Path) -> None:
        if not self.shell:
            raise Differs("no shell was opened before this block")
        self.shell = False
        entered = text.replace(">>> exit()\n", "")
        if entered == text:
            raise Differs("the shell is never left")
        code = ENTER.format(text=entered, name=page.name)
        self._run([self.place.python, "manage.py", "shell", "--no-imports", "-c", code])

    def _await(self, text: str) -> None:
        wanted = pattern(text)

        def is_there() -> bool:
            return any(wanted.search(running.printed()) for running in self.running)

        self._until(is_there, f"nobody has printed\n{text}\nbut")
        for running in self.running:
            running.passed()

    def _until(self, so: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + PATIENCE
        while not so():
            if time.monotonic() > end or any(one.ended() for one in self.running):
                printed = "\n".join(running.printed() for running in self.running)
                raise Differs(f"{otherwise}\n{printed}")
            time.sleep(0.05)

    # The browser

    def _browse(self, item: str) -> None:
        rest = " ".join(item.split())
        while rest:
            for verb, sentence in DONE.items():
                said = sentence.match(rest)
                if said:
                    getattr(self.visitor, verb)(*said.groups())
                    break
            else:
                said = BETWEEN.match(rest)
                if not said:
                    raise Differs(f"it cannot be followed: {rest!r}")
            rest = rest[said.end() :]


def pages() -> list[Path]:
    """Return the pages of the tutorial, in the order in which they are to be followed."""
    return sorted(PAGES.glob("*.md"))


def follow(
    folder: Path,
    python: str,
    install: Callable[[str], None],
    environment: dict[str, str],
    pictures: bool = False,
) -> None:
    """Follow all pages in an empty folder; raise `Differs` where one says what is not so."""
    quiet = {"PYTHONUNBUFFERED": "1"}
    follower = Follower(Place(folder, python, install, {**environment, **quiet}, pictures))
    for page in pages():
        follower.page(page)


def pattern(shown: str) -> re.Pattern[str]:
    """Return what matches the lines that are shown, where ``...`` stands for any."""
    parts = [
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + "\n"
        for line in shown.splitlines()
    ]
    return re.compile("^" + "".join(parts), re.MULTILINE)
