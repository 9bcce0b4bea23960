"""The condition *plain*: whoever else gets an event or a lock uses it as AnyIO's is used.

What is handed on, returned, or kept by a public attribute may be cleared elsewhere, or released
by another task. A human may know that it is not. What the file shows counts all the same: all
that is done with an attribute or variable of a name that may keep it, whoever's that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import libcst as cst

from .calls import call_of, method_called
from .foreign import UNLIKE, unlike_entry
from .holders import names_that_may_keep
from .source import Source, Use, is_bound
from .things import AT_IMPORT, NOT_MADE, Escapes, Thing, entered_by, is_tested

PLAIN = "plain"
"""What `--assume` calls the condition."""
_FACTORY = "default_factory"
_PUTS = frozenset({"append", "appendleft", "add", "insert", "put", "put_nowait", "setdefault"})
"""The methods that put what they get among others."""


def shown(source: Source, use: Use) -> Thing:
    """Return what a use makes, or is the type of, with what the file shows of it.

    Raises:
        Escapes: what is shown speaks against another class in its place.
    """
    call = call_of(source, use)
    if call is None and not use.annotation and not _is_value(source, use.node):
        raise Escapes(NOT_MADE)
    for each in source.uses:
        if each.name == use.name and _is_among_classes(source, each.node):
            raise Escapes(f"is a class that line {source.line(each.node)} may ask for")
    if call is not None and not _is_made_later(source, call):
        raise Escapes(AT_IMPORT)
    if call is not None and (library := _library_called(source, call)):
        raise Escapes(f"is handed on to {library}() in line {source.line(call)}")
    names = names_of(source, use)
    if any(unlike_entry(name) in source.foreign for name in names):
        raise Escapes("is kept by a name of which another file asks what AnyIO's has not")
    if _may_be_asked_without_a_name(source, names):
        raise Escapes("is kept by no name, and the file asks for what AnyIO's has not")
    references = [each for name in sorted(names) for each in _shown_uses(source, name)]
    made = () if call is None else (use,)
    return Thing(", ".join(sorted(names)), made, (), tuple(references))


def names_of(source: Source, use: Use) -> frozenset[str]:
    """Return the names that may keep what a use makes, or is the type of; empty: none does."""
    first = _names_of_place(source, call_of(source, use) or use.node)
    return names_that_may_keep(source, use, first)


def _is_value(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a class is handed on or kept as it is, for others to call."""
    above = source.parent(node)
    if isinstance(above, cst.Arg):
        return isinstance(source.parent(above), cst.Call)
    return isinstance(above, (cst.Element, cst.DictElement))


def _is_among_classes(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a class stands in a tuple of classes, as `isinstance()` gets them."""
    several = source.parent(source.parent(node))
    return isinstance(several, cst.Tuple) and all(
        isinstance(each.value, (cst.Name, cst.Attribute)) for each in several.elements
    )


def _is_made_later(source: Source, call: cst.Call) -> bool:
    """Say whether a call is not made when the module is imported."""
    in_lambda = any(isinstance(each, cst.Lambda) for each in source.above(call))
    return in_lambda or source.function_of(call) is not None


def _names_of_place(source: Source, place: cst.CSTNode) -> Sequence[str]:
    """Return the names that get what stands in a place, or have its type."""
    above = source.parent(place)
    if isinstance(above, cst.Lambda) and above.body is place:
        maker = source.parent(above)
        return _names_of_place(source, above) if _is_default_factory(maker) else ()
    if isinstance(above, cst.Arg) and above.keyword is not None:
        if _is_default_factory(above):
            return _names_of_place(source, source.parent(above))
        return (above.keyword.value,)
    if isinstance(above, cst.Assign):
        return tuple(filter(None, (_last_word(each.target) for each in above.targets)))
    if isinstance(above, (cst.Annotation, cst.BinaryOperation)):
        if isinstance(place, cst.SimpleString) and "[" in place.value:
            return ()  # the type of what it contains
        while isinstance(above, cst.BinaryOperation):  # `Event | None`
            above = source.parent(above)
        above = source.parent(above)
    if isinstance(above, cst.Param):
        return (above.name.value,)
    word = _last_word(above.target) if isinstance(above, cst.AnnAssign) else ""
    return (word,) if word else ()


def _is_default_factory(node: cst.CSTNode) -> bool:
    keyword = node.keyword if isinstance(node, cst.Arg) else None
    return keyword is not None and keyword.value == _FACTORY


def _may_be_asked_without_a_name(source: Source, names: Collection[str]) -> bool:
    """Say whether the file asks what AnyIO's have not, maybe of one of them."""
    asked = [each.value for method in UNLIKE for each in source.attributes.get(method, ())]
    if not names:
        return bool(asked)
    places = (node for name in names for node in source.named(name))
    if not any(_is_put_among_others(source, each) for each in places):
        return False
    # Whatever an attribute keeps is asked by that name, and not as one of several.
    return not all(isinstance(each, cst.Attribute) for each in asked)


def _is_put_among_others(source: Source, node: cst.BaseExpression) -> bool:
    """Say whether what has a name is put where it has none: `x[k] = node`, `[node]`."""
    above = source.parent(node)
    if isinstance(above, cst.Element):
        several = source.parent(above)
        unpacked = isinstance(several, cst.Tuple) and isinstance(
            source.parent(several), (cst.Assign, cst.AssignTarget)
        )
        return not unpacked and not is_bound(source, node)
    if isinstance(above, cst.DictElement):
        return above.value is node
    if isinstance(above, cst.Assign):
        return any(isinstance(each.target, cst.Subscript) for each in above.targets)
    call = source.parent(above)
    if isinstance(above, cst.Arg) and isinstance(call, cst.Call):
        return isinstance(call.func, cst.Attribute) and call.func.attr.value in _PUTS
    return False


def _library_called(source: Source, node: cst.BaseExpression) -> str:
    """Return the name of what gets a node as an argument, if that is of asyncio's library."""
    arg = source.parent(node)
    call = source.parent(arg)
    if not isinstance(arg, cst.Arg) or arg.value is not node or not isinstance(call, cst.Call):
        return ""
    name = source.imported(call.func) or ""
    return name if name.startswith("asyncio.") else ""


def _last_word(target: cst.BaseExpression) -> str:
    word = target.attr if isinstance(target, cst.Attribute) else target
    return word.value if isinstance(word, cst.Name) else ""


def _shown_uses(source: Source, name: str) -> Iterator[cst.BaseExpression]:
    """Yield where something is done with what has a name, but to hand it on.

    Raises:
        Escapes: it is handed on to a part of asyncio's library.
    """
    for node in source.named(name):
        if library := _library_called(source, node):
            raise Escapes(f"is handed on to {library}() in line {source.line(node)}")
        method, _ = method_called(source, node)
        seen = method or entered_by(source, node) is not None or is_tested(source, node)
        if seen and not is_bound(source, node):
            yield node
