"""Calm code: a scope that is cancelled around it ends it as one `task.cancel()` would.

AnyIO cancels at every `await` until its scope is left, and on trio by an exception that is not
asyncio's. Code is calm when that makes no difference: all that it awaits can be seen, it does
not await while it cleans up, and it does not handle `CancelledError`. Functions of the same
file are looked into. A function that is started here alone can be made calm: what it awaits
while it cleans up is put under a shield, and its handler names AnyIO's class.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import libcst as cst
from libcst import metadata

from .callers import only_within
from .decision import Edit, renaming
from .foreign import bound_entry, event_entry
from .shields import ends_by_error, ends_with_raise, shielded_finally, shielded_handler
from .source import Callee, Function, Source, Use
from .things import is_bound, names_in_class, owner_of, value_beside
from .tree import find, is_self

CALM = "calm"
"""What `--assume` calls the condition."""
_CALM_CALLS = frozenset(f"asyncio.{name}" for name in ("sleep", "to_thread", "shield", "wait"))
"""What ends at once when it is cancelled, whatever becomes of the tasks that it waits for."""
_STARTING = ("asyncio.create_task", "asyncio.ensure_future")
_LOOPS = ("asyncio.get_running_loop", "asyncio.get_event_loop")
CALM_METHODS: Mapping[str, set[str]] = {
    "Event": {"wait"},
    "Lock": {"acquire"},
    "Semaphore": {"acquire"},
    "BoundedSemaphore": {"acquire"},
    "Queue": {"get", "put", "join"},
    "PriorityQueue": {"get", "put", "join"},
    "LifoQueue": {"get", "put", "join"},
    "StreamReader": {"read", "readline", "readexactly", "readuntil"},
    "StreamWriter": {"drain"},
}
_ENTERED = {"Lock", "Semaphore", "BoundedSemaphore"}
_CONNECTING = ("asyncio.open_connection", "asyncio.open_unix_connection")
_LIMITS = ("asyncio.timeout", "asyncio.timeout_at")
_NEEDS_TASK = frozenset(
    f"asyncio.{name}"
    for name in ("timeout", "timeout_at", "TaskGroup", "wait_for", "current_task", "Runner")
)
"""What has no current task in a child of AnyIO's group on trio (T5)."""

Part = cst.BaseExpression | cst.BaseSuite


GET_CLASS = "anyio.get_cancelled_exc_class()"


@dataclass(slots=True)
class Mending:
    """What has to change in functions so that they are calm.

    Attributes:
        within: the functions that may change are named in these parts of the code alone.
        waits: whether somebody waits for the end of what is cancelled.
        renames: whether AnyIO's scopes alone cancel it, so that handlers name AnyIO's class.
        edits: the changes.
        uses: the uses that are rewritten by them.
        shielded: what comes under a shield.
    """

    within: Collection[cst.CSTNode]
    waits: bool = True
    renames: bool = True
    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    uses: dict[Use, None] = field(default_factory=dict)
    shielded: list[cst.CSTNode] = field(default_factory=list)


def unrest(
    source: Source, part: Part, *, child: bool = False, mending: Mending | None = None
) -> str:
    """Return why code is not calm; empty: it is, or it is when it has been mended.

    Args:
        source: the file.
        part: an expression that is awaited, or the body of a block.
        child: whether it is to be a task of AnyIO's, where asyncio has no current task.
        mending: gets what has to change; `None`: nothing may.
    """
    return _Search(source, child, mending).look(part)


