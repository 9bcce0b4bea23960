"""The condition *plain*: whoever else gets an event or a lock uses it as AnyIO's is used.

What is handed on, returned, or kept by a public attribute may be cleared elsewhere, or released
by another task. A human may know that it is not. What the file shows counts all the same: all
that is done with an attribute or variable of a name that may keep it, whoever's that is.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .calls import call_of, method_called
from .foreign import unlike_entry
from .holders import names_that_may_keep
from .source import Source, Use, is_bound
from .things import AT_IMPORT, NOT_MADE, Escapes, Thing, entered_by, is_tested

PLAIN = "plain"
"""What `--assume` calls the condition."""
UNLIKE = ("clear", "locked")
"""The methods of events and locks that AnyIO's have not, or in another way."""
_FACTORY = "default_factory"


def shown(source: Source, use: Use) -> Thing:
    """Return what a use makes, or is the type of, with what the file shows of it.

    Raises:
        Escapes: what is shown speaks against another class in its place.
    """
    call = call_of(source, use)
    if call is None and not use.annotation and not _is_value(source, use.node):
        raise Escapes(NOT_MADE)
    if call is not None and not _is_made_later(source, call):
        raise Escapes(AT_IMPORT)
    names = names_of(source, use)
    if any(unlike_entry(name) in source.foreign for name in names):
        raise Escapes("is kept by a name of which another file asks what AnyIO's has not")
    if not names and not source.attributes.keys().isdisjoint(UNLIKE):
        raise Escapes("is kept by no name, and the file asks for what AnyIO's has not")
    references = [each for name in sorted(names) for each in _shown_uses(source, name)]
    made = () if call is None else (use,)
    return Thing(", ".join(sorted(names)), made, (), tuple(references))


def names_of(source: Source, use: Use) -> frozenset[str]:
    """Return the names that may keep what a use makes, or is the type of; empty: none does."""
    first = _name_of(source, call_of(source, use) or use.node)
    return names_that_may_keep(source, use, first)


def _is_value(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a class is handed on or kept as it is, for others to call."""
    above = source.parent(node)
    if isinstance(above, cst.Arg):
        return isinstance(source.parent(above), cst.Call)
    return isinstance(above, (cst.Element, cst.DictElement))


def _is_made_later(source: Source, call: cst.Call) -> bool:
    """Say whether a call is not made when the module is imported."""
    in_lambda = any(isinstance(each, cst.Lambda) for each in source.above(call))
    return in_lambda or source.function_of(call) is not None


def _name_of(source: Source, place: cst.CSTNode) -> str:
    """Return the name that gets what stands in a place, or has its type; empty: none has."""
    above = source.parent(place)
    if isinstance(above, cst.Arg) and above.keyword is not None:
        if above.keyword.value == _FACTORY:
            return _name_of(source, source.parent(above))
        return above.keyword.value
    if isinstance(above, cst.Assign):
        return _last_word(above.targets[0].target)
    if isinstance(above, (cst.Annotation, cst.BinaryOperation)):
        while isinstance(above, cst.BinaryOperation):  # `Event | None`
            above = source.parent(above)
        above = source.parent(above)
    if isinstance(above, cst.Param):
        return above.name.value
    return _last_word(above.target) if isinstance(above, cst.AnnAssign) else ""


def _last_word(target: cst.BaseExpression) -> str:
    word = target.attr if isinstance(target, cst.Attribute) else target
    return word.value if isinstance(word, cst.Name) else ""


def _shown_uses(source: Source, name: str) -> Iterator[cst.BaseExpression]:
    """Yield where something is done with what has a name, but to hand it on.

    Raises:
        Escapes: it is handed on to a part of asyncio's library.
    """
    for node in (*source.names.get(name, ()), *source.attributes.get(name, ())):
        above = source.parent(node)
        if isinstance(above, cst.Arg) and above.value is node:
            call = source.parent(above)
            callee = source.imported(call.func) if isinstance(call, cst.Call) else None
            if callee is not None and callee.startswith("asyncio."):
                raise Escapes(f"is handed on to {callee}() in line {source.line(node)}")
        method, _ = method_called(source, node)
        seen = method or entered_by(source, node) is not None or is_tested(source, node)
        if seen and not is_bound(source, node):
            yield node
