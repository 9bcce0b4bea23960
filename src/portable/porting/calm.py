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
from .calls import TASK_STARTERS
from .classes import class_of
from .decision import Edit, renaming
from .shields import ends_by_error, ends_with_raise, shielded_finally, shielded_handler
from .source import Callee, Function, Source, Use
from .tree import find

CALM = "calm"
"""What `--assume` calls the condition."""
_CALM_CALLS = frozenset(f"asyncio.{name}" for name in ("sleep", "to_thread", "shield", "wait"))
"""Calls that end at once when they are cancelled, whatever the task that they wait for does."""
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
_LIMITS = ("asyncio.timeout", "asyncio.timeout_at")
_NEEDS_TASK = frozenset(
    f"asyncio.{name}"
    for name in ("timeout", "timeout_at", "TaskGroup", "wait_for", "current_task", "Runner")
)
"""Names that need a current task, which a child of AnyIO's group has not on trio (T5)."""

Part = cst.BaseExpression | cst.BaseSuite


GET_CLASS = "anyio.get_cancelled_exc_class()"


@dataclass(slots=True)
class Mending:
    """What has to change in functions so that they are calm.

    Attributes:
        within: the parts of the code that alone may name a function that changes.
        waits: whether somebody waits for the end of what is cancelled.
        renames: whether AnyIO's scopes alone cancel it, so that handlers name AnyIO's class.
        edits: the edits.
        uses: the uses that they rewrite.
        shielded: the nodes that come under a shield.
    """

    within: Collection[cst.CSTNode]
    waits: bool = True
    renames: bool = True
    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    uses: dict[Use, None] = field(default_factory=dict)
    shielded: list[cst.CSTNode] = field(default_factory=list)


def why_not_calm(
    source: Source, part: Part, *, child: bool = False, mending: Mending | None = None
) -> str:
    """Return why code is not calm; empty: it is, or it will be when it has been mended.

    Args:
        source: the file.
        part: an expression that is awaited, or the body of a block.
        child: whether it becomes a task of AnyIO's, where asyncio has no current task.
        mending: gets what has to change; `None`: nothing may change.
    """
    return _Search(source, child, mending).look(part)


