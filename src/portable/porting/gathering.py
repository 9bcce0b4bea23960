"""Rule for `gather()` of coroutines, as arguments or in a list made for it.

A task that is started for a `gather()`, and used by nothing else, needs no `create_task()`:
AnyIO's `gather()` starts the coroutine at the same moment, if nothing is awaited in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from .calls import TASK_STARTERS, awaited_by, call_of
from .calm import CALM_METHODS, Mending, why_not_calm
from .classes import class_of
from .decision import Decision, Edit, stays
from .nodes import expression
from .quiet import is_known, why_not_quiet
from .source import Source, Use
from .tree import children, find


@dataclass(slots=True)
class _Gathered:
    """What a `gather()` gathers.

    Attributes:
        coroutines: the calls whose coroutines it runs.
        statements: the statements in which the lists of these are made.
        started: the calls that make tasks of coroutines, with the uses in them.
    """

    coroutines: list[cst.Call] = field(default_factory=list)
    statements: list[cst.CSTNode] = field(default_factory=list)
    started: dict[cst.Call, Use] = field(default_factory=dict)


class _Unseen(Exception):
    """It cannot be seen what is gathered; the message says what it may be."""


def decide_gather(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`await asyncio.gather(f(1), f(2))` becomes AnyIO's, whose results are a tuple."""
    for use in uses:
        call = call_of(source, use)
        above = None if call is None else awaited_by(source, call)
        if call is None or above is None:
            yield stays(use, "is not awaited where it is called")
            continue
        try:
            gathered = _look(source, call)
        except _Unseen as unseen:
            yield stays(use, str(unseen))
            continue
        mending = Mending([call, *gathered.statements])
        why = next(filter(None, _doubts(source, call, gathered, mending)), "")
        if why:
            yield stays(use, why)
            continue
        wrapped = not _any_sequence_will_do(source, above)
        if wrapped and not source.is_free("list"):
            yield stays(use, "makes a list, and `list` is another thing here")
            continue
        edits: dict[cst.CSTNode, Edit] = {call: _anyio, **mending.edits}
        edits |= dict.fromkeys(gathered.started, _coroutine)
        if wrapped:
            edits[above] = _as_list
        yield Decision((use, *gathered.started.values(), *mending.uses), edits)


def _look(source: Source, call: cst.Call) -> _Gathered:
    """Find what is gathered.

    Raises:
        _Unseen: that cannot be seen.
    """
    found = _Gathered()
    for arg in call.args:
        if arg.keyword is not None:
            plain = isinstance(arg.value, cst.Name)
            if arg.keyword.value != "return_exceptions" or not plain:
                raise _Unseen("is called with arguments that cannot be told apart")
        elif arg.star == "**":
            raise _Unseen("is called with arguments that cannot be told apart")
        elif not arg.star:
            _add(source, arg.value, found, "gathers what may be tasks or futures")
        elif isinstance(arg.value, cst.Name):
            _add_list(source, arg.value, call, found)
        else:
            _add_all(source, arg.value, found)
    return found


_IN_A_LIST = "gathers in a list what may be tasks"


def _add(source: Source, node: cst.BaseExpression, found: _Gathered, why: str) -> None:
    """Add one call of a coroutine function, or the task that is made of it."""
    if not isinstance(node, cst.Call):
        raise _Unseen(why)
    use = source.use_at(node.func)
    if use is not None and use.name in TASK_STARTERS:
        if use.doubt or len(node.args) != 1 or node.args[0].star or node.args[0].keyword:
            raise _Unseen(why)
        found.started[node] = use
        _add(source, node.args[0].value, found, why)
    else:
        found.coroutines.append(node)


def _add_all(source: Source, node: cst.BaseExpression, found: _Gathered) -> None:
    """Add what stands in a list, or in a comprehension."""
    if isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        _add(source, node.elt, found, _IN_A_LIST)
        return
    if not isinstance(node, (cst.List, cst.Tuple)):
        raise _Unseen(_IN_A_LIST)
    for element in node.elements:
        _add(source, element.value, found, _IN_A_LIST)


