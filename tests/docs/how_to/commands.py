"""What the pages tell to type: commands that are there, with options that they have."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from blocks import PAGES, ROOT, Block, blocks
from django.core.management import CommandError, get_commands, load_command_class

#: What a line of a shell, of cron, systemd or Kubernetes has before the command.
BEFORE = re.compile(r"^(\$ |[*\d/ ]+cd \S+ && |ExecStart=)")
PROGRAMS = re.compile(r"\b(manage\.py|celery|pip install|pytest|make) ")
IN_TEXT = re.compile(
    r"`((?:python )?manage\.py [^`]+|automation_(?!clock)[^`]*|(?:pip|make|celery|pytest) [^`]+)`"
)


def typed(block: Block) -> list[str]:
    """Return the commands of a block; the options of a container as one."""
    lines = re.sub(r"\n +(?=--)", " ", block.text).splitlines()
    found = []
    for line in lines:
        command = BEFORE.sub("", line).strip()
        if listed := re.fullmatch(r"command: \[(.*)\]", command):
            command = listed[1].replace(",", "")
        if PROGRAMS.search(command) and not command.startswith("#"):
            found.append(re.split(r" [>#]| \| ", command)[0])
    return found


def only_commands(block: Block) -> bool:
    """Return whether nothing stands in a block but commands, settings of units, and comments."""
    if block.language in ("ini", "yaml"):
        return True
    rest = [line for line in block.text.splitlines() if line and not re.match(r"#|\w+=", line)]
    return block.language == "" and len(typed(block)) == len(rest)


def named(page: str) -> Iterator[str]:
    """Yield the commands that are named in the text of a page."""
    text = re.sub(
        r"^```.*?^```$", "", (PAGES / f"{page}.md").read_text(), flags=re.MULTILINE | re.DOTALL
    )
    yield from IN_TEXT.findall(text)


def refuse_unknown(command: str, config: Any, *, whole: bool) -> None:
    """Raise an error unless the command is there and takes what it is given."""
    words = shlex.split(command)
    if words[0] == "python":
        words = words[1:]
    if words[0].endswith("python"):
        words = words[1:]
    if words[0] == "manage.py":
        words = words[1:]
    program, *given = words
    if program == "pip":
        refuse_extras(given)
    elif program == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert given[0] in targets, f"{command}: there is no such target"
    elif program == "celery":
        refuse_celery(given)
    elif program == "pytest":
        for option in given:
            config.getoption(option.partition("=")[0])
    else:
        refuse_management(program, given, whole=whole)


def refuse_extras(given: list[str]) -> None:
    """Raise an error for an extra that the package does not have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for extra in re.findall(r"django-automations\[(.*?)\]", " ".join(given)):
        assert extra in project["optional-dependencies"]


def refuse_celery(given: list[str]) -> None:
    """Raise an error for a command or an option that Celery does not have."""
    celery = import_module("celery.bin.celery").celery
    known = {option for parameter in celery.params for option in parameter.opts}
    (name,) = [word for word in given if word in celery.commands]
    known |= {option for each in celery.commands[name].params for option in each.opts}
    assert {word for word in given if word.startswith("-")} <= known


def refuse_management(name: str, given: list[str], *, whole: bool) -> None:
    """Raise an error for what ``manage.py`` does not have."""
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    parser = command.create_parser("manage.py", name)
    if whole:
        try:
            parser.parse_args(given)
        except CommandError as error:
            raise AssertionError(f"{name} {given}: {error}") from error
    for option in given:
        if option.startswith("--"):
            assert option.partition("=")[0] in parser._option_string_actions, f"{name} {option}"


def commands_of(page: str) -> Iterator[tuple[str, bool]]:
    """Yield each command of a page, and whether it is all there."""
    for block in blocks(page):
        if block.language in ("", "ini", "yaml", "console", "shell"):
            for command in typed(block):
                yield command, True
    for command in named(page):
        yield command, False
