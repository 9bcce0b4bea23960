"""What a name keeps: its values, and the class of asyncio's or AnyIO's that made them."""

from __future__ import annotations

import libcst as cst
from libcst import metadata

from .callers import arguments
from .foreign import bound_entry, event_entry
from .source import Source, bindings, is_bound
from .things import names_in_class, owner_of, value_beside
from .tree import is_none, is_self

_CONNECTING = ("asyncio.open_connection", "asyncio.open_unix_connection")


def class_of(source: Source, node: cst.BaseExpression) -> str:
    """Return the name of the class that made what an expression stands for; empty: unknown.

    It is known if each binding of the name is a call of that class. A parameter's annotation
    names it, or each call of the function hands on such an object. An attribute of another
    object than `self` is an event if no file of the project binds an attribute of that name to
    anything else.
    """
    return _class_of(source, node, frozenset())


def _class_of(source: Source, node: cst.BaseExpression, seen: frozenset[cst.CSTNode]) -> str:
    """Do the same, without the parameters that have been looked at."""
    if isinstance(node, cst.Call):
        return _class_name(source, node.func)
    if isinstance(node, cst.Name):
        found = {_made(source, bound, seen) for bound in source.assignments(node)}
        return found.pop() if len(found) == 1 else ""
    if isinstance(node, cst.Attribute) and is_self(node.value):
        owner = owner_of(source, node)
        kinds = set()
        for each in source.attributes[node.attr.value]:
            if owner_of(source, each) is owner:
                above = source.parent(each)
                if isinstance(above, (cst.AssignTarget, cst.AnnAssign)):
                    kinds.add(_made_in(source, each))
        if len(kinds) == 1:
            return kinds.pop()
    return _named_event(source, node.attr.value) if isinstance(node, cst.Attribute) else ""


def values_of(source: Source, node: cst.BaseExpression) -> list[cst.CSTNode]:
    """Return what a name of the file, or an attribute of `self`, is bound to.

    Returns:
        For each binding its value, or the `Annotation` where a value is missing; for another
        expression itself. Empty: not all can be seen.
    """
    if isinstance(node, cst.Name):
        nodes = [each.node for each in bindings(source.scope(node), node.value)]
    elif isinstance(node, cst.Attribute):
        name = node.attr.value
        elsewhere = bound_entry(name) in source.foreign or name in source.accessed
        if not is_self(node.value) or elsewhere:
            return []
        owner = owner_of(source, node)
        found = (each for each in source.attributes[name] if owner_of(source, each) is owner)
        nodes = [each for each in found if is_bound(source, each)]
    else:
        return [node]
    values = [_value(source, each) for each in nodes]
    return [each for each in values if each is not None] if None not in values else []


def _value(source: Source, node: cst.CSTNode) -> cst.CSTNode | None:
    """Return the value that a node is bound to, or its annotation; `None`: cannot be seen."""
    if isinstance(node, cst.Param):
        return node.annotation
    above = source.parent(node)
    if isinstance(above, cst.AnnAssign):
        return above.value or above.annotation
    statement = source.parent(above)
    if isinstance(above, cst.AssignTarget) and isinstance(statement, cst.Assign):
        return statement.value
    return None


def _named_event(source: Source, name: str) -> str:
    """Return `Event` if all attributes of a name, here and in the project, are events."""
    if bound_entry(name) in source.foreign or name in source.accessed:
        return ""
    known = event_entry(name) in source.foreign
    for node in source.attributes.get(name, ()):
        above = source.parent(node)
        if isinstance(above, (cst.AssignTarget, cst.AnnAssign)) and above.target is node:
            kind = _made_in(source, node)
            if kind not in ("Event", "None"):
                return ""
            known |= kind == "Event"
        elif is_bound(source, node):
            return ""
    if not known:
        return ""
    named = any(name in names_in_class(owner) for owner in source.classes)
    return "" if named else "Event"


def _made(source: Source, bound: metadata.BaseAssignment, seen: frozenset[cst.CSTNode]) -> str:
    """Return the class that made what a binding binds; empty: unknown."""
    if not isinstance(bound, metadata.Assignment):
        return ""
    node = bound.node
    if not isinstance(node, cst.Param):
        return _made_in(source, node)
    if node.annotation is not None:
        return _class_name(source, node.annotation.annotation)
    if node in seen:
        return ""
    handed = arguments(source, node) or ()
    found = {_class_of(source, value, seen | {node}) for value in handed}
    return found.pop() if len(found) == 1 else ""


def _made_in(source: Source, node: cst.CSTNode) -> str:
    """Return the class that the statement which binds a node calls; empty: unknown."""
    above = source.parent(node)
    if isinstance(above, cst.AnnAssign):
        value: cst.CSTNode | None = above.value
        if value is None or isinstance(value, cst.Name):
            return _class_name(source, above.annotation.annotation)
    elif isinstance(above, cst.AssignTarget):
        statement = source.parent(above)
        value = statement.value if isinstance(statement, cst.Assign) else None
    elif isinstance(above, cst.Element) and isinstance(
        several := source.parent(above), cst.Tuple
    ):
        value = value_beside(source, above)
        if value is None:
            return _stream(source, several, above)
    else:
        return ""
    if value is not None and is_none(value):
        return "None"
    return _class_name(source, value.func) if isinstance(value, cst.Call) else ""


def _stream(source: Source, pair: cst.Tuple, element: cst.Element) -> str:
    """Return which of the two streams of `open_connection()` an element gets; empty: none."""
    statement = source.parent(source.parent(pair))
    if (
        isinstance(statement, cst.Assign)
        and isinstance(statement.value, cst.Await)
        and isinstance(call := statement.value.expression, cst.Call)
        and source.imported(call.func) in _CONNECTING
        and len(pair.elements) == 2
    ):
        return ("StreamReader", "StreamWriter")[list(pair.elements).index(element)]
    return ""


def _class_name(source: Source, node: cst.BaseExpression) -> str:
    while isinstance(node, cst.Subscript):
        node = node.value
    name = source.imported(node) or ""
    library, _, last = name.rpartition(".")
    return last if library in ("asyncio", "anyio") else ""
