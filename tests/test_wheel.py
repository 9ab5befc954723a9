"""What is published has all that the package needs, and nothing else."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import hatchling.build
import pytest

import automations
from tests.conftest import ROOT
from tests.tools import tool

package = tool("package")

SOURCE = ROOT / "src" / "automations"

#: What may lie around in a source tree.
STRAYS = [
    "notes.txt",
    "models/rows.py.orig",
    "templates/automations/base.html~",
    "static/automations/.DS_Store",
    "static/automations/automations.css.map",
    "locale/de/LC_MESSAGES/django.po.bak",
    "__pycache__/flow.cpython-313.pyc",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the package is built from."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        shutil.copy(ROOT / name, copy)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(SOURCE, copy / "src" / "automations", ignore=ignored)
    return copy


@pytest.fixture(autouse=True)
def within(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the build backend find the project, as those who call it do."""
    monkeypatch.chdir(project)


def wheel(folder: Path) -> Path:
    return folder / hatchling.build.build_wheel(str(folder))


def names(built: Path) -> set[str]:
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_the_wheel_has_what_the_source_tree_has_for_users_and_nothing_else(
    project: Path, tmp_path: Path
) -> None:
    built = wheel(tmp_path)
    assert package.differences(built, SOURCE) == []
    there = names(built)
    for needed in (
        "automations/py.typed",
        "automations/flow.py",
        "automations/migrations/0004_laws.py",
        "automations/templates/automations/task_list.html",
        "automations/templates/automations/email/assigned.txt",
        "automations/static/automations/live.js",
        "automations/locale/de/LC_MESSAGES/django.mo",
    ):
        assert needed in there
    assert not [name for name in there if "/tests/" in name or name.endswith(".po")]


def test_what_lies_around_in_the_source_tree_is_not_in_the_wheel(
    project: Path, tmp_path: Path
) -> None:
    before = names(wheel(tmp_path))
    strays = [project / "src" / "automations" / name for name in STRAYS]
    for stray in strays:
        stray.parent.mkdir(exist_ok=True)
        stray.write_text("of nobody's concern")
    try:
        assert names(wheel(tmp_path)) == before
    finally:
        for stray in strays:
            stray.unlink()


def test_a_file_of_a_new_kind_is_not_left_out_unnoticed(project: Path, tmp_path: Path) -> None:
    built = wheel(tmp_path)
    new = project / "src" / "automations" / "static" / "automations" / "logo.svg"
    new.write_text("<svg/>")
    try:
        told = package.differences(built, project / "src" / "automations")
    finally:
        new.unlink()
    assert told == [
        "static/automations/logo.svg: is it shipped? Say so in tools/package.py",
    ]


def test_what_is_missing_or_too_much_in_a_wheel_is_told(project: Path, tmp_path: Path) -> None:
    built = wheel(tmp_path)
    with zipfile.ZipFile(built, "a") as archive:
        archive.writestr("automations/tests/test_it.py", "")
    new = project / "src" / "automations" / "later.py"
    new.write_text("")
    try:
        told = package.differences(built, project / "src" / "automations")
    finally:
        new.unlink()
    assert told == [
        "automations/tests/test_it.py is not to be in the wheel",
        "automations/later.py is missing in the wheel",
    ]


def test_the_wheel_that_is_built_from_the_source_distribution_is_the_same(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct = names(wheel(tmp_path))
    archive = tmp_path / hatchling.build.build_sdist(str(tmp_path))
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path / archive.name.removesuffix(".tar.gz"))
    again = tmp_path / "again"
    again.mkdir()
    assert names(wheel(again)) == direct


def test_the_wheel_asks_for_little_and_says_where_it_runs(project: Path, tmp_path: Path) -> None:
    built = wheel(tmp_path)
    with zipfile.ZipFile(built) as archive:
        (path,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        told = message_from_bytes(archive.read(path))
    assert told["Version"] == automations.__version__
    assert told["Requires-Python"] == ">=3.11"
    needed = told.get_all("Requires-Dist", [])
    assert sorted(line for line in needed if "extra ==" not in line) == [
        "cronsim>=2.6",
        "django>=5.2",
    ]
    assert built.name.endswith("-py3-none-any.whl")
