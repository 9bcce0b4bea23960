"""Quiet code: it raises nothing that a reader would expect it to raise.

An error of a task ends AnyIO's group, and comes out of it in an `ExceptionGroup`; `gather()`
and an awaited task raise it as it is, and the others go on. So a task can only move into a
group if it does not raise: all that it calls can be seen, and there is no `assert`, no
subscript, no division, and no `raise` but of one of Python's classes that is caught around it.
Programming errors (`TypeError`, `AttributeError`) are not looked for.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping

import libcst as cst

from .calls import TASK_STARTERS
from .calm import CALM_METHODS
from .classes import class_of, values_of
from .source import Function, Source
from .tree import find

QUIET = "quiet"
"""What `--assume` calls the condition."""
_BUILTINS = frozenset(
    {"print", "len", "range", "str", "repr", "list", "dict", "set", "tuple", "enumerate", "zip"}
    | {"isinstance", "bool", "sorted"}
)
_ERRORS = frozenset(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception)
)
"""Making one of these raises nothing."""
_CALLS = frozenset(
    f"time.{name}" for name in ("time", "monotonic", "perf_counter", "strftime")
) | {
    "asyncio.sleep",
    "anyio.sleep",
    "anyio.current_time",
    "asyncio.create_task",
    "asyncio.ensure_future",
    "asyncio.shield",
    *(f"logging.{level}" for level in ("debug", "info", "warning", "error", "exception")),
}
_METHODS: Mapping[str, frozenset[str]] = {
    kind: frozenset(names)
    for kind, names in {
        **{kind: names for kind, names in CALM_METHODS.items() if kind[:6] != "Stream"},
        "Event": {"set", "is_set", "wait"},
        "Lock": {"acquire", "release", "locked"},
        "Semaphore": {"acquire", "release", "locked"},
        "BoundedSemaphore": {"acquire", "locked"},
    }.items()
}
"""The methods of asyncio's and AnyIO's classes that raise nothing."""
_OF_BUILTINS = frozenset(
    {"append", "add", "extend", "update", "discard", "clear", "items", "keys", "values", "copy"}
    | {"get", "format", "join", "strip", "lower", "upper", "startswith", "endswith"}
)
_OF_TASKS = frozenset({"cancel", "cancelled", "done"})
_OF_LOGGERS = frozenset({"debug", "info", "warning", "error", "exception"})
_VARIABLE = "contextvars.ContextVar"
_CONTAINERS = frozenset({"list", "dict", "set", "str", "sorted", "repr"})
_DISPLAYS = (
    *(cst.List, cst.Dict, cst.Set, cst.ListComp, cst.DictComp, cst.SetComp),
    *(cst.SimpleString, cst.ConcatenatedString, cst.FormattedString),
)

_QUEUED = frozenset({"get", "put", "join"})
_LIMITS = frozenset(
    {"asyncio.wait_for", "asyncio.timeout", "asyncio.timeout_at"}
    | {"anyio.fail_after", "anyio.fail_at"}
)
"""What raises a `TimeoutError`, whatever is vouched for."""
_TIMED_OUT = ("asyncio.TimeoutError", "builtins.TimeoutError")
_OF_LIMITS = frozenset({"TimeoutError", "OSError"})
_WRAPPERS = ("asyncio.create_task", "asyncio.ensure_future", "asyncio.shield")
_LOCKS = ("Lock", "Semaphore", "BoundedSemaphore", "Condition")
_KINDS = (
    *(cst.Raise, cst.Assert, cst.Call, cst.Subscript, cst.Try, cst.Await, cst.Del, cst.Assign),
    *(cst.Import, cst.ImportFrom, cst.With, cst.For, cst.CompFor),
    *(cst.Divide, cst.FloorDivide, cst.Modulo, cst.MatrixMultiply, cst.Power),
    *(cst.DivideAssign, cst.FloorDivideAssign, cst.ModuloAssign, cst.MatrixMultiplyAssign),
    cst.PowerAssign,
)


def why_not_quiet(source: Source, part: cst.CSTNode) -> str:
    """Return why code may raise something; empty: it does not."""
    return _Search(source).look(part)


class _Search:
    def __init__(self, source: Source) -> None:
        self._source = source
        self._seen: set[tuple[Function, frozenset[str]]] = set()
        self._doubts = source.doubts(QUIET)

    def look(self, part: cst.CSTNode, caught: frozenset[str] = frozenset()) -> str:
        """Return why code may raise something that is not among the classes that are caught."""
        return next(filter(None, self._reasons(part, caught)), "")

    def _reasons(self, part: cst.CSTNode, around: frozenset[str]) -> Iterator[str]:
        line = self._source.line
        safe: set[cst.CSTNode] = set()
        for node in find(part, *_KINDS):
            if isinstance(node, cst.Try) and _catches_all(self._source, node):
                safe.update(find(node.body, *_KINDS))
        for node in find(part, *_KINDS):
            if node in safe or isinstance(node, cst.Try) or self._goes_on(node):
                continue
            caught = around | self._caught(node, part)
            if isinstance(node, cst.Raise) and self._raised(node) in caught:
                continue
            if not self._doubts and not isinstance(node, (cst.Raise, cst.Assert, cst.Call)):
                continue
            if isinstance(node, cst.Call):
                yield self._called(node, caught)
            elif isinstance(node, cst.Await):
                yield self._awaited(node.expression, caught)
            elif isinstance(node, cst.With):
                yield from (self._entered(item) for item in node.items)
            elif isinstance(node, (cst.For, cst.CompFor)):
                if node.asynchronous:
                    yield f"iterates in line {line(node)} over what may raise"
            elif isinstance(node, cst.Assign):
                if not _is_plain(node):
                    yield f"may raise in line {line(node)}, where it unpacks"
            elif isinstance(node, cst.Subscript):
                if not self._is_type(node):
                    yield f"may raise in line {line(node)}: a subscript"
            else:
                yield f"may raise in line {line(node)}"

    def _goes_on(self, node: cst.CSTNode) -> bool:
        """Say whether a `raise` only lets a cancellation go on, which ends the task."""
        if not isinstance(node, cst.Raise) or node.exc is not None:
            return False
        for above in self._source.above(node):
            if isinstance(above, cst.ExceptHandler):
                kind = above.type.func if isinstance(above.type, cst.Call) else above.type
                name = None if kind is None else self._source.imported(kind)
                return name in ("asyncio.CancelledError", "anyio.get_cancelled_exc_class")
        return False

    def _awaited(self, node: cst.BaseExpression, caught: frozenset[str]) -> str:
        """Return why an await may raise: that of a call does what the call does."""
        source = self._source
        if isinstance(node, cst.Call):
            return ""
        value = source.only_value(node) if isinstance(node, cst.Name) else None
        if (
            isinstance(node, cst.Name)
            and isinstance(value, cst.Call)
            and value.args
            and source.imported(value.func) in TASK_STARTERS
            and (not source.cancelled_in(node) or self._is_guarded(node))
        ):
            return self.look(value.args[0].value, caught)
        return f"awaits in line {source.line(node)} what may raise"

    def _is_guarded(self, node: cst.CSTNode) -> bool:
        """Say whether a block around may catch that what is awaited was cancelled."""
        for above in self._source.above(node):
            if isinstance(above, (cst.Try, cst.With)):
                return True
            if isinstance(above, cst.FunctionDef):
                break
        return False

    def _entered(self, item: cst.WithItem) -> str:
        """Return why entering may raise: that of a call does what the call does."""
        if isinstance(item.item, cst.Call) or class_of(self._source, item.item) in _LOCKS:
            return ""
        return f"enters in line {self._source.line(item)} what may raise"

    def _is_type(self, node: cst.CSTNode) -> bool:
        return any(isinstance(above, cst.Annotation) for above in self._source.above(node))

    def _caught(self, node: cst.CSTNode, part: cst.CSTNode) -> frozenset[str]:
        """Return the names of the classes that are caught around a node, within a part."""
        found: set[str] = set()
        if node is part:
            return frozenset()
        child = node
        for above in self._source.above(node):
            if isinstance(above, cst.Try) and child is above.body:
                for handler in above.handlers:
                    kind = handler.type
                    several = kind.elements if isinstance(kind, cst.Tuple) else ()
                    names = [each.value for each in several] or ([kind] if kind else [])
                    found.update(each.value for each in names if isinstance(each, cst.Name))
                    if any(self._source.imported(x) in _TIMED_OUT for x in names):
                        found.add("TimeoutError")
            if above is part:
                break
            child = above
        return frozenset(found)

    def _raised(self, node: cst.Raise) -> str:
        """Return the name of the class that is raised, if it is one of Python's own."""
        kind = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
        if isinstance(kind, cst.Name) and self._source.is_unused(kind.value):
            return kind.value
        return ""

    def _called(self, node: cst.Call, caught: frozenset[str]) -> str:
        source = self._source
        callee = source.callee(node)
        if callee is not None:
            function = callee.function
            if (function, caught) in self._seen:
                return ""
            self._seen.add((function, caught))
            reason = self.look(function.body, caught)
            return f"calls {function.name.value}(), which {reason}" if reason else ""
        if not self._doubts:
            limited = source.imported(node.func) in _LIMITS and caught.isdisjoint(_OF_LIMITS)
            return f"has a time limit in line {source.line(node)}" if limited else ""
        if source.imported(node.func) in _WRAPPERS and node.args:
            given = node.args[0].value
            return "" if isinstance(given, cst.Call) else self._awaited(given, caught)
        known = is_known(source, node)
        return "" if known else f"calls in line {source.line(node)} what may raise"


