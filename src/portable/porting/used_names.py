"""What one file uses of others, as entries of `foreign`.

`x._lock`, or `self._lock` in a class that never binds it (its base may), uses an attribute of
an object that is not its own: then not all that is done with a `_lock` can be seen in the file
that makes one. A class that inherits may override a method of the same name. A name that is
imported from elsewhere may be one that a file has from asyncio.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TypeGuard

from .dependence import OWN, imported_by_name, is_known, says_asyncio
from .foreign import (
    UNLIKE,
    attribute_entry,
    bound_entry,
    event_entry,
    fixture_entry,
    handled_entry,
    import_entry,
    is_private,
    kept_as,
    method_entry,
    module_entry,
    patched_entry,
    request_entry,
    star_entry,
    unlike_entry,
)
from .qualified import LIBRARY
from .source import ACCESS


def used_in(path: Path) -> frozenset[str]:
    """Return what a file uses; nothing, if it is no Python."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return frozenset()
    return frozenset(_entries(tree))


def _entries(tree: ast.Module) -> set[str]:
    """Return what a file uses, as entries of `foreign`."""
    found: set[str] = set()
    known: set[ast.Attribute] = set()
    entered: set[ast.AST] = set()
    modules: dict[str, str] = {}  # names of imports, and the last words of what they name
    through: list[tuple[str, str]] = []  # a module's name, and an entry if it is one
    replaced: list[tuple[str, str, str]] = []  # the same, with the module's last word
    # A stack, as expressions may be nested too deeply for recursion. Beside each node are the
    # names that the class around it binds through `self`.
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        node, own = waiting.pop()
        found.update(_attributes(node, known))
        if isinstance(node, ast.Assign) and _is_slots(node):
            continue
        if isinstance(node, ast.ClassDef):
            own = _bound_through_self(node)
        if isinstance(node, ast.AsyncWith) and not any(map(_is_yield, ast.walk(node))):
            entered.update(each.context_expr for each in node.items if not each.optional_vars)
        modules.update(_may_be_modules(node))
        if isinstance(node, ast.Attribute) and not _is_mark(node.value):
            through.append((_first_word(node), import_entry(node.attr)))
            if isinstance(node.ctx, ast.Store) and _first_word(node):
                replaced.append((_first_word(node), _last_word(node.value), node.attr))
        elif isinstance(node, ast.Call):
            through += ((module, import_entry(name)) for module, _, name in _reached(node))
            if _name_called(node) not in _READING:
                replaced += _reached(node)
        for name in _names_used(node, own):
            found.add(name)
            if is_private(name) and node not in entered:
                found.add(handled_entry(name))
        waiting += [(child, own) for child in ast.iter_child_nodes(node)]
    found.update(entry for module, entry in through if not module or module in modules)
    for module, word, name in replaced:
        if not module or module in modules:
            found.add(patched_entry(name, modules[module] if word == module else word))
    return found


def _reached(call: ast.Call) -> Iterator[tuple[str, str, str]]:
    """Yield what a call reaches in a module by a text: `patch("app.sleep")`.

    Yields:
        The name of the module here, or an empty string; the module's last word; the name.
    """
    if _name_called(call) not in ACCESS or not call.args:
        return
    first, *others = call.args
    text = first.value if isinstance(first, ast.Constant) else None
    module, name = _first_word(first), others[0] if others else None
    if isinstance(text, str):
        word, _, last = text.rpartition(".")
        if word and not is_known(word.partition(".")[0]):
            yield "", word.rpartition(".")[2], last
    elif module and isinstance(name, ast.Constant):
        yield module, _last_word(first), str(name.value)


def _name_called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


_READING = ("getattr", "hasattr")


