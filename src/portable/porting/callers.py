"""The callers of a function: who calls it, where all of them can be seen, and who cancels it.

All callers of a function can be seen if it is defined in another function, is a private method
or function that no other file uses, or belongs to a file that runs itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import takewhile

import libcst as cst
from libcst import metadata

from .foreign import is_private
from .source import Function, Source
from .tree import find, is_self

_RUN = ("asyncio.run", "anyio.run", "portable.run")
_STARTING = ("start_soon", "create_task", "start")


def references(source: Source, function: Function) -> Sequence[cst.CSTNode] | None:
    """Return every place where a function is named; `None`: other files may name it, too."""
    name = function.name.value
    owner = source.class_of(function)
    if owner is not None:
        places = source.attributes.get(name, ())
        known = is_private(name) and name not in source.foreign
        return places if known and all(is_self(each.value) for each in places) else None
    found = source.assignments(function.name)
    if len(found) != 1 or not isinstance(found[0], metadata.Assignment):
        return None
    nested = isinstance(found[0].scope, metadata.FunctionScope)
    if not nested and (
        not isinstance(found[0].scope, metadata.GlobalScope)
        or source.is_imported_elsewhere(name)
        or name in source.foreign
        or not (name.startswith("_") or is_program(source))
    ):
        return None
    return [access.node for access in found[0].references]


def arguments(source: Source, param: cst.Param) -> list[cst.BaseExpression] | None:
    """Return what each call of a function hands to a parameter.

    Returns:
        The expressions; `None`: not all calls can be seen, or one leaves it to the default.
    """
    above = source.parent(param)
    function = source.parent(above)
    if not isinstance(above, cst.Parameters) or not isinstance(function, cst.FunctionDef):
        return None
    places = references(source, function)
    if param.star or function.decorators or places is None:
        return None
    plain = [*above.posonly_params, *above.params]
    position = plain.index(param) if param in plain else len(plain)
    if position < len(plain) and source.class_of(function) is not None:
        position -= 1
    found: list[cst.BaseExpression] = []
    for place in places:
        call = source.parent(place)
        if not isinstance(call, cst.Call) or call.func is not place:
            return None
        value = _handed(call, param, position)
        if value is None:
            return None
        found.append(value)
    return found


def _handed(call: cst.Call, param: cst.Param, position: int) -> cst.BaseExpression | None:
    """Return what a call hands to a parameter; `None`: nothing, or it cannot be told."""
    if any(arg.star for arg in call.args):
        return None
    for place, arg in enumerate(call.args):
        named = arg.keyword.value if arg.keyword is not None else None
        if named == param.name.value or (named is None and place == position):
            return arg.value
    return None


def is_program(source: Source) -> bool:
    """Say whether a file runs itself."""
    for statement in source.module.body:
        if isinstance(statement, cst.If) and "__main__" in source.code(statement.test):
            return True
        if isinstance(statement, cst.SimpleStatementLine):
            for call in find(statement, cst.Call):
                if isinstance(call, cst.Call) and source.imported(call.func) in _RUN:
                    return True
    return False


def only_within(source: Source, function: Function, parts: Collection[cst.CSTNode]) -> bool:
    """Say whether a function is named in some parts of the code alone."""
    places = references(source, function)
    if places is None:
        return False
    return all(any(each in parts for each in source.above(place)) for place in places)


def cancelled_by_others(source: Source, function: Function) -> str:
    """Return why a function may be cancelled by asyncio; empty: by AnyIO's scopes alone."""
    return _Callers(source, ever=False).look(function)


def cancelled_at_all(source: Source, function: Function) -> str:
    """Return why a function may be cancelled; empty: it never is, but by Ctrl-C."""
    return _Callers(source, ever=True).look(function)


class _Callers:
    def __init__(self, source: Source, *, ever: bool) -> None:
        self._source = source
        self._ever = ever
        self._seen: set[Function] = set()

    def look(self, function: Function) -> str:
        if function in self._seen:
            return ""
        self._seen.add(function)
        name = function.name.value
        places = references(self._source, function)
        if places is None:
            return f"may be cancelled by who calls {name}(), which cannot be seen"
        if not places:
            return f"may be cancelled by who calls {name}(), which nobody does in this file"
        for place in places:
            why = self._called(place, name)
            if why:
                return why
        return ""

    def _called(self, place: cst.CSTNode, name: str) -> str:
        """Return why a function may be cancelled by what a place does with its name."""
        source = self._source
        line = source.line(place)
        above = source.parent(place)
        if isinstance(above, cst.Call) and above.func is place:
            outer = source.parent(above)
            if isinstance(outer, cst.Await):
                around = source.function_of(outer)
                if around is None:
                    return f"may be cancelled by who calls {name}() in line {line}"
                return self._around(outer, around) or self.look(around)
            place, above = above, outer
        if isinstance(above, cst.Arg):
            call = source.parent(above)
            if isinstance(call, cst.Call) and self._starts(call):
                return ""
        return f"may be cancelled by who starts {name}() in line {line}"

    def _starts(self, call: cst.Call) -> bool:
        """Say whether a call runs what it is given, or has AnyIO start it."""
        source = self._source
        name = source.imported(call.func) or ""
        if name in _RUN:
            return True
        if self._ever:
            return False
        if name == "anyio.gather":
            return True
        func = call.func
        return (
            isinstance(func, cst.Attribute)
            and func.attr.value in _STARTING
            and isinstance(func.value, cst.Name)
            and _is_group(source, func.value)
        )

    def _around(self, node: cst.CSTNode, function: Function) -> str:
        """Return why what surrounds a call in its function may cancel it."""
        source = self._source
        within = takewhile(lambda each: each is not function, source.above(node))
        for block in [each for each in within if isinstance(each, cst.With)]:
            for item in block.items:
                call = item.item
                name = source.imported(call.func) if isinstance(call, cst.Call) else None
                if (name or "").startswith("anyio.") and not self._ever:
                    continue
                if block.asynchronous or name:
                    return f"may be cancelled by what line {source.line(block)} enters"
        return ""


def _is_group(source: Source, name: cst.Name) -> bool:
    """Say whether a name is that of a task group of AnyIO's alone."""
    found = source.assignments(name)
    for bound in found:
        item = (
            source.parent(source.parent(bound.node))
            if isinstance(bound, metadata.Assignment)
            else None
        )
        if not isinstance(item, cst.WithItem) or not isinstance(item.item, cst.Call):
            return False
        if source.imported(item.item.func) != "anyio.create_task_group":
            return False
    return bool(found)
