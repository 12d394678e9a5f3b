"""Sources: definitions of this library as text, with all that they rest on, in an order in which they can stand.

A script holds the very functions that trained its run, so the two cannot drift apart. Read from the modules' text, not
from memory; only top-level functions, classes and constants are known. What a script says around them is written by
script_text.py and its neighbours.
"""

import ast
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

ALLOWED = frozenset({"torch", "numpy", "sklearn", "scipy", "PIL", *sys.stdlib_module_names})
"""Packages that a script may import."""

_EXCEPTIONS = "core.exceptions"


@dataclass(frozen=True)
class _Module:
    """The text of a module, by the names that it defines at its top level, and where it has the others from."""

    definitions: dict[str, str]
    imports: dict[str, tuple[str, str | None]]


@dataclass
class Sources:
    """What a script takes over.

    Attributes:
        given: names that the script defines in its own way.
        imports: module -> names of it, or None in the place of names for the module itself as it is called.
    """

    given: frozenset[str] = frozenset()
    imports: dict[str, set[tuple[str | None, str]]] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _texts: list[str] = field(default_factory=list)
    _taken: int = 0

    def add(self, *things: Any) -> None:
        """Take over functions and classes."""
        for thing in things:
            self._add(thing.__module__, thing.__name__)

    def add_used(self, text: str, module: str) -> None:
        """Take over what some text of a module uses, but not the text itself."""
        self._add_names(ast.parse(textwrap.dedent(text)), module)

    def import_from(self, module: str, *names: str) -> None:
        """Note that the script imports names."""
        self.imports.setdefault(module, set()).update((name, name) for name in names)

    def new_text(self) -> str:
        """Return what has been taken over since the last call, dependencies first."""
        texts, self._taken = self._texts[self._taken :], len(self._texts)
        return "\n\n\n".join(_together(texts))

    def import_lines(self) -> str:
        """Return the import statements, the standard library first."""
        lines: tuple[list[str], list[str]] = ([], [])
        for module, names in sorted(self.imports.items()):
            is_other = module.partition(".")[0] not in sys.stdlib_module_names
            for name, called in sorted(one for one in names if one[0] is None):
                assert name is None
                lines[is_other].append(f"import {module}" + (f" as {called}" * (called != module)))
            chosen = sorted(called for name, called in names if name is not None)
            if chosen:
                lines[is_other].append(f"from {module} import {', '.join(chosen)}")
        return "\n\n".join("\n".join(_plain_first(one)) for one in lines if one)

    def _add(self, module: str, name: str) -> None:
        if name in self.given or name in self._seen:
            return
        known = _module(module)
        if name in known.definitions:
            self._seen.add(name)  # before what it uses: a function may call itself
            text = known.definitions[name]
            self._add_names(ast.parse(text), module)
            text = _without_own_errors(text)
            if text not in self._texts:  # as that of two constants of one line
                self._texts.append(text)
            return
        if name not in known.imports:
            return  # a name of Python, or local to a function
        source, original = known.imports[name]
        if source == _EXCEPTIONS:
            return
        if source.startswith("core."):
            assert original == name, f"{module} calls {original} {name}"
            self._add(source, name)
            return
        package = source.partition(".")[0]
        assert package in ALLOWED, f"{name} of {module} needs {package}"
        self.imports.setdefault(source, set()).add((original, name))

    def _add_names(self, tree: ast.AST, module: str) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self._add(module, node.id)


def told(value: Any) -> str:
    """Return a value as a Python literal, text in double quotes where that needs no escapes."""
    text = repr(value)
    if isinstance(value, str) and text.startswith("'") and not {'"', "\\"} & set(text):
        return f'"{text[1:-1]}"'
    return text


def _together(texts: Iterable[str]) -> list[str]:
    """Put constants that follow each other into one text."""
    found: list[str] = []
    for text in texts:
        is_constant = not re.search(r"^(def|class|@)\b", text, re.MULTILINE)
        if is_constant and found and not re.search(r"^(def|class|@)\b", found[-1], re.MULTILINE):
            found[-1] += f"\n{text}"
        else:
            found.append(text)
    return found


def own_source(function: Any) -> str:
    """Return the text of a method as it stands in its class, indented."""
    return _without_own_errors(inspect.getsource(function)).rstrip()


def _without_own_errors(text: str) -> str:
    return re.sub(r"\braise (?:Invalid|Incompatible)\w+\(", "raise ValueError(", text)


def _plain_first(lines: Iterable[str]) -> list[str]:
    return sorted(lines, key=lambda line: (line.startswith("from "), line))


@cache
def _module(name: str) -> _Module:
    source = inspect.getsource(importlib.import_module(name))
    lines, body = source.splitlines(), ast.parse(source).body
    definitions: dict[str, str] = {}
    imports: dict[str, tuple[str, str | None]] = {}
    for position, node in enumerate(body):
        if isinstance(node, ast.Import):
            imports |= {one.asname or one.name: (one.name, None) for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            imports |= {one.asname or one.name: (node.module or "", one.name) for one in node.names}
        else:
            following = body[position + 1] if position + 1 < len(body) else None
            for defined in _defined(node):
                definitions[defined] = _text(lines, node, following)
    return _Module(definitions, imports)


def _defined(node: ast.stmt) -> list[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=[ast.Tuple(elts=names)]):
            return [one.id for one in names if isinstance(one, ast.Name)]
    return []


def _text(lines: list[str], node: ast.stmt, following: ast.stmt | None) -> str:
    """Return the lines of a definition with the comments right above it and the docstring right below a constant."""
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)]) - 1
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    last = node.end_lineno or node.lineno
    is_constant = isinstance(node, ast.Assign | ast.AnnAssign)
    if is_constant and isinstance(following, ast.Expr):
        last = following.end_lineno or last
    return "\n".join(lines[first:last])
