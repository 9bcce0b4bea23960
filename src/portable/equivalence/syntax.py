"""The syntax tree of a program's source, made by one thread at a time.

Two programs are looked at in two threads. Python 3.11 counts the depth of all trees that are
in the making together: where a collection lets another thread in, `ast.parse()` ends with
"AST constructor recursion depth mismatch".
"""

from __future__ import annotations

import ast
import threading

_one_at_a_time = threading.Lock()


def parsed(source: str | bytes, name: str = "<unknown>") -> ast.Module:
    """Return the tree of a source.

    Args:
        source: its text.
        name: what to call it in errors.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it has null bytes.
    """
    with _one_at_a_time:
        return ast.parse(source, name)


def imported(tree: ast.Module) -> set[str]:
    """Return the packages from which a source imports."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found