def _may_be_modules(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names of an import that may stand for modules of the project.

    Yields:
        The name, and the last word of what it stands for.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            word = alias.name.partition(".")[0]
            if not is_known(word):
                yield (
                    alias.asname or word,
                    alias.name.rpartition(".")[2] if alias.asname else word,
                )
    elif isinstance(node, ast.ImportFrom) and (
        node.level or not is_known((node.module or "").partition(".")[0])
    ):
        yield from ((alias.asname or alias.name, alias.name) for alias in node.names)


def _last_word(node: ast.expr) -> str:
    """Return the last word of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else _first_word(node)


def _first_word(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _bound_through_self(owner: ast.ClassDef) -> frozenset[str]:
    """Return the names that a class binds: where it inherits, those that it always binds."""
    parts: Iterable[ast.AST] = _within(owner)
    if owner.bases:
        lines = (each.body for each in owner.body if _is_init(each))
        plain = (ast.Assign, ast.AnnAssign)
        parts = chain.from_iterable(
            ast.walk(line) for line in chain(*lines) if isinstance(line, plain)
        )
    return frozenset(
        each.attr
        for each in parts
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    )


def _within(owner: ast.ClassDef) -> Iterator[ast.AST]:
    """Yield the nodes of a class, without those of classes in it."""
    waiting: list[ast.AST] = list(owner.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.ClassDef):
            yield node
            waiting += ast.iter_child_nodes(node)


def _is_init(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _names_used(node: ast.AST, own: frozenset[str]) -> Iterator[str]:
    """Yield the entries of one node.

    Args:
        node: what stands in a file.
        own: the names that the class around it binds through `self`.
    """
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, ast.ClassDef):
        if node.bases:
            methods = [each for each in node.body if isinstance(each, functions)]
            yield from (method_entry(each.name) for each in methods)
    elif isinstance(node, functions):
        yield from _fixtures(node)
    elif isinstance(node, ast.Import):
        yield from (module_entry(alias.name.partition(".")[0]) for alias in node.names)
        if any(says_asyncio(alias.name) for alias in node.names):
            yield module_entry(LIBRARY)
    elif isinstance(node, ast.ImportFrom):
        module = OWN if node.level else (node.module or "").partition(".")[0]
        yield module_entry(module)
        if any(says_asyncio(f"{node.module}.{alias.name}") for alias in node.names):
            yield module_entry(LIBRARY)
        if module != LIBRARY:
            yield from (import_entry(alias.name) for alias in node.names)
            if any(alias.name == "*" for alias in node.names):
                yield star_entry((node.module or "").rpartition(".")[2])
    elif isinstance(node, ast.Attribute) and node.attr == LIBRARY and not _is_mark(node.value):
        yield import_entry(LIBRARY)  # module.asyncio
        yield module_entry(LIBRARY)
    elif isinstance(node, ast.Attribute) and is_private(node.attr):
        mine = isinstance(node.value, ast.Name) and node.value.id == "self"
        if not mine or node.attr not in own:
            yield node.attr
            yield kept_as(node.attr)
    elif isinstance(node, ast.MatchClass):
        yield from filter(is_private, node.kwd_attrs)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        last = node.value.rpartition(".")[2]  # getattr(x, "_lock"), patch("a.b._lock")
        if is_private(last) and last.isidentifier():
            yield last
            yield kept_as(last)


def _attributes(node: ast.AST, known: set[ast.Attribute]) -> Iterator[str]:
    """Yield the entries of a node's attributes: which are used, and bound to an event or not.

    Args:
        node: what stands in a file.
        known: gets the targets that are bound to an event or to None.
    """
    if isinstance(node, ast.Attribute):
        yield attribute_entry(node.attr)
        if node.attr in UNLIKE:  # called, or handed on to be called
            yield unlike_entry(_last_word(node.value))
        if not isinstance(node.ctx, ast.Load) and node not in known:
            yield bound_entry(node.attr)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Attribute) and _is_event_or_none(node.value):
                known.add(target)
                if isinstance(node.value, ast.Call):
                    yield event_entry(target.attr)
    elif isinstance(node, ast.ClassDef):
        for each in node.body:
            yield from _bound_by_class(each)
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        first = getattr(node.args[0], "value", None) if node.args else None
        said = first if isinstance(first, str) else ""
        if word := imported_by_name(name, said):
            yield module_entry(word)
            if says_asyncio(said):
                yield module_entry(LIBRARY)
        for arg in node.args if name in ACCESS else ():
            text = arg.value if isinstance(arg, ast.Constant) else None
            if isinstance(text, str) and (last := text.rpartition(".")[2]).isidentifier():
                yield attribute_entry(last)
                yield bound_entry(last)


def _bound_by_class(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield bound_entry(node.name)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        if _EVENT_TYPE.fullmatch(ast.unparse(node.annotation)):
            yield event_entry(node.target.id)
        else:
            yield bound_entry(node.target.id)
    elif isinstance(node, ast.Assign):
        yield from (bound_entry(each.id) for each in node.targets if isinstance(each, ast.Name))


_EVENT_TYPE = re.compile(r"[\"']?(asyncio\.|anyio\.)Event(\s*\|\s*None)?[\"']?")


def _is_event_or_none(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("asyncio.Event", "anyio.Event")
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _fixtures(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Return the fixture that a function makes, if it is a coroutine, and those it takes."""
    made = any("fixture" in ast.unparse(each) for each in node.decorator_list)
    if made and isinstance(node, ast.AsyncFunctionDef):
        yield fixture_entry(node.name)
    if made or node.name.startswith("test"):
        args = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        yield from (request_entry(arg.arg) for arg in args)


def _is_yield(node: ast.AST) -> bool:
    return isinstance(node, (ast.Yield, ast.YieldFrom))


def _is_mark(node: ast.expr) -> bool:
    return isinstance(node, (ast.Attribute, ast.Name)) and ast.unparse(node).endswith("mark")


def _is_slots(node: ast.Assign) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "__slots__" for each in node.targets)
