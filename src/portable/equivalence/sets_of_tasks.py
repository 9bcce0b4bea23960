"""Sets of tasks: in which order a program goes through them is chance.

`asyncio.wait()` and `asyncio.all_tasks()` return sets. A task's place in one follows from its
address in memory, so the order may be another in each run and on each backend.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .syntax import parsed

_KEEP_THE_ORDER = frozenset({"enumerate", "iter", "list", "tuple"})


def goes_through_sets(source: str) -> bool:
    """Say whether a source takes the tasks of such a set one by one.

    Args:
        source: the text of a file.
    """
    try:
        tree = parsed(source)
    except (SyntaxError, ValueError):
        return False
    sets = set(_names_of_sets(tree))
    return any(_is_set(one, sets) for one in _gone_through(tree))


def _names_of_sets(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        value = node.value.value if isinstance(node.value, ast.Await) else node.value
        for target in node.targets:
            if isinstance(target, ast.Tuple) and _called(value) == "wait":
                yield from (one.id for one in target.elts if isinstance(one, ast.Name))
            elif isinstance(target, ast.Name) and _called(value) == "all_tasks":
                yield target.id


def _gone_through(tree: ast.Module) -> Iterator[ast.expr]:
    """Yield what is taken apart in its own order."""
    for node in ast.walk(tree):
        if isinstance(node, ast.For | ast.comprehension):
            yield node.iter
        elif isinstance(node, ast.Call) and _called(node) in _KEEP_THE_ORDER and node.args:
            yield node.args[0]
        elif isinstance(node, ast.Attribute) and node.attr == "pop":
            yield node.value


def _is_set(node: ast.expr, names: set[str]) -> bool:
    return _called(node) == "all_tasks" or (isinstance(node, ast.Name) and node.id in names)


def _called(node: ast.expr) -> str | None:
    """Return the last part of the name that is called; `None`: no name is."""
    if not isinstance(node, ast.Call):
        return None
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None
