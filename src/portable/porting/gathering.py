"""Rule for `gather()` of coroutines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from .calls import awaited_by, call_of
from .calm import Mending, why_not_calm
from .decision import Decision, Edit, stays
from .nodes import expression
from .quiet import why_not_quiet
from .source import Source, Use


def decide_gather(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`await asyncio.gather(f(1), f(2))` becomes AnyIO's, whose results are a tuple."""
    for use in uses:
        call = call_of(source, use)
        above = None if call is None else awaited_by(source, call)
        if call is None or above is None:
            yield stays(use, "is not awaited where it is called")
            continue
        mending = Mending([call])
        why = next(filter(None, (_why_not(source, arg, mending) for arg in call.args)), "")
        if why:
            yield stays(use, why)
            continue
        wrapped = not _any_sequence_will_do(source, above)
        if wrapped and not source.is_free("list"):
            yield stays(use, "makes a list, and `list` is another thing here")
            continue
        edits: dict[cst.CSTNode, Edit] = {call: _anyio, **mending.edits}
        if wrapped:
            edits[above] = _as_list
        yield Decision((use, *mending.uses), edits)


def _why_not(source: Source, arg: cst.Arg, mending: Mending) -> str:
    if arg.keyword is not None:
        plain = arg.keyword.value == "return_exceptions"
        return "" if plain else "is called with arguments that cannot be told apart"
    value = arg.value
    if arg.star == "*" and isinstance(value, (cst.ListComp, cst.GeneratorExp)):
        value = value.elt
    elif arg.star:
        return "gathers in a list what may be tasks"
    if not isinstance(value, cst.Call):
        return "gathers what may be tasks or futures"
    why = why_not_calm(source, value, child=True, mending=mending)
    return why or why_not_quiet(source, value)


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


def _as_list(node: cst.CSTNode) -> cst.CSTNode:
    awaiting = cst.ensure_type(node, cst.Await)
    inner = awaiting.with_changes(lpar=(), rpar=())
    return cst.Call(cst.Name("list"), [cst.Arg(inner)])