def is_known(source: Source, node: cst.Call) -> bool:
    """Say whether a call is one that raises nothing, by its name."""
    func = node.func
    name = source.imported(func)
    if isinstance(func, cst.Name) and name is None:
        built_in = func.value in _BUILTINS or func.value in _ERRORS
        return built_in and source.is_unused(func.value)
    if isinstance(func, cst.Attribute) and name is None:
        return _is_known_method(source, func)
    return name in _CALLS


def _is_known_method(source: Source, func: cst.Attribute) -> bool:
    """Say whether a method raises nothing, as it can be seen whose it is."""
    method = func.attr.value
    if method in _METHODS.get(class_of(source, func.value), ()):
        # Who waits for a queue that is shut down gets an error.
        return not (method in _QUEUED and "shutdown" in source.attributes)
    values = values_of(source, func.value)
    if method in _OF_BUILTINS:
        known = all(_is_builtin(source, each) for each in values)
    elif method in _OF_TASKS:
        known = all(_calls(source, each, *TASK_STARTERS) for each in values)
    elif method in _OF_LOGGERS:
        known = all(_calls(source, each, "logging.getLogger") for each in values)
    else:
        known = method == "set" and all(_calls(source, each, _VARIABLE) for each in values)
    return known and bool(values)


def _is_builtin(source: Source, value: cst.CSTNode) -> bool:
    """Say whether a value, or an annotation, is a list, a dict, a set or a string."""
    if isinstance(value, _DISPLAYS):
        return True
    name: cst.CSTNode | None = None
    if isinstance(value, cst.Call):
        name = value.func
    elif isinstance(value, cst.Annotation):
        name = value.annotation
        while isinstance(name, cst.Subscript):
            name = name.value
    return (
        isinstance(name, cst.Name)
        and name.value in _CONTAINERS
        and source.is_unused(name.value)
    )


def _calls(source: Source, value: cst.CSTNode, *names: str) -> bool:
    return isinstance(value, cst.Call) and source.imported(value.func) in names


def _is_plain(node: cst.Assign) -> bool:
    """Say whether an assignment unpacks nothing but what it shows, or what a call returns."""
    several = [x.target for x in node.targets if isinstance(x.target, (cst.Tuple, cst.List))]
    if not several or isinstance(node.value, (cst.Await, cst.Call)):
        return True
    if not isinstance(node.value, (cst.Tuple, cst.List)):
        return False
    counts = {len(each.elements) for each in (*several, node.value)}
    return len(counts) == 1


def _catches_all(source: Source, node: cst.Try) -> bool:
    kinds = [each.type and source.code(each.type) for each in node.handlers]
    return any(kind in (None, "Exception", "BaseException") for kind in kinds)