class _Search:
    def __init__(self, source: Source, child: bool, mending: Mending | None) -> None:
        self._source = source
        self._child = child
        self._mending = mending
        self._may_mend = False
        self._seen: set[Function] = set()
        self._doubts = source.doubts(CALM)

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
            elif isinstance(node, cst.With):
                yield from (self._swallowed(item) for item in node.items)
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
        if class_of(source, item.item) in _ENTERED or not self._doubts:
            return ""
        if isinstance(item.item, cst.Call):
            name = source.imported(item.item.func) or ""
            if name.startswith("anyio.") or name in _LIMITS:
                return ""
            if source.use_at(item.item.func) in source.rewritten:
                return ""
        return f"enters in line {source.line(item)} what cannot be seen"

    def _swallowed(self, item: cst.WithItem) -> str:
        """Return why a context manager may keep a cancellation from going on."""
        source = self._source
        call = item.item
        made = source.only_value(call) if isinstance(call, cst.Name) else call
        names = {
            name.value for name in find(made or call, cst.Name) if isinstance(name, cst.Name)
        }
        if "BaseException" in names:
            return f"catches every exception in line {source.line(item)}"
        for name in find(made or call, cst.Name):
            assert isinstance(name, cst.Name)
            for bound in source.assignments(name):
                node = bound.node if isinstance(bound, metadata.Assignment) else None
                if isinstance(node, (cst.ClassDef, cst.FunctionDef)) and _may_swallow(node):
                    return f"enters in line {source.line(item)} what may catch every exception"
        return ""

    def _handled(self, node: cst.Try | cst.TryStar) -> str:
        source = self._source
        cleaning = "awaits in line {} while it cleans up"
        final = node.finalbody
        for leaving in find(final, cst.Return, cst.Break, cst.Continue) if final else ():
            return f"leaves its clean-up in line {source.line(leaving)}, and goes on"
        if final is not None and final not in self._mended():
            wait = _first_wait(final)
            if wait is not None:
                return cleaning.format(source.line(wait))
        for handler in node.handlers:
            kinds = "BaseException" if handler.type is None else source.code(handler.type)
            if "BaseException" not in kinds:
                continue
            wait = _first_wait(handler.body)
            if wait is not None:
                return cleaning.format(source.line(wait))
            if not ends_with_raise(handler.body):
                return f"handles every exception in line {source.line(handler)}"
        return ""

    def _mend(self, node: cst.Try | cst.TryStar) -> None:
        """Put clean-ups that await under a shield, where that keeps the meaning.

        A handler of `CancelledError` may go under one if it ends by raising it again. A
        `finally` may if its block can only end by an error: otherwise the shield would also
        keep out a time limit that passes while a block that has succeeded cleans up.
        """
        mending = self._mending
        if mending is None or not self._may_mend or not isinstance(node, cst.Try):
            return
        for handler in node.handlers:
            use = self._handles_cancellation(handler)
            awaits = _first_wait(handler.body) is not None
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
        if final is None or _first_wait(final) is None:
            return
        if mending.waits and ends_by_error(node):
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
        """Return the `CancelledError` that a handler names, unless it only raises it again."""
        use = self._source.use_at(handler.type)
        if use is None or use.name != "asyncio.CancelledError" or use.doubt:
            return None
        return None if reraises(self._source, use) else use

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
                kind = class_of(source, node.func.value)
                if node.func.attr.value in CALM_METHODS.get(kind, ()):
                    return ""
        elif isinstance(node, cst.Name) and isinstance(
            value := self._source.only_value(node), cst.Call
        ):
            # A coroutine that is cancelled while it waits for a task cancels the task.
            known = self._is_future(value)
            if source.imported(value.func) in TASK_STARTERS and value.args:
                if why := self._awaited(value.args[0].value):
                    return why
                known = True
            if known and self._child and source.cancelled_in(node):
                return f"awaits in line {source.line(node)} what may be cancelled"
            if known:
                return ""
        if not self._doubts:
            return ""
        return f"awaits in line {source.line(node)} what cannot be seen to end at once"

    def _gathered(self, node: cst.Call) -> str:
        """Return why one of the awaitables is not calm: cancelling `gather()` cancels all."""
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
        """Say whether a call returns a future, which is cancelled at once."""
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
            loop = self._source.only_value(loop)
        return isinstance(loop, cst.Call) and self._source.imported(loop.func) in _LOOPS

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


def _may_swallow(node: cst.ClassDef | cst.FunctionDef) -> bool:
    """Say whether a context manager may keep a cancellation from going on."""
    if isinstance(node, cst.FunctionDef):
        return any(
            isinstance(each, cst.ExceptHandler)
            and (
                each.type is None
                or any(
                    isinstance(name, cst.Name) and name.value == "BaseException"
                    for name in find(each.type, cst.Name)
                )
            )
            and not ends_with_raise(each.body)
            for each in find(node.body, cst.ExceptHandler)
        )
    exits = [
        each
        for each in node.body.body
        if isinstance(each, cst.FunctionDef) and each.name.value == "__exit__"
    ]
    returned = [each for one in exits for each in find(one.body, cst.Return)]
    falsy = ("None", "False")
    return any(
        isinstance(each, cst.Return)
        and each.value is not None
        and not (isinstance(each.value, cst.Name) and each.value.value in falsy)
        for each in returned
    )


def reraises(source: Source, use: Use) -> bool:
    """Say whether a use of `CancelledError` stands in a handler without effect.

    Such a handler only raises the error again, and no handler below it would catch the error.
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


def _first_wait(body: cst.CSTNode) -> cst.CSTNode | None:
    """Return the first `await`, `async with` or `async for` in code, if there is one."""
    for each in find(body, cst.Await, cst.With, cst.For):
        if isinstance(each, cst.Await) or each.asynchronous:  # type: ignore[attr-defined]
            return each
    return None
