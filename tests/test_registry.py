"""Which automations a project has."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from automations import flow
from automations.registry import automations, get_automations
from tests.testapp import dashboard_processes, processes

DISCUSSION = ("tests.testapp.automations.IssueDiscussion", "Automation IssueDiscussion")


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what makes modules that can be imported."""

    def make(name: str) -> ModuleType:
        made = ModuleType(name)
        monkeypatch.setitem(sys.modules, name, made)
        return made

    return make


def declare(module: ModuleType, name: str, *bases: type, abstract: bool = False) -> Any:
    """Return a new automation of ``module``, as a class body there would make it."""
    meta = type("Meta", (), {"abstract": abstract})
    body = flow.Automation.__class__.__prepare__(name, bases)
    for key, value in {
        "__module__": module.__name__,
        "__qualname__": name,
        "Meta": meta,
        "end": flow.End(),
    }.items():
        body[key] = value
    made = flow.Automation.__class__(name, bases or (flow.Automation,), body)
    setattr(module, name, made)
    return made


def names(app: str | None = None) -> list[str]:
    """Return the bare names of what is found."""
    return [path.rpartition(".")[2] for path, _ in get_automations(app)]


@pytest.mark.api("A1", "get_automations")
def test_all_automations_are_listed_with_their_names() -> None:
    found = get_automations()
    assert flow.get_automations is get_automations
    assert DISCUSSION in found
    assert ("tests.testapp.processes.Straight", "Straight on") in found
    assert len(found) == len(set(found))
    assert {path for path, _ in found} == {cls.get_automation_name() for cls in automations()}


def test_the_order_is_that_of_declaration_also_where_one_extends_another() -> None:
    found = names("tests.testapp.processes")
    declared = [name for name in vars(processes) if name in found]
    assert found == declared
    assert names("tests.testapp.dashboard_processes") == [
        name
        for name, value in vars(dashboard_processes).items()
        if isinstance(value, flow.Automation.__class__) and value.__name__ == name
    ]


@pytest.mark.parametrize("app", ["testapp", "tests.testapp", "tests.testapp.automations"])
@pytest.mark.api("get_automations")
def test_an_app_is_named_by_label_by_path_or_by_its_module(app: str) -> None:
    assert get_automations(app) == [DISCUSSION]


@pytest.mark.api("get_automations")
def test_any_module_can_be_asked_and_tells_only_its_own() -> None:
    assert "Straight" in names("tests.testapp.processes")
    assert "IssueDiscussion" not in names("tests.testapp.processes")
    assert get_automations("automations") == []
    assert get_automations("auth") == []
    assert get_automations("tests.testapp.models") == []


def test_an_app_has_what_its_module_brings_from_elsewhere_in_the_app(module: Any) -> None:
    shop, other = module("shop"), module("library.automations")
    own, orders, helper = (
        module(name) for name in ("shop.automations", "shop.automations.orders", "shop.processes")
    )
    declare(shop, "AtTheTop")
    declare(own, "Own")
    declare(orders, "Below")
    brought = declare(helper, "Brought")
    declare(helper, "NotBrought")
    own.Brought = brought
    own.Foreign = declare(other, "Foreign")
    assert names("shop") == ["AtTheTop", "Own", "Below", "Brought"]
    assert names("shop.automations") == ["Own", "Below"]
    assert names("shop.processes") == ["Brought", "NotBrought"]
    assert names("library.automations") == ["Foreign"]
    module("shopping.automations")
    assert "Own" not in names("shopping.automations")


def test_abstract_ones_and_those_in_functions_are_left_out(module: Any) -> None:
    shop = module("shop")
    base = declare(shop, "Base", abstract=True)
    declare(shop, "Real", base)
    declare(shop, "Lost")
    del shop.Lost
    assert names("shop") == ["Real"]


def test_one_with_two_parents_is_listed_once(module: Any) -> None:
    shop = module("shop")
    first, second = declare(shop, "First"), declare(shop, "Second")
    declare(shop, "Both", first, second)
    assert names("shop") == ["First", "Second", "Both"]


@pytest.mark.parametrize("app", ["nowhere", "tests.nowhere", "auth.nowhere.more", "", ".", "a..b"])
def test_an_app_that_is_not_there_is_an_error_that_says_so(app: str) -> None:
    with pytest.raises(LookupError, match="neither an app nor a module") as caught:
        get_automations(app)
    assert repr(app) in str(caught.value)


def test_an_error_inside_of_a_module_is_not_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_a_shop.py").write_text("import a_library_that_is_missing")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match="a_library_that_is_missing"):
        get_automations("half_a_shop")
    with pytest.raises(SyntaxError, match="half a deploy"):
        get_automations("tests.testapp.broken")
