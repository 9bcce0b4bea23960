"""The tree of a file, node by node: what is beneath a node, and what is above it.

LibCST's visitors and metadata tell that, too, but take five times as long.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from functools import cache

import libcst as cst


@cache
def _field_names(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    first = _IN_ORDER.get(kind, ())
    names = [field.name for field in fields(kind)]
    return (*first, *(name for name in names if name not in first))


_IN_ORDER: Mapping[type[cst.CSTNode], tuple[str, ...]] = {
    cst.Arg: ("keyword", "value"),
    cst.ClassDef: ("decorators", "name", "type_parameters", "bases", "keywords", "body"),
    cst.ExceptHandler: ("type", "name", "body"),
    cst.ExceptStarHandler: ("type", "name", "body"),
    cst.FunctionDef: ("decorators", "name", "type_parameters", "params", "returns", "body"),
    cst.IfExp: ("body", "test", "orelse"),
}
"""The fields that are not declared in the order in which they are written."""


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the nodes just beneath a node, in order."""
    found: list[cst.CSTNode] = []
    for name in _field_names(type(node)):
        value = getattr(node, name)
        if isinstance(value, (list, tuple)):
            found += [each for each in value if isinstance(each, cst.CSTNode)]
        elif isinstance(value, cst.CSTNode):
            found.append(value)
    return found


def find(node: cst.CSTNode, *kinds: type[cst.CSTNode], deep: bool = False) -> list[cst.CSTNode]:
    """Return the nodes of some kinds beneath a node, itself included.

    Args:
        node: where to look.
        kinds: the classes to look for.
        deep: whether to look inside of functions and classes as well.
    """
    found: list[cst.CSTNode] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, kinds):
            found.append(each)
        if deep or not isinstance(each, _INNER):
            waiting += reversed(children(each))
    return found


_INNER = (cst.FunctionDef, cst.Lambda, cst.ClassDef)


def parents_of(module: cst.Module) -> Mapping[cst.CSTNode, cst.CSTNode]:
    """Return the node above each node of a module."""
    parents: dict[cst.CSTNode, cst.CSTNode] = {}
    waiting: list[cst.CSTNode] = [module]
    while waiting:
        node = waiting.pop()
        below = children(node)
        parents.update(dict.fromkeys(below, node))
        waiting += below
    return parents


def is_self(node: cst.CSTNode) -> bool:
    """Say whether a node is the name `self`."""
    return isinstance(node, cst.Name) and node.value == "self"


def is_none(node: cst.CSTNode) -> bool:
    """Say whether a node is `None`, as it stands in code."""
    return isinstance(node, cst.Name) and node.value == "None"
