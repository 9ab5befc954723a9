"""The tutorial is true: whoever does what it says sees what it shows."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.tools import tool

tutorial = tool("tutorial")
visitor = tool("visitor")

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(
        settings.VENDOR != "sqlite", reason="The project of the tutorial brings its own database."
    ),
]

#: What the project of the tutorial is not to know of ours.
OURS = ("DJANGO_SETTINGS_MODULE", "PYTEST_", "ATM_")


def environment() -> dict[str, str]:
    """Return the environment of somebody who has the package, and no project yet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"PYTHONWARNINGS": "error"}


@pytest.mark.no_cover
def test_whoever_follows_the_tutorial_line_by_line_sees_what_it_shows(tmp_path: Path) -> None:
    project, installed = tmp_path / "project", []
    project.mkdir()
    tutorial.follow(project, sys.executable, installed.append, environment())
    assert installed == ["pip install django-automations"]


def test_the_pages_are_those_of_the_table_of_contents() -> None:
    index = (tutorial.PAGES.parent / "index.md").read_text()
    named = [line for line in index.splitlines() if line.startswith("tutorial/")]
    assert named == [f"tutorial/{page.stem}" for page in tutorial.pages()]


@pytest.fixture
def follower(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Somebody who follows other pages, without much patience."""
    monkeypatch.setattr(tutorial, "PATIENCE", 1.0)
    project = tmp_path / "project"
    project.mkdir()
    return tutorial.Follower(
        tutorial.Place(project, sys.executable, lambda command: None, environment())
    )


TRUE = """
Prose with `code`, and a file:

```python
# shop/manage.py
print("one", "two")
```

```python
# shop/manage.py, at the end
print("three")
```

```console
$ pip install django-automations
$ python -c "print('free')"
$ python -W ignore shop/manage.py
one ...
...
three
```
"""

FALSE = {
    "```console\n$ python -c 'print(1)'\n2\n```": "is to print\n2\n\nand has printed\n1",
    "```console\n$ python -c 'print(1); print(2)'\n1\n```": "and has printed\n1\n2",
    "```console\n$ python -c 'exit(3)'\n```": "ended with 3",
    "```console\n$ pip install something\n```": "is no known way to install the package",
    "```console\n$ rm -r .\n```": "'rm' is no program that the tutorial may use",
    "```python\nx = 1\n```": "a block that names no file: 'x = 1",
    "```python\n# settings.py, at the end\nx = 1\n```": "there is no settings.py to add something",
    "```pycon\n>>> 1\n1\n>>> exit()\n```": "no shell was opened before this block",
    "```text\nA mail\n```": "nobody has printed\nA mail",
    "![A picture](../images/none.svg)": "none.svg is not what the project has made",
    "1. Be happy.": "it cannot be followed: 'Be happy.'",
    "1. You see **Welcome**.": "no 'Welcome' on the page",
    "1. Follow **Start**.": "no link 'Start'",
    "1. Enter `ada` as **Username**.": "no field 'Username'",
    "1. Press **Log in**.": "no button 'Log in'",
    "1. Open <http://127.0.0.1:1/>.": "does not answer",
}


def test_what_is_true_is_followed(follower: Any, tmp_path: Path) -> None:
    page = tmp_path / "true.md"
    page.write_text(TRUE)
    follower.page(page)
    written = (tmp_path / "project" / "shop" / "manage.py").read_text()
    assert written == (
        '# shop/manage.py\nprint("one", "two")\n\n# shop/manage.py, at the end\nprint("three")\n'
    )


@pytest.mark.parametrize(("text", "told"), FALSE.items())
def test_what_is_not_so_is_told_with_its_line(
    text: str, told: str, follower: Any, tmp_path: Path
) -> None:
    page = tmp_path / "false.md"
    page.write_text(f"# Title\n\n{text}\n")
    with pytest.raises(tutorial.Differs) as refused:
        follower.page(page)
    assert str(refused.value).startswith("false.md, line 3: ")
    assert told in str(refused.value)


def test_a_shell_that_answers_something_else_is_told(follower: Any, tmp_path: Path) -> None:
    """Only the block and the lines before it, in a project that has nothing but a shell."""
    page = tmp_path / "shell.md"
    manage = "import sys\nexec(sys.argv[-1], {'__name__': '__main__'})\n"
    page.write_text(
        f"```python\n# manage.py\n{manage}```\n\n```console\n$ python manage.py shell\n```\n\n"
        "```pycon\n>>> 1 + 1\n3\n>>> exit()\n```\n"
    )
    with pytest.raises(tutorial.Differs, match=r"(?s)line 11: .*Expected:\n    3\nGot:\n    2"):
        follower.page(page)


def test_a_person_meets_what_a_page_shows() -> None:
    page = visitor.Page(
        '<title>No</title><h1>Two  words</h1><form method="post" action="/go">'
        '<label for="a">Name:</label><input id="a" name="name" value="x">'
        '<label for="b">Agreed</label><input type="checkbox" id="b" name="agreed">'
        '<button name="next" value="1">Send</button></form><a href="/on">Go  on</a>'
        '<link rel="stylesheet" href="/a.css"><script src="/a.js">none()</script>'
    )
    assert page.text == "Two words Name: Agreed Send Go on"
    assert page.links == [("Go on", "/on")]
    assert page.files == ["/a.css", "/a.js"]
    (form,) = page.forms
    assert (form.method, form.action, form.values) == ("post", "/go", {"name": "x"})
    assert form.buttons == [("Send", {"next": "1"})]
    mira = visitor.Visitor()
    mira.page = page
    mira.enter("ada", "Name")
    mira.tick("Agreed")
    assert form.values == {"name": "ada", "agreed": "on"}
