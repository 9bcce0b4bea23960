"""Rules for time limits: `wait_for()` and `timeout()` become the scope `fail_after()`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst import metadata

from .callers import cancelled_by_others
from .calls import call_of
from .calm import Mending, why_not_calm
from .decision import Changed, Decision, Edit, stays
from .nodes import DEFAULT, expression
from .source import Source, Use
from .tree import find


def fail_after(limit: cst.BaseExpression) -> cst.Call:
    """Return the call that makes the scope."""
    return cst.Call(expression("anyio.fail_after"), [cst.Arg(limit)])


def decide_wait_for(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """A line with `await asyncio.wait_for(f(), t)` gets a `with anyio.fail_after(t):` above."""
    for use in uses:
        call = call_of(source, use)
        found = None if call is None else _arguments(call, ("fut", "timeout"))
        if call is None or found is None:
            yield stays(use, "is not called with an awaitable and a limit alone")
            continue
        awaited, limit = found
        line = _line_of(source, call)
        why = _why_not(limit)
        mending = _mending(source, call)
        if line is None:
            yield stays(use, "is not awaited in a line of its own")
        elif not isinstance(awaited, (cst.Call, cst.Name)):
            yield stays(use, _OF_A_TASK)
        elif not _is_plain(source, line, call) and find(limit, cst.Call):
            yield stays(use, "asks for its limit in the midst of a line")
        elif why or (why := why_not_calm(source, awaited, mending=mending)):
            unknown = isinstance(awaited, cst.Name) and why.startswith("awaits")
            yield stays(use, _OF_A_TASK if unknown else why)
        else:
            kept = {*_comments(awaited), *_comments(limit)}
            comments = [each for each in _comments(call) if each not in kept]
            inner, below = _put_below(call.args[0].value is awaited, comments)
            edits: dict[cst.CSTNode, Edit] = {call: inner, line: below}
            yield Decision((use, *mending.uses), {**edits, **mending.edits})


_OF_A_TASK = "waits for a task or future, which its end would cancel"


def _mending(source: Source, within: cst.CSTNode) -> Mending:
    """Return what may change in functions that a time limit is put around.

    A task of asyncio's that is cancelled raises asyncio's class in them as well.
    """
    function = source.function_of(within)
    return Mending(
        [within], renames=function is not None and not cancelled_by_others(source, function)
    )


def _arguments(
    call: cst.Call, names: Sequence[str]
) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """Return two arguments, in the order of their names."""
    if len(call.args) != 2 or any(arg.star for arg in call.args):
        return None
    given = {
        arg.keyword.value if arg.keyword else names[place]: arg.value
        for place, arg in enumerate(call.args)
    }
    if set(given) != set(names):
        return None
    return given[names[0]], given[names[1]]


def _why_not(limit: cst.BaseExpression) -> str:
    if find(limit, cst.Await):
        return "awaits its limit"
    if isinstance(limit, cst.UnaryOperation) or (
        isinstance(limit, (cst.Integer, cst.Float)) and float(limit.evaluated_value) <= 0
    ):
        return "has no time, and so never begins; AnyIO's block would"
    return ""


def _comments(node: cst.CSTNode) -> list[cst.Comment]:
    """Return the comments in a node."""
    found = find(node, cst.Comment, deep=True)
    return [each for each in found if isinstance(each, cst.Comment)]


def _line_of(source: Source, call: cst.Call) -> cst.SimpleStatementLine | None:
    """Return the line that a call is awaited in, once, if nothing else is awaited there."""
    above = source.parent(call)
    if not isinstance(above, cst.Await):
        return None
    line = source.statement_of(above)
    if line is None or not isinstance(line.body[0], _STATEMENTS):
        return None
    waiting = find(line, cst.Await, cst.CompFor, cst.Yield, deep=True)
    alone = all(
        each is above or (isinstance(each, cst.CompFor) and each.asynchronous is None)
        for each in waiting
    )
    inner = (cst.Lambda, cst.BaseComp, cst.CompFor)
    once = not any(isinstance(each, inner) for each in source.above(above))
    return line if alone and once else None


_STATEMENTS = (cst.Expr, cst.Return, cst.Assign, cst.AnnAssign, cst.AugAssign, cst.Assert)


def _is_plain(source: Source, line: cst.SimpleStatementLine, call: cst.Call) -> bool:
    """Say whether a line is `await call`, or assigns or returns that."""
    return getattr(line.body[0], "value", None) is source.parent(call)


def _put_below(awaited_first: bool, comments: Sequence[cst.Comment]) -> tuple[Edit, Edit]:
    """Return the edit of the call, which leaves what it waits for, and that of its line.

    Args:
        awaited_first: whether the limit is the second argument.
        comments: the comments in the call, which go above the line.
    """
    limits: list[cst.BaseExpression] = []

    def inner(node: cst.CSTNode) -> Changed:
        call = cst.ensure_type(node, cst.Call)
        first, second = (arg.value for arg in call.args)
        awaited, limit = (first, second) if awaited_first else (second, first)
        limits.append(limit)
        return awaited

    def below(line: cst.CSTNode) -> Changed:
        assert isinstance(line, cst.SimpleStatementLine)
        body = line.with_changes(leading_lines=())
        said = [cst.EmptyLine(comment=each) for each in comments]
        return _block(fail_after(limits.pop()), [body], [*line.leading_lines, *said])

    return inner, below


def _block(
    scope: cst.Call,
    body: Sequence[cst.BaseStatement],
    leading_lines: Sequence[cst.EmptyLine],
) -> cst.With:
    return cst.With([cst.WithItem(scope)], cst.IndentedBlock(body), leading_lines=leading_lines)


def decide_timeout(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`async with asyncio.timeout(t):` becomes `with anyio.fail_after(t):`."""
    yield from _scopes(source, uses, "anyio.fail_after")