class _Search:
    def __init__(self, source: Source, child: bool, mending: Mending | None) -> None:
        self._source = source
        self._child = child
        self._mending = mending
        self._may_mend = False
        self._seen: set[Function] = set()
        self._doubts = CALM not in source.assumed

    def look(self, part: Part) -> str:
        if isinstance(part, cst.BaseExpression):
            return self._awaited(part) or self._inside(part)
        return self._inside(part)

    def _inside(self, part: cst.CSTNode) -> str:
        return next(filter(None, self._reasons(part)), "")

    def _reasons(self, part: cst.CSTNode) -> Iterator[str]:
        line = self._source.line
        for node in find(part, cst.Yield):
            yield f"yields in line {line(node)}, where a scope must not be open"
        for node in find(part, cst.With, cst.For, cst.CompFor):
            if isinstance(node, cst.With) and node.asynchronous:
                yield from (self._entered(item) for item in node.items)
            elif self._doubts and node.asynchronous:  # type: ignore[attr-defined]
                yield f"iterates in line {line(node)} over what cannot be seen"
        for node in find(part, cst.Try, cst.TryStar):
            assert isinstance(node, (cst.Try, cst.TryStar))
            self._mend(node)
            yield self._handled(node)
        for node in find(part, cst.Await):
            assert isinstance(node, cst.Await)
            if self._child or not self._is_shielded(node):
                yield self._awaited(node.expression)
        for use in self._uses_in(part):
            if self._mending is not None and use in self._mending.uses:
                continue
            if use.name == "asyncio.CancelledError" and not reraises(self._source, use):
                yield f"names CancelledError in line {line(use.node)}"
            elif self._child and use.name in _NEEDS_TASK and use not in self._source.rewritten:
                name = use.name.removeprefix("asyncio.")
                place = line(use.node)
                yield f"uses {name} in line {place}, which needs a task of asyncio's"

    def _uses_in(self, part: cst.CSTNode) -> Iterator[Use]:
        inside = set(find(part, cst.Name, cst.Attribute))
        return (use for use in self._source.uses if use.node in inside)

    def _entered(self, item: cst.WithItem) -> str:
        source = self._source
        if _class_of(source, item.item) in _ENTERED or not self._doubts:
            return ""
        if isinstance(item.item, cst.Call):
            name = source.imported(item.item.func) or ""
            if name.startswith("anyio.") or name in _LIMITS:
                return ""
        return f"enters in line {source.line(item)} what cannot be seen"

    def _handled(self, node: cst.Try | cst.TryStar) -> str:
        source = self._source
        waits = (cst.Await, cst.With, cst.For)
        if node.finalbody is not None and node.finalbody not in self._mended():
            for each in find(node.finalbody, *waits):
                if isinstance(each, cst.Await) or each.asynchronous:  # type: ignore[attr-defined]
                    return f"awaits in line {source.line(each)} while it cleans up"
        for handler in node.handlers:
            kinds = "BaseException" if handler.type is None else source.code(handler.type)
            if "BaseException" not in kinds:
                continue
            for each in find(handler.body, *waits):
                if isinstance(each, cst.Await) or each.asynchronous:  # type: ignore[attr-defined]
                    return f"awaits in line {source.line(each)} while it cleans up"
            if not ends_with_raise(handler.body):
                return f"handles every exception in line {source.line(handler)}"
        return ""

    def _mend(self, node: cst.Try | cst.TryStar) -> None:
        """Put what is awaited in clean-ups under a shield, where that keeps the meaning.

        A handler of CancelledError does, when it ends by raising it again. A `finally` does,
        when its block ends by an error alone: else the shield would keep out a time limit that
        passes while what went well cleans up.
        """
        mending = self._mending
        if mending is None or not self._may_mend or not isinstance(node, cst.Try):
            return
        for handler in node.handlers:
            use = self._handles_cancellation(handler)
            awaits = _waits(handler.body)
            if (
                use is None
                or not mending.renames
                or not ends_with_raise(handler.body)
                or handler.name is not None
                or (awaits and not mending.waits)
                or find(handler.body, cst.Return, cst.Break, cst.Continue, cst.Try, cst.Yield)
                or len(find(handler.body, cst.Raise)) > 1
            ):
                continue
            mending.uses[use] = None
            mending.edits[use.node] = renaming(GET_CLASS)
            if awaits:
                self._shield(mending, handler, shielded_handler)
        final = node.finalbody
        if final is not None and _waits(final) and mending.waits and ends_by_error(node):
            self._shield(mending, final, shielded_finally)

    def _shield(self, mending: Mending, node: cst.CSTNode, edit: Edit) -> None:
        """Put a clean-up under a shield; `asyncio.shield()` is not needed in it any more."""
        mending.edits[node] = edit
        mending.shielded.append(node)
        for use in self._uses_in(node):
            call = self._source.parent(use.node)
            if (
                use.name == "asyncio.shield"
                and isinstance(call, cst.Call)
                and call.func is use.node
                and len(call.args) == 1
                and isinstance(call.args[0].value, cst.Call)
                and isinstance(self._source.parent(call), cst.Await)
            ):
                mending.uses[use] = None
                mending.edits[call] = lambda node: cst.ensure_type(node, cst.Call).args[0].value

    def _mended(self) -> Mapping[cst.CSTNode, Edit]:
        return {} if self._mending is None else self._mending.edits

    def _is_shielded(self, node: cst.CSTNode) -> bool:
        if self._mending is None or not self._mending.shielded:
            return False
        return not set(self._mending.shielded).isdisjoint(self._source.above(node))

    def _handles_cancellation(self, handler: cst.ExceptHandler) -> Use | None:
        return next(
            (
                use
                for use in self._source.uses
                if use.node is handler.type
                and use.name == "asyncio.CancelledError"
                and not use.doubt
                and not reraises(self._source, use)
            ),
            None,
        )

    def _awaited(self, node: cst.BaseExpression) -> str:
        source = self._source
        callee = source.callee(node)
        if callee is not None:
            return self._called(callee, node)
        if isinstance(node, cst.Call):
            name = source.imported(node.func) or ""
            if name == "asyncio.shield" and node in self._mended():
                return self._awaited(node.args[0].value)
            if name in _CALM_CALLS or name.startswith("anyio."):
                return ""
            if name == "asyncio.wait_for" and node.args:
                return self._awaited(node.args[0].value)
            if name == "asyncio.gather":
                return self._gathered(node)
            if self._is_future(node):
                return ""
            if isinstance(node.func, cst.Attribute):
                kind = _class_of(source, node.func.value)
                if node.func.attr.value in CALM_METHODS.get(kind, ()):
                    return ""
        elif isinstance(node, cst.Name) and isinstance(
            value := self._only_value(node), cst.Call
        ):
            # Who is cancelled while it waits for a task cancels that.
            if source.imported(value.func) in _STARTING and value.args:
                return self._awaited(value.args[0].value)
            if self._is_future(value):
                return ""
        if not self._doubts:
            return ""
        return f"awaits in line {source.line(node)} what cannot be seen to end at once"

    def _gathered(self, node: cst.Call) -> str:
        """Return why what is gathered is not calm: who cancels it cancels all of that."""
        for arg in node.args:
            value = arg.value
            if arg.star == "*" and isinstance(value, (cst.ListComp, cst.GeneratorExp)):
                value = value.elt
            elif arg.star:
                return f"gathers in line {self._source.line(node)} what cannot be seen"
            why = "" if arg.keyword is not None else self._awaited(value)
            if why:
                return why
        return ""

    def _is_future(self, node: cst.Call) -> bool:
        """Say whether a call makes a future, or the loop does, which is cancelled at once."""
        func = node.func
        if self._source.imported(func) == "asyncio.Future":
            return True
        if not isinstance(func, cst.Attribute) or func.attr.value not in (
            "create_future",
            "run_in_executor",
        ):
            return False
        loop: cst.BaseExpression | None = func.value
        if isinstance(loop, cst.Name):
            loop = self._only_value(loop)
        return isinstance(loop, cst.Call) and self._source.imported(loop.func) in _LOOPS

    def _only_value(self, name: cst.Name) -> cst.BaseExpression | None:
        """Return what a variable of a function is bound to; `None`: it may be several."""
        found = self._source.assignments(name)
        if len(found) != 1 or not isinstance(found[0], metadata.Assignment):
            return None
        if not isinstance(found[0].scope, metadata.FunctionScope):
            return None
        above = self._source.parent(found[0].node)
        if isinstance(above, cst.AnnAssign) and above.target is found[0].node:
            return above.value
        statement = self._source.parent(above)
        if isinstance(above, cst.AssignTarget) and isinstance(statement, cst.Assign):
            return statement.value if len(statement.targets) == 1 else None
        return None

    def _called(self, callee: Callee, node: cst.BaseExpression) -> str:
        function = callee.function
        if function in self._seen:
            return ""
        self._seen.add(function)
        if function.asynchronous is None:
            return f"calls {function.name.value}(), which is no `async def`"
        before = self._may_mend
        self._may_mend = self._mending is not None and only_within(
            self._source, function, self._mending.within
        )
        reason = self._inside(function.body)
        self._may_mend = before
        return f"calls {function.name.value}(), which {reason}" if reason else ""