def _add_list(source: Source, name: cst.Name, call: cst.Call, found: _Gathered) -> None:
    """Add what a variable keeps that is a list for this `gather()` alone."""
    value = source.only_value(name)
    statement = None if value is None else source.parent(value)
    function = source.function_of(call)
    block = _block(source, call)
    if not isinstance(statement, cst.Assign) or _block(source, statement) is not block:
        raise _Unseen(_IN_A_LIST)
    _add_all(source, statement.value, found)
    found.statements.append(statement)
    gathered = 0
    for access in source.assignments(name)[0].references:
        above = source.parent(access.node)
        if isinstance(above, cst.Arg) and source.parent(above) is call:
            gathered += 1
            continue
        appending, coroutine = _appended(source, above)
        if source.function_of(appending) is not function or not (
            _line(source, block, statement)
            < _line(source, block, appending)
            < _line(source, block, call)
        ):
            raise _Unseen(_IN_A_LIST)
        _add(source, coroutine, found, _IN_A_LIST)
        found.statements.append(appending)
    if gathered != 1:
        raise _Unseen(_IN_A_LIST)


def _appended(source: Source, method: cst.CSTNode) -> tuple[cst.Expr, cst.BaseExpression]:
    """Return the statement `name.append(f(x))`, and what it appends."""
    call = source.parent(method)
    statement = source.parent(call)
    if (
        isinstance(method, cst.Attribute)
        and method.attr.value == "append"
        and isinstance(call, cst.Call)
        and len(call.args) == 1
        and isinstance(statement, cst.Expr)
    ):
        return statement, call.args[0].value
    raise _Unseen(_IN_A_LIST)


def _block(source: Source, node: cst.CSTNode) -> cst.CSTNode:
    """Return the block whose line a node stands in."""
    kinds = (cst.BaseSuite, cst.Module)
    return next(above for above in source.above(node) if isinstance(above, kinds))


def _line(source: Source, block: cst.CSTNode, node: cst.CSTNode) -> int:
    """Return which line of a block a node stands in; -1: in none."""
    within = {node, *source.above(node)}
    lines: Sequence[cst.CSTNode] = getattr(block, "body", ())
    return next((number for number, line in enumerate(lines) if line in within), -1)


def _doubts(
    source: Source, call: cst.Call, gathered: _Gathered, mending: Mending
) -> Iterator[str]:
    """Yield why what is gathered may end differently in AnyIO's group."""
    for coroutine in gathered.coroutines:
        yield why_not_calm(source, coroutine, child=True, mending=mending)
        yield why_not_quiet(source, coroutine)
        if not _makes_coroutine(source, coroutine):
            yield "gathers what may be tasks or futures"
    if gathered.started:
        yield from _differences(source, call, gathered)


_COROUTINES = frozenset(
    f"asyncio.{name}" for name in ("sleep", "to_thread", "wait", "wait_for")
)


def _makes_coroutine(source: Source, call: cst.Call) -> bool:
    """Say whether a call makes a coroutine, and no future: AnyIO gathers nothing else."""
    name = source.imported(call.func) or ""
    func = call.func
    return (
        source.callee(call) is not None
        or name in _COROUTINES
        or name.startswith("anyio.")
        or (
            isinstance(func, cst.Attribute)
            and func.attr.value in CALM_METHODS.get(class_of(source, func.value), ())
        )
    )