def decide_timeout_at(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`async with asyncio.timeout_at(t):` becomes `with anyio.fail_at(t):`."""
    yield from _scopes(source, uses, "anyio.fail_at")


def _scopes(source: Source, uses: Sequence[Use], new: str) -> Iterator[Decision]:
    for use in uses:
        call = call_of(source, use)
        item = None if call is None else source.parent(call)
        block = None if item is None else source.parent(item)
        if (
            call is None
            or len(call.args) != 1
            or call.args[0].star
            or not isinstance(item, cst.WithItem)
            or not isinstance(block, cst.With)
        ):
            yield stays(use, "is not entered by `async with` where it is made")
            continue
        edits = _expired(source, item, block)
        place = list(block.items).index(item)
        mending = _mending(source, block)
        why = "" if edits is not None else "is rescheduled, asked or handed on inside its block"
        if place:
            why = why or "is not the first that its `async with` enters"
        elif len(block.items) > 1:
            why = why or why_not_calm(source, cst.IndentedBlock([block]), mending=mending)
        why = why or _why_not(call.args[0].value)
        why = why or why_not_calm(source, block.body, mending=mending)
        if why or edits is None:
            yield stays(use, why)
            continue
        edits[block] = _entering(new)
        yield Decision((use, *mending.uses), {**edits, **mending.edits})


def _entering(new: str) -> Edit:
    def entered(block: cst.CSTNode) -> Changed:
        assert isinstance(block, cst.With)
        first, *rest = block.items
        limit = cst.ensure_type(first.item, cst.Call).args[0].value
        call = cst.Call(expression(new), [cst.Arg(limit)])
        scope = first.with_changes(item=call, comma=DEFAULT)
        if not rest:
            made = block.with_changes(
                items=[scope], asynchronous=None, lpar=DEFAULT, rpar=DEFAULT
            )
        else:
            inner = block.with_changes(items=rest, leading_lines=())
            made = cst.With(
                [scope], cst.IndentedBlock([inner]), leading_lines=block.leading_lines
            )
        kept = set(map(id, _comments(made)))
        said = [cst.EmptyLine(comment=x) for x in _comments(block) if id(x) not in kept]
        return made.with_changes(leading_lines=[*made.leading_lines, *said])

    return entered


def _expired(
    source: Source, item: cst.WithItem, block: cst.With
) -> dict[cst.CSTNode, Edit] | None:
    """Return the edits of `limit.expired()` behind the block; `None`: more is done with it."""
    edits: dict[cst.CSTNode, Edit] = {}
    if item.asname is None:
        return edits
    name = item.asname.name
    if not isinstance(name, cst.Name):
        return None
    inside = set(find(block, cst.Name, deep=True))
    for bound in source.assignments(name):
        if not isinstance(bound, metadata.Assignment) or bound.node is not name:
            return None
        for access in bound.references:
            method = source.parent(access.node)
            call = source.parent(method)
            if (
                access.node in inside
                or not isinstance(method, cst.Attribute)
                or method.attr.value != "expired"
                or not isinstance(call, cst.Call)
            ):
                return None
            edits[call] = _caught
    return edits


def _caught(call: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(call, cst.Call)
    assert isinstance(call.func, cst.Attribute)
    return call.func.with_changes(attr=cst.Name("cancelled_caught"))
