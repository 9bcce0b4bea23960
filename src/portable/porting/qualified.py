"""Qualified names: what an import binds, by the name that the documentation knows it by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import libcst as cst
from libcst import metadata

from .tree import find

LIBRARY = "asyncio"
OLDEST = 11
"""The oldest Python, 3.11, that portable and what it writes run on."""


def imported_as(bound: metadata.ImportAssignment) -> str | None:
    """Return the qualified name that an import binds: `asyncio.sleep`.

    `import a.b` binds `a`. An import that is relative binds no name of a library's.
    """
    node = bound.node
    if isinstance(node, cst.ImportFrom):
        if node.relative or node.module is None or isinstance(node.names, cst.ImportStar):
            return None
        names = {each.evaluated_alias or each.evaluated_name: each for each in node.names}
        return public_name(f"{dotted_name(node.module)}.{names[bound.name].evaluated_name}")
    for alias in cst.ensure_type(node, cst.Import).names:
        if alias.evaluated_alias == bound.name:
            return alias.evaluated_name
    # `import a.b` binds `a`; LibCST has an assignment for `a.b` as well.
    return bound.name.partition(".")[0]


_VERSION = re.compile(r"sys\.version_info\s*(>=|<)\s*\(\s*3\s*,\s*(\d+)\s*,?\s*\)")


def is_taken(test: str) -> bool | None:
    """Say whether a test of Python's version holds from 3.11 on; `None`: that depends."""
    found = _VERSION.fullmatch(test)
    if found is None or int(found[2]) > OLDEST:
        return None
    return found[1] == ">="


SUBMODULES = {"pytest.mark"} | {
    f"{LIBRARY}.{name}"
    for name in (
        *("base_events", "events", "exceptions", "futures", "locks", "queues", "runners"),
        *("streams", "subprocess", "taskgroups", "tasks", "threads", "timeouts", "transports"),
        *("protocols", "coroutines"),
    )
}
"""Modules that a name may be reached through, which its qualified name leaves out, or keeps."""
"""Modules whose names the documentation knows by the library's name."""


def public_name(name: str) -> str:
    """Return the name by which the documentation knows `asyncio.tasks.sleep`."""
    module, _, last = name.rpartition(".")
    if module in SUBMODULES - {"pytest.mark", f"{LIBRARY}.subprocess"}:
        return f"{LIBRARY}.{last}"
    return name


def dotted_name(node: cst.BaseExpression) -> str:
    """Return a dotted name as text."""
    if isinstance(node, cst.Attribute):
        return f"{dotted_name(node.value)}.{node.attr.value}"
    return node.value if isinstance(node, cst.Name) else ""


def first_name(node: cst.CSTNode) -> cst.BaseExpression:
    """Return the name that a dotted name begins with."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return cast("cst.BaseExpression", node)


def names_in_string(text: str, bound: str, base: str) -> Iterator[str]:
    """Yield the qualified names in an annotation's string.

    Args:
        text: the string.
        bound: the name that an import binds.
        base: what it stands for.
    """
    for found in re.finditer(rf"(?<![\w.]){re.escape(bound)}((?:\.\w+)*)", text):
        yield public_name(base + found[1])


def star_imports(module: cst.Module) -> Iterator[cst.ImportFrom]:
    """Yield each `from asyncio import *`."""
    for node in find(module, cst.ImportFrom, deep=True):
        assert isinstance(node, cst.ImportFrom)
        star = isinstance(node.names, cst.ImportStar) and node.module is not None
        if star and not node.relative and dotted_name(node.module) == LIBRARY:  # type: ignore[arg-type]
            yield node
