"""The page on testing: each of its blocks is a file of a project, and its tests pass there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE, SOURCE = ROOT / "docs" / "how-to" / "test.md", ROOT / "src"

SETTINGS = """
SECRET_KEY = "for this test only"
TIME_ZONE = "UTC"
USE_TZ = True
INSTALLED_APPS = [
    "django.contrib.contenttypes", "django.contrib.auth", "automations", "shop",
]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
"""

STANDING = """
import datetime

import pytest

from automations.testing import assert_waiting_at, clock
from shop.automations import Expense
from shop.test_expense import MONDAY


@pytest.mark.django_db
def test_the_page_shows_this(django_user_model, standing):
    django_user_model.objects.create(username="ada")
    with clock(MONDAY):
        run = Expense(amount=1)
        with pytest.raises(AssertionError) as refused:
            assert_waiting_at(run, "pay")
    assert str(refused.value).replace(f"Expense {run.id}", "Expense 1") == standing
"""

STORY = """
import datetime

import pytest
from hypothesis import strategies as st

from automations.testing import StoryFailed, explore
from shop.automations import Expense


@pytest.mark.django_db
def test_the_page_shows_this_story(django_user_model, story):
    django_user_model.objects.create(username="ada")
    with pytest.raises(StoryFailed) as failed:
        explore(
            Expense,
            start={"amount": st.integers(0, 500)},
            within=datetime.timedelta(weeks=2),
            seconds=200,  # the machine may be busy
        )
    told = str(failed.value).rpartition("\\n\\n")[0]
    assert told == story
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.processes
@pytest.mark.one_database
def test_the_blocks_of_the_page_are_a_project_whose_tests_pass(tmp_path: Path) -> None:
    standing, story, coverage = blocks("text")
    shown = {"standing": standing.rstrip(), "story": story.rstrip()}
    fixture = "import pytest\n" + "".join(
        f"@pytest.fixture\ndef {name}():\n    return {text!r}\n" for name, text in shown.items()
    )
    files = {
        "settings.py": SETTINGS,
        "conftest.py": fixture,
        "shop/__init__.py": "",
        "shop/test_standing.py": STANDING,
        "shop/test_story.py": STORY,
    }
    for block in blocks("python"):
        name, text = block.removeprefix("# ").split("\n", 1)
        files[name] = text
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    path = os.pathsep.join([str(tmp_path), str(SOURCE)])
    environment = own | {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": path}

    def python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    python("django", "startautomation", "OrderApproval", "--app", "shop")
    quiet = ["-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:hypothesispytest"]
    (command,) = re.findall(r"^    pytest (--.*)$", PAGE.read_text(), re.MULTILINE)
    pytest_q = ["pytest", "-q", "--strict-markers", *quiet]
    random = ["shop/test_stories.py", "shop/test_story.py"]
    told = python(*pytest_q, *command.split(), *[f"--ignore={name}" for name in random])
    assert "9 passed" in told
    assert f"= automation coverage =\n{coverage}" in re.sub("=+", "=", told)
    assert "2 passed" in python(*pytest_q, *random)