def _differences(source: Source, call: cst.Call, gathered: _Gathered) -> Iterator[str]:
    """Yield why tasks may run before they are gathered, or without that."""
    block = _block(source, call)
    last = _line(source, block, call)
    making = {_line(source, block, each) for each in gathered.statements}
    first = min(making, default=last)
    lines: Sequence[cst.CSTNode] = getattr(block, "body", ())[first:last]
    for above in source.above(call):
        if above is block:
            break
        if _is_passed_by(source, above):
            yield f"gathers in line {source.line(call)} only at times"
    parts = [*lines, *_evaluated_before(source, call, block), call]
    waiting = (cst.Await, cst.With, cst.For, cst.CompFor, cst.Yield)
    for node in [each for part in parts for each in find(part, *waiting)]:
        if isinstance(node, (cst.Await, cst.Yield)) or node.asynchronous:  # type: ignore[attr-defined]
            yield f"awaits in line {source.line(node)}, while the tasks begin"
    for part in parts:
        if part is not call:
            yield why_not_quiet(source, part)
        else:
            yield from (why_not_quiet(source, each) for each in call.args)
    for part in parts:
        for node in find(part, cst.Call):
            assert isinstance(node, cst.Call)
            if node is not call and _may_set_context(source, node):
                yield f"does more in line {source.line(node)}, while the tasks begin"
    for number, part in enumerate(lines, first):
        if number not in making:
            yield f"does more in line {source.line(part)}, while the tasks begin"
        for node in find(part, cst.Return):
            yield f"may leave in line {source.line(node)}, with the tasks still running"


_AT_TIMES = (cst.IfExp, cst.BooleanOperation, cst.BaseComp, cst.Assert, cst.While, cst.With)


def _is_passed_by(source: Source, node: cst.CSTNode) -> bool:
    """Say whether what is in a part of a line may not be evaluated, or more than once."""
    if isinstance(node, (*_AT_TIMES, cst.MatchCase)):
        return True
    if isinstance(node, cst.Comparison):
        return len(node.comparisons) > 1
    above = source.parent(node)
    return isinstance(node, cst.If) and isinstance(above, cst.If) and above.orelse is node


def _evaluated_before(
    source: Source, call: cst.Call, block: cst.CSTNode
) -> Iterator[cst.CSTNode]:
    """Yield what the line of a call evaluates before it."""
    child: cst.CSTNode = call
    for above in source.above(call):
        if above is block:
            return
        for each in children(above):
            if each is child:
                break
            if not isinstance(each, cst.AssignTarget):
                yield each
        child = above


def _may_set_context(source: Source, call: cst.Call) -> bool:
    """Say whether a call may set a context variable, which later tasks would see."""
    callee = source.callee(call)
    if callee is not None:
        return callee.function.asynchronous is None
    func = call.func
    if isinstance(func, cst.Attribute) and func.attr.value == "set":
        return class_of(source, func.value) != "Event"
    return not is_known(source, call)


def _any_sequence_will_do(source: Source, node: cst.CSTNode) -> bool:
    above = source.parent(node)
    if isinstance(above, cst.Expr):
        return True
    if isinstance(above, cst.Assign):
        return all(isinstance(each.target, (cst.Tuple, cst.List)) for each in above.targets)
    return isinstance(above, (cst.For, cst.CompFor)) and above.iter is node


def _anyio(node: cst.CSTNode) -> cst.CSTNode:
    call = cst.ensure_type(node, cst.Call)
    args = [arg for arg in call.args if arg.keyword is None]
    if len(args) < len(call.args) and args:
        args[-1] = args[-1].with_changes(
            comma=call.args[-1].comma, whitespace_after_arg=call.args[-1].whitespace_after_arg
        )
    return call.with_changes(func=expression("anyio.gather"), args=args)


def _coroutine(node: cst.CSTNode) -> cst.CSTNode:
    """Return the coroutine of `create_task(f(x))`."""
    return cst.ensure_type(node, cst.Call).args[0].value


def _as_list(node: cst.CSTNode) -> cst.CSTNode:
    awaiting = cst.ensure_type(node, cst.Await)
    inner = awaiting.with_changes(lpar=(), rpar=())
    return cst.Call(cst.Name("list"), [cst.Arg(inner)])
