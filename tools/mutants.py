"""
Small faults that are made in code on purpose, one at a time: mutants.

A fault is a change of the syntax tree, so no file is touched. Left alone are what is not run
(docstrings, annotations), and the words of errors, which tests need not know by heart.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from pathlib import Path
from typing import Iterator, NamedTuple

COMPARED = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
COMPUTED = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
#: What is called with words for people, or for whoever reads the code.
WORDS = {"Problem", "gettext", "gettext_lazy", "_", "getLogger", "warn", "TypeVar", "cast"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
#: Names of a module or class that say something about the code, not what it does.
SAID = {"__all__", "__slots__", "logger"}


class Mutant(NamedTuple):
    """One fault: where it is, and what it makes of what."""

    module: str
    place: str
    line: int
    before: str
    after: str
    #: Which fault of the module this is, for the process that makes it.
    number: int
    #: Whether the code is run when the module is imported, and not later.
    early: bool
    #: How many faults that read the same stand above it in the same place.
    nth: int
    #: The first line of the statement that it is in.
    statement: int

    @property
    def key(self) -> str:
        """What the fault is called, whatever lines are added above it."""
        text = f"{self.module} {self.place}: {self.before} -> {self.after}"
        return text + f" ({self.nth + 1})" if self.nth else text


class Fault(NamedTuple):
    """A fault as a change of the tree: in which field of which node what stands instead."""

    node: ast.AST
    field: str
    index: int | None
    value: object
    shown: ast.AST
    statement: int


def place_of(parents: list[ast.AST]) -> str:
    """Return the dotted name of the function or class around."""
    named = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return ".".join(each.name for each in parents if isinstance(each, named)) or "(module)"


def is_text(node: ast.AST) -> bool:
    """Tell whether a constant is words for people, not a name for the code."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


class Finder:
    """Finds all faults that a module can have, in the order of its code."""

    def __init__(self) -> None:
        self.found: list[tuple[Fault, str, bool]] = []
        self.parents: list[ast.AST] = []

    def add(
        self, node: ast.AST, field: str, value: object, shown: ast.AST, index: int | None = None
    ) -> None:
        early = not any(isinstance(parent, FUNCTIONS) for parent in self.parents)
        around = [each.lineno for each in (*self.parents, shown) if isinstance(each, ast.stmt)]
        fault = Fault(node, field, index, value, shown, around[-1] if around else shown.lineno)
        self.found.append((fault, place_of(self.parents), early))

    def visit(self, node: ast.AST, field: str, child: ast.AST, index: int | None = None) -> None:
        """Add the faults of ``child``, which stands in a field of ``node``, and of all in it."""
        if self.is_left_alone(node, field, child):
            return
        for value in self.replacements(node, child):
            self.add(node, field, value, child, index)
        self.inside(child)

    def is_left_alone(self, node: ast.AST, field: str, child: ast.AST) -> bool:
        if field in ("annotation", "returns", "decorator_list", "bases", "type_params"):
            return True
        if isinstance(child, (ast.Import, ast.ImportFrom, ast.JoinedStr)):
            return True
        if isinstance(child, (ast.Assign, ast.AnnAssign)):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            names = {target.id for target in targets if isinstance(target, ast.Name)}
            return bool(names & SAID)
        return isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)

    def inside(self, node: ast.AST) -> None:
        self.parents.append(node)
        for field, value in ast.iter_fields(node):
            if isinstance(node, ast.Raise):
                break  # that it is raised is a fault of the statement; the words are free
            if isinstance(node, ast.Call) and field != "func" and called(node) in WORDS:
                # The first says which problem it is.
                if (
                    called(node) == "Problem"
                    and field == "args"
                    and isinstance(value[0], ast.Constant)
                ):
                    self.visit(node, field, value[0], 0)
                continue
            if isinstance(node, FUNCTIONS) and field == "args":
                # Defaults belong to what is around.
                function = self.parents.pop()
                self.defaults(value)
                self.parents.append(function)
            elif isinstance(value, list):
                for index, each in enumerate(value):
                    if isinstance(each, ast.AST):
                        self.visit(node, field, each, index)
            elif isinstance(value, ast.AST):
                self.visit(node, field, value)
        self.parents.pop()

    def defaults(self, arguments: ast.arguments) -> None:
        for field in ("defaults", "kw_defaults"):
            for index, each in enumerate(getattr(arguments, field)):
                if each is not None:
                    self.visit(arguments, field, each, index)

    def replacements(self, node: ast.AST, child: ast.AST) -> Iterator[object]:
        """Yield what may stand in the place of ``child``."""
        if isinstance(child, ast.Compare) and len(child.ops) == 1:
            other = COMPARED[type(child.ops[0])]()
            yield ast.Compare(child.left, [other], child.comparators)
        elif isinstance(child, ast.BoolOp):
            yield ast.BoolOp(ast.Or() if isinstance(child.op, ast.And) else ast.And(), child.values)
        elif isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.Not):
            yield child.operand
        elif isinstance(child, ast.BinOp) and type(child.op) in COMPUTED:
            if not is_text(child.left) and not isinstance(child.left, ast.JoinedStr):
                yield ast.BinOp(child.left, COMPUTED[type(child.op)](), child.right)
        elif isinstance(child, ast.Constant):
            yield from self.constants(node, child)
        elif isinstance(child, ast.Call):
            yield from self.calls(child)
        elif isinstance(child, ast.stmt):
            yield from self.statements(child)
        if isinstance(child, (ast.Name, ast.Attribute, ast.Call, ast.NamedExpr)) and (
            (isinstance(node, (ast.If, ast.While, ast.IfExp)) and child is node.test)
            or (isinstance(node, ast.comprehension) and child in node.ifs)
        ):
            yield ast.UnaryOp(ast.Not(), child)

    def constants(self, node: ast.AST, child: ast.Constant) -> Iterator[object]:
        value = child.value
        if isinstance(node, ast.Expr) or is_text(child) or value is None or value is ...:
            return
        if isinstance(value, bool):
            yield ast.Constant(not value)
        elif isinstance(value, (int, float)):
            yield ast.Constant(value + 1)
        elif isinstance(value, str):
            yield ast.Constant("X" + value)

    def calls(self, child: ast.Call) -> Iterator[object]:
        name = called(child)
        if isinstance(child.func, ast.Name) and name in CALLED:
            yield ast.Call(ast.Name(CALLED[name], ast.Load()), child.args, child.keywords)
        if name in WORDS:
            return
        for keyword in child.keywords:
            if keyword.arg:
                rest = [each for each in child.keywords if each is not keyword]
                yield ast.Call(child.func, child.args, rest)

    def statements(self, child: ast.stmt) -> Iterator[object]:
        nothing = isinstance(child, ast.Return) and (
            child.value is None
            or (isinstance(child.value, ast.Constant) and child.value.value is None)
        )
        if isinstance(child, ast.Return) and not nothing:
            yield ast.Return(ast.Constant(None))
        elif isinstance(child, ast.Expr) and not isinstance(child.value, ast.Constant):
            # A generator that no longer yields is still one.
            yields = isinstance(child.value, (ast.Yield, ast.YieldFrom))
            yield ast.Expr(ast.YieldFrom(ast.Tuple([], ast.Load()))) if yields else ast.Pass()
        elif isinstance(child, (ast.Raise, ast.AugAssign, ast.Delete, ast.Assert)) or (
            isinstance(child, ast.Assign)
            and not isinstance(child.targets[0], (ast.Name, ast.Tuple))
        ):
            yield ast.Pass()
        elif isinstance(child, (ast.Break, ast.Continue)):
            yield ast.Continue() if isinstance(child, ast.Break) else ast.Break()