def reraises(source: Source, use: Use) -> bool:
    """Say whether a use of CancelledError stands in an `except` that only raises it again.

    Then it only keeps it from the handlers below; if none of those would catch it, it does
    nothing at all.
    """
    kinds = (cst.ExceptHandler, cst.BaseSmallStatement, cst.BaseCompoundStatement)
    handler = next(each for each in source.above(use.node) if isinstance(each, kinds))
    if not isinstance(handler, cst.ExceptHandler):
        return False
    alone = handler.type is use.node and handler.name is None
    return alone and _is_raise(handler.body) and not _caught_below(source, handler)


def _caught_below(source: Source, handler: cst.ExceptHandler) -> bool:
    block = source.parent(handler)
    assert isinstance(block, cst.Try)
    below = block.handlers[block.handlers.index(handler) + 1 :]
    return any(each.type is None or not _is_plain(source, each.type) for each in below)


def _is_plain(source: Source, kinds: cst.BaseExpression) -> bool:
    """Say whether a handler names classes alone, none of which is a CancelledError."""
    names = [
        source.code(each.value)
        for each in (kinds.elements if isinstance(kinds, cst.Tuple) else [cst.Element(kinds)])
    ]
    return all(re.fullmatch(r"(\w+\.)*[A-Z]+[a-z]\w*", name) for name in names) and not any(
        re.search(r"Cancel|BaseExc", name) for name in names
    )


