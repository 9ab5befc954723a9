"""The reference: whatever is public in the code has its place there, and nothing else has."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.core.management import BaseCommand, load_command_class
from django.db.models import Model
from django.dispatch import Signal
from django.template.library import Library

import automations
from automations import exceptions, flow, models, outcomes, settings, signals, testing, urls, views
from automations.definition.options import Options
from automations.templatetags import atm_tags
from tests.docs.pages import DOCS, described, lacking, page, rows, section, spans, words

SOURCE = Path(automations.__file__).parent
TEMPLATES = SOURCE / "templates" / "automations"
COMMANDS = sorted(path.stem for path in SOURCE.glob("management/commands/[a-z]*.py"))

#: What only the engine, the checks and the pictures ask of nodes; their names may change.
ENGINE = {
    *("automation", "automation_name", "bound", "default_target", "dispatcher", "does_nothing"),
    *("ends", "first", "following", "forks", "given", "merges", "next_name", "places", "repeats"),
    *("boundary_flows", "error_flows", "repeated_modifiers", "rule", "run", "terminate"),
    *("commits", "written_as", "anchor", "anchor_key", "came_by", "name"),
    *("only_leads_on", "runs_own_code"),
    # of waiting and reminding
    *("conditions", "deadline", "follows", "grids", "limits", "look", "next_reminder", "polls"),
    *("remind", "reminded", "reminder_problems", "reminders", "reminds_now", "skip_after"),
    *("skip_conditions", "time_values", "timeout", "wait", "waiting_problems", "waiting_values"),
    "waits_until",
    # of the kinds
    *("as_work", "awaited", "background", "call", "handlers", "tries"),
    *("at", "branches", "cases", "default_name", "else_clause", "every", "place", "then_clause"),
    *("due_in", "group", "permissions", "receiver", "user"),
}
IMPORT = re.compile(
    r"^ *(?:>>> )?from (automations[\w.]*) import (?:\(([^)]*)\)|(\w+(?:, \w+)*))", re.MULTILINE
)
OPTION = r"(?<![\w-])--[a-z][\w-]*"
#: For the inbox itself: the rest of `doable_by`.
INBOX = {"addressed_to", "granted_on_objects", "needing"}
#: What every model of Django has, and every field that is a choice or a date.
GIVEN = re.compile(r"get_(next|previous)_by_|get_\w+_display$")
OF_DJANGO = {"DoesNotExist", "Meta", "MultipleObjectsReturned", "NotUpdated", "objects"}


def reference() -> str:
    """Return all pages of the reference but the one that is written by a program."""
    return "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted((DOCS / "reference").glob("*.md"))
        if path.stem != "api-coverage"
    )


def own(cls: type) -> Iterator[tuple[str, Any]]:
    """Yield the public members of a class that the package itself gives it."""
    seen = set()
    for base in cls.__mro__:
        if base.__module__.startswith("automations."):
            for name, value in vars(base).items():
                if not name.startswith("_") and name not in seen:
                    seen.add(name)
                    yield name, value


def bare(name: str) -> str:
    """Return the last part of a dotted name."""
    return name.rpartition(".")[2]


def test_every_word_of_the_language_is_described() -> None:
    there = described(page("reference/flow"))
    wanted = {f"automations.flow.{name}" for name in flow.__all__ if name != "this"}
    assert lacking(wanted, there) == []
    assert "automations.flow.this" in spans(page("reference/flow"))


def test_every_member_of_an_automation_is_described() -> None:
    text = page("reference/flow")
    there = {bare(name) for name in described(text)} | spans(text)
    assert lacking((name for name, _ in own(flow.Automation)), there) == []


@pytest.mark.parametrize(
    "name",
    [name for name in flow.__all__ if inspect.isclass(getattr(flow, name)) and name != "This"],
)
def test_every_member_of_a_node_is_described_or_the_engines_own(name: str) -> None:
    text = page("reference/flow") + page("reference/nodes")
    there = {bare(each) for each in described(text)} | spans(text)
    kind = getattr(flow, name)
    if issubclass(kind, flow.Node):
        assert lacking((each for each, _ in own(kind)), there | ENGINE) == []


def test_every_modifier_is_described_with_a_kind_that_has_it() -> None:
    there = described(page("reference/flow"))
    described_as = {name.removeprefix("automations.flow.") for name in there}
    kinds = [kind for name in flow.__all__ if is_node(kind := getattr(flow, name))]
    for kind in kinds:
        for name, _ in own(kind):
            if name[0].isupper():
                bases = {base.__name__ for base in kind.__mro__}
                assert any(f"{base}.{name}" in described_as for base in bases | {"Execute"}), (
                    f"{kind.__name__}.{name}"
                )


def is_node(value: Any) -> bool:
    """Return whether a word of the language is a kind of node."""
    return inspect.isclass(value) and issubclass(value, flow.Node)


def test_what_meta_may_say_is_told() -> None:
    table = page("reference/flow").partition("### What `Meta` says")[2].partition("\n## ")[0]
    options = [name for name in Options.__dataclass_fields__ if name != "wrong"]
    asked = re.findall(r'_option\(\s*"(\w+)"', source("automation.py", "views/dashboard.py"))
    assert lacking([*options, *asked], spans(table)) == []
    assert asked


def source(*paths: str) -> str:
    """Return the text of modules of the package."""
    return "".join((SOURCE / path).read_text(encoding="utf-8") for path in paths)


def test_every_outcome_and_every_error_is_described_from_its_own_words() -> None:
    for module in (outcomes, exceptions):
        assert f"{module.__name__}." in described(reference())
        for name, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == module.__name__:
                assert value.__doc__, name


def test_every_signal_is_described_from_its_own_words() -> None:
    assert "automations.signals." in described(reference())
    told = re.findall(r"^#: .+\n(?:#: .+\n)*(\w+) = Signal", source("signals.py"), re.MULTILINE)
    assert set(told) == {name for name, value in vars(signals).items() if is_signal(value)}


def is_signal(value: Any) -> bool:
    """Return whether a name of the module stands for a signal."""
    return isinstance(value, Signal)


def test_every_error_says_who_raises_it() -> None:
    errors = {
        name
        for name, value in vars(exceptions).items()
        if inspect.isclass(value) and issubclass(value, Exception) and name != "AutomationError"
    }
    told = {row[0].strip("`") for row in rows(page("reference/errors"))} - {"error", "---"}
    assert told == errors


def test_every_model_is_described_with_its_fields() -> None:
    text = page("reference/models")
    there = described(text)
    for name in models.__all__:
        assert f"automations.models.{name}" in there
        model: type[Model] = getattr(models, name)
        parts = text.split("\n## ")
        told = spans("".join(part for part in parts if f"automations.models.{name}\n" in part))
        fields = [field.name for field in model._meta.fields if field.name != "id"]
        assert lacking(fields, told) == []


@pytest.mark.parametrize("name", models.__all__)
def test_what_a_row_can_do_is_described(name: str) -> None:
    model = getattr(models, name)
    fields = {field.name for field in model._meta.get_fields()} | {
        field.attname for field in model._meta.fields
    }
    queries = type(model.objects.all())
    own_queries = {each for each, _ in own(queries)} - INBOX
    methods = {
        each
        for each, value in own(model)
        if callable(getattr(value, "__func__", value)) or isinstance(value, property)
        if not inspect.isclass(value)
        and not re.match(r"get_(next|previous)_by|get_\w+_display", each)
    }
    there = {bare(each) for each in described(page("reference/models"))}
    assert lacking(methods - fields - OF_DJANGO | own_queries, there) == []


def test_every_state_and_act_is_told() -> None:
    told = spans(page("reference/models"))
    states = {*models.AutomationModel.State.values, *models.AutomationTaskModel.State.values}
    acts = models.AutomationAuditModel.Action.values
    assert lacking([*states, *acts], told) == []


def test_every_setting_is_told_with_its_default() -> None:
    told = {row[0].strip("`"): row[1] for row in rows(page("reference/settings"))}
    assert set(settings.SETTINGS) == {name for name in told if name.startswith("ATM_")}
    for name, setting in settings.SETTINGS.items():
        assert told[name] == f"`{setting.default!r}`".replace("'", '"'), name


def test_every_check_is_told_once_and_no_other() -> None:
    texts = [path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py")]
    ids = {code for text in texts for code in re.findall(r'"([EWI]\d{3})"', text)}
    told = [row[0].strip("`") for row in rows(page("reference/checks"))]
    told = [each for each in told if each.startswith("automations.")]
    assert sorted(told) == sorted(f"automations.{code}" for code in ids)


def test_every_page_is_told_with_its_url_and_its_view() -> None:
    text = page("reference/pages")
    told = {row[1].strip("`"): row[2] for row in rows(text) if len(row) == 4}
    names = {f"automations:{pattern.name}" for pattern in urls.urlpatterns}
    assert names == {name for name in told if name.startswith("automations:")}
    for pattern in urls.urlpatterns:
        assert f"`{pattern.callback.view_class.__name__}`" in told[f"automations:{pattern.name}"]
    assert lacking(views.__all__, spans(text)) == []


def template_rows() -> dict[str, str]:
    """Return the blocks of each template, as the page tells them."""
    found = {}
    for row in rows(page("reference/templates")):
        for name in re.findall(r"`([\w/]+\.(?:html|txt))`", row[0]):
            assert name not in found, name
            found[name] = row[1]
    return found


def test_every_template_is_told_with_its_blocks() -> None:
    told = template_rows()
    there = [path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*")]
    assert sorted(told) == sorted(there)
    for name in there:
        written = re.findall(r"{% block (\w+) %}", (TEMPLATES / name).read_text(encoding="utf-8"))
        assert re.findall(r"`(\w+)`", told[name]) == written, name


def test_every_static_file_is_told() -> None:
    files = [path.name for path in (SOURCE / "static" / "automations").iterdir()]
    assert lacking(files, spans(page("reference/templates"))) == []


def test_every_tag_and_filter_is_told() -> None:
    register: Library = atm_tags.register
    text = page("reference/template-tags")
    told = re.findall(r"`{% (\w+)", text) + re.findall(r"\\\|(\w+)", text)
    assert set(told) == {*register.tags, *register.filters}


def test_every_command_is_told() -> None:
    headings = re.findall(r"^## `(\w+)`$", page("reference/command"), re.MULTILINE)
    assert sorted(headings) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_told(name: str) -> None:
    text = section(page("reference/command"), f"`{name}`")
    common = set(BaseCommand().create_parser("manage.py", name)._option_string_actions)
    parser = load_command_class("automations", name).create_parser("manage.py", name)
    options = set(parser._option_string_actions) - common
    told = {word for span in spans(text) for word in re.findall(OPTION, span)}
    assert told >= options
    assert set(re.findall(OPTION, text)) <= options
    for action in parser._actions:
        if not action.option_strings:
            wanted = action.choices or [action.metavar or action.dest]
            shown = {part for span in spans(text) for part in span.upper().split()}
            assert lacking([str(each).upper() for each in wanted], shown) == []


def test_whatever_helps_to_test_is_told_with_its_arguments() -> None:
    text = page("reference/testing")
    for name in testing.__all__:
        assert re.search(rf"\b{name}\b", text), name
        value = getattr(testing, name)
        if inspect.isfunction(value):
            (row,) = (row for row in rows(text) if re.search(rf"\b{name}\(", row[0]))
            assert (
                lacking(inspect.signature(value).parameters, set(re.findall(r"\w+", row[0]))) == []
            )
    for option in ("--automation-coverage", "--automation-fail-under", "automation_clock"):
        assert option in text
    written = set(re.findall(r'"(--automation[\w-]+)"', source("pytest_plugin.py")))
    assert written == set(re.findall(r"--automation[\w-]+", text))


def imported() -> Iterator[tuple[str, str]]:
    """Yield the module and the name of whatever pages tell one to import."""
    for path in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]:
        if "_build" in path.parts or path.stem == "api-coverage":
            continue
        text = path.read_text(encoding="utf-8")
        for module, bracketed, names in IMPORT.findall(text):
            for name in re.findall(r"\w+", bracketed or names):
                yield module, name


def test_what_pages_import_is_there_and_in_the_reference() -> None:
    text = reference()
    there = described(text)
    shown = {bare(name) for name in there} | words(text)
    for module, name in imported():
        found = __import__(module, fromlist=[name])
        assert hasattr(found, name), f"{module}.{name}"
        assert f"{module}." in there or name in shown, f"{module}.{name}"


def test_what_the_reference_describes_is_there_and_says_what_it_is() -> None:
    for name in described(reference()):
        needs_sphinx = name.startswith("automations.contrib.sphinx")
        if not name.endswith(".") and not (needs_sphinx and find_spec("sphinx") is None):
            assert inspect.getdoc(resolved(name)), name


def test_whatever_pages_call_by_its_dotted_path_is_there() -> None:
    codes = re.compile(r"automations\.[EWI]\d{3}|automations\.(view|change)_\w+")
    for path in DOCS.rglob("*.md"):
        if "_build" in path.parts or path.stem == "api-coverage":
            continue
        for span in spans(path.read_text(encoding="utf-8")):
            name = span.partition("(")[0]
            is_path = re.fullmatch(r"automations(\.[A-Za-z_]\w*)+", name)
            if is_path and not codes.fullmatch(name) and name not in NAMES and "/" not in span:
                assert resolved(name) is not None, f"{name} in {path.name}"


#: Names that are no paths of Python: tasks of Celery, files, the name of a logger.
NAMES = {"automations.css", "automations.py", "automations.sweep", "automations.work"}


def test_whatever_else_pages_name_is_there() -> None:
    addresses = {f"automations:{pattern.name}" for pattern in urls.urlpatterns}
    addresses |= {"automations:node"}  # an element of XML
    files = {path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.*")}
    for path in DOCS.rglob("*.md"):
        if "_build" in path.parts or path.stem in ("api-coverage", "proofs"):
            continue
        text = path.read_text(encoding="utf-8")
        assert lacking(re.findall(r"\bATM_[A-Z_]+[A-Z]\b", text), settings.SETTINGS) == [], path
        named = re.findall(r"`(automations:\w+)`", text)
        assert lacking(named, addresses) == [], path
        shown = re.findall(r"\bautomations/([\w/]+\.(?:html|txt))", text)
        assert lacking(shown, files) == [], path


def resolved(name: str) -> Any:
    """Return the object of a dotted name, also an attribute of a class that is a descriptor."""
    parts = name.split(".")
    for number in range(len(parts), 0, -1):
        try:
            value: Any = __import__(".".join(parts[:number]), fromlist=["_"])
        except ImportError:
            continue
        for part in parts[number:]:
            value = inspect.getattr_static(value, part)
        return getattr(value, "__func__", value)
    raise AssertionError(f"{name} cannot be imported.")


def test_a_name_that_is_missing_is_reported() -> None:
    text = page("reference/flow")
    there = {bare(name) for name in described(text)} | spans(text)
    assert lacking(["Next", "MadeUp", "Execute", "AsMadeUp"], there) == ["AsMadeUp", "MadeUp"]
    without = text.replace("SkipAfter, ", "").replace("`SkipAfter`", "")
    assert lacking(["SkipAfter"], {bare(name) for name in described(text)}) == []
    assert lacking(["SkipAfter"], {bare(name) for name in described(without)}) == ["SkipAfter"]
