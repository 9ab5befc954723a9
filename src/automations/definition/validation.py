"""
What can be wrong with a process: one function per flaw.

Each takes a definition and yields a `Problem` per place. Nothing is executed and no database is
asked. What is wrong with a single node, the node says itself (`Node.problems`).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from django.apps import apps
from django.db.models import Model

from automations.definition.problems import Problem
from automations.definition.process import ProcessDefinition
from automations.definition.reaching import ending, reachable
from automations.definition.references import Reference
from automations.definition.soundness import unsound
from automations.exceptions import DefinitionError


def find_problems(definition: ProcessDefinition) -> tuple[Problem, ...]:
    """Return every flaw of the process, in the order of the functions below."""
    return _found(definition, definition.entries)


@lru_cache(maxsize=1024)
def _found(definition: ProcessDefinition, entries: tuple[str, ...]) -> tuple[Problem, ...]:
    """Look for flaws once, and anew when runs begin elsewhere: a trigger may come later."""
    return tuple(problem for find in FLAWS for problem in find(definition))


def refuse_if_flawed(definition: ProcessDefinition) -> None:
    """Raise `DefinitionError` with the text of every error of the process, if it has any."""
    errors = [problem for problem in find_problems(definition) if problem.code[0] == "E"]
    if errors:
        listed = "\n".join(f"- {problem}" for problem in errors)
        raise DefinitionError(f"{definition.label} cannot be started:\n{listed}")


def no_nodes(definition: ProcessDefinition) -> Iterator[Problem]:
    """A process without a single step."""
    if not definition.nodes:
        yield Problem(
            "E101",
            f"{definition.label} has no nodes.",
            "Add at least start = flow.Execute(...) and end = flow.End(), or say abstract = True "
            "in its Meta.",
        )


def unusable_names(definition: ProcessDefinition) -> Iterator[Problem]:
    """Names that the framework uses itself, that are private, or that are declared twice."""
    for name in [*definition.nodes, *definition.models]:
        label = f"{definition.label}.{name}"
        if name in definition.reserved:
            yield Problem(
                "E102", f"{label} has a name that flow.Automation uses itself.", "Rename it.", name
            )
        elif name.startswith("_"):
            yield Problem(
                "E102",
                f"{label} has a name that begins with an underscore, which is reserved.",
                "Rename it.",
                name,
            )
    for name in definition.doubled:
        yield Problem(
            "E103",
            f"{definition.label}.{name} is declared twice; only the second node would be used.",
            "Rename one of the two.",
            name,
        )


def case_equal_names(definition: ProcessDefinition) -> Iterator[Problem]:
    """Node names that some databases cannot tell apart."""
    seen: dict[str, str] = {}
    for name in definition.nodes:
        first = seen.setdefault(name.casefold(), name)
        if first != name:
            yield Problem(
                "E104",
                f"{definition.label}.{first} and {definition.label}.{name} differ only in case, "
                f"which some databases cannot tell apart.",
                "Rename one of the two.",
                name,
            )


def dangling_places(definition: ProcessDefinition) -> Iterator[Problem]:
    """Arrows to a node that does not exist."""
    for flow in definition.flows:
        if flow.target not in definition.nodes:
            yield Problem(
                "E105",
                f"{definition.label}.{flow.source} leads to {flow.target!r}, which is no node.",
                _meant(flow.target, definition.nodes) or f"Declare {flow.target} as a node.",
                flow.source,
            )


def dangling_references(definition: ProcessDefinition) -> Iterator[Problem]:
    """References to a method or attribute that does not exist."""
    for name, node in definition.nodes.items():
        for modifier, value in node.values():
            if isinstance(value, Reference) and not definition.has_attribute(value.name):
                yield Problem(
                    "E109",
                    f"{modifier} of {definition.label}.{name} refers to {value!r}, which does not "
                    f"exist.",
                    _meant(value.name, dir(definition.owner))
                    or f"Define a method {value.name}(self, task).",
                    name,
                )


def flawed_nodes(definition: ProcessDefinition) -> Iterator[Problem]:
    """What the nodes say of themselves."""
    for name, node in definition.nodes.items():
        yield from node.problems(f"{definition.label}.{name}")


def unreachable_nodes(definition: ProcessDefinition) -> Iterator[Problem]:
    """Nodes that no run ever comes to: a warning, for runs of earlier code may still be there."""
    seen = reachable(definition)
    for name in definition.nodes:
        if name not in seen:
            yield Problem(
                "W101",
                f"{definition.label}.{name} can never be reached.",
                f"Lead to it with .Next(this.{name}), or delete it when no open task is there.",
                name,
            )


def no_way_to_an_end(definition: ProcessDefinition) -> Iterator[Problem]:
    """Nodes from which a run could never end."""
    ends, seen = ending(definition), reachable(definition)
    for name in definition.nodes:
        if name in seen and name not in ends:
            yield Problem(
                "E120",
                f"No way leads from {definition.label}.{name} to an End.",
                "Add end = flow.End() as the last attribute, or lead there with .Next(this.end).",
                name,
            )


def wrong_options(definition: ProcessDefinition) -> Iterator[Problem]:
    """What ``Meta`` says and cannot mean."""
    yield from definition.options.problems(definition.label)
    unique = getattr(definition.owner, "unique", False)
    if definition.options.schedule and unique and unique is not True:
        yield Problem(
            "E127",
            f"{definition.label} has a schedule and is unique by {', '.join(unique)}, but a "
            f"schedule gives no parameters.",
            "Use unique = True, or start it from code.",
        )


def missing_models(definition: ProcessDefinition) -> Iterator[Problem]:
    """Bound models that have no table."""
    for name, model in definition.models.items():
        if reason := _why_not_there(model):
            yield Problem(
                "E119",
                f"{definition.label}.{name} binds {model.__name__}, which {reason}.",
                "Bind a model that is installed and has a table.",
                name,
            )


FLAWS: tuple[Callable[[ProcessDefinition], Iterator[Problem]], ...] = (
    no_nodes,
    unusable_names,
    case_equal_names,
    dangling_places,
    dangling_references,
    flawed_nodes,
    missing_models,
    wrong_options,
    unreachable_nodes,
    no_way_to_an_end,
    unsound,
)


def _meant(name: str, names: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(names), 1)
    return f"Did you mean {close[0]!r}?" if close else ""


def _why_not_there(model: type[Model]) -> str:
    options = model._meta
    if options.abstract:
        return "is abstract"
    if options.swapped:
        return f"is swapped out for {options.swapped}"
    try:
        installed = apps.get_model(options.label) is model
    except LookupError:
        installed = False
    return "" if installed else "belongs to no installed app"