def _is_raise(body: cst.BaseSuite) -> bool:
    return len(body.body) == 1 and ends_with_raise(body)


def _waits(body: cst.CSTNode) -> bool:
    """Say whether code awaits something."""
    return any(
        isinstance(each, cst.Await) or each.asynchronous  # type: ignore[attr-defined]
        for each in find(body, cst.Await, cst.With, cst.For)
    )


def _class_of(source: Source, node: cst.BaseExpression) -> str:
    """Return the class of asyncio's or AnyIO's that made what a name keeps; empty: unknown.

    It is seen where every binding of the name is a call of that class, or an annotation of
    a parameter names it. What is no attribute of `self` is taken for an event where nothing in
    the project binds an attribute of that name to another thing.
    """
    if isinstance(node, cst.Call):
        return _class_name(source, node.func)
    if isinstance(node, cst.Name):
        found = {_made(source, bound) for bound in source.assignments(node)}
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


def _made(source: Source, bound: metadata.BaseAssignment) -> str:
    if not isinstance(bound, metadata.Assignment):
        return ""
    node = bound.node
    if isinstance(node, cst.Param):
        if node.annotation is None:
            return ""
        return _class_name(source, node.annotation.annotation)
    return _made_in(source, node)


def _made_in(source: Source, node: cst.CSTNode) -> str:
    """Return the class by which the statement that binds a node makes its object."""
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
    if isinstance(value, cst.Name) and value.value == "None":
        return "None"
    return _class_name(source, value.func) if isinstance(value, cst.Call) else ""


def _stream(source: Source, pair: cst.Tuple, element: cst.Element) -> str:
    """Tell the reader from the writer of `open_connection()`."""
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