def called(node: ast.Call) -> str:
    """Return the last name of what is called."""
    function = node.func
    return getattr(function, "id", None) or getattr(function, "attr", "")


def faults(tree: ast.Module) -> list[tuple[Fault, str, bool]]:
    """Return all faults, each with where it is and whether importing runs it."""
    finder = Finder()
    finder.inside(tree)
    return finder.found


def read(node: ast.AST, limit: int = 90) -> str:
    """Return how a part of the code reads, on one line."""
    text = " ".join(ast.unparse(ast.fix_missing_locations(copy.deepcopy(node))).split())
    return text if len(text) <= limit else text[: limit - 3] + "..."


def shown(before: ast.AST, after: object) -> tuple[str, str]:
    """Return how the place reads before and after, no longer than it takes to see the change."""
    old, new = read(before, 10_000), read(after, 10_000)
    if new == "yield from ()":
        new = "pass"
    if max(len(old), len(new)) <= 90:
        return old, new
    same = next((at for at, (a, b) in enumerate(zip(old, new)) if a != b), min(len(old), len(new)))
    start = max(0, same - 30)
    return tuple(
        ("..." if start else "") + text[start : start + 80] + ("..." if text[start + 80 :] else "")
        for text in (old, new)
    )


def mutants(file: Path, module: str) -> list[Mutant]:
    """Return all mutants of a file."""
    found: list[Mutant] = []
    seen: Counter[tuple[str, str, str]] = Counter()
    for number, (fault, place, early) in enumerate(
        faults(ast.parse(file.read_text(encoding="utf-8")))
    ):
        before, after = shown(fault.shown, fault.value)
        line, nth = fault.shown.lineno, seen[place, before, after]
        statement = fault.statement
        found.append(Mutant(module, place, line, before, after, number, early, nth, statement))
        seen[place, before, after] += 1
    return found


def mutated(source: str, number: int, name: str) -> object:
    """Return the code of a file with one fault in it."""
    tree = ast.parse(source)
    fault = faults(tree)[number][0]
    value = ast.copy_location(fault.value, fault.shown)
    for node in ast.walk(value):
        if isinstance(node, (ast.expr, ast.stmt)) and not hasattr(node, "lineno"):
            ast.copy_location(node, fault.shown)
    if fault.index is None:
        setattr(fault.node, fault.field, value)
    else:
        getattr(fault.node, fault.field)[fault.index] = value
    return compile(ast.fix_missing_locations(tree), name, "exec")
