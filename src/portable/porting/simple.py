"""Rules for names that have one counterpart: sleep, to_thread, TimeoutError."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from .calls import call_of
from .decision import Decision, Edit, renaming, stays
from .nodes import COMMA, DEFAULT, NO_SPACE, expression, keyword_argument
from .qualified import imported_as
from .source import Source, Use, bindings
from .tree import find


def decide_sleep(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.sleep(x)` becomes `anyio.sleep(x)`; never below zero, which trio refuses."""
    for use in uses:
        call = call_of(source, use)
        if call is None:
            yield stays(use, "is handed on as a function, called elsewhere")
            continue
        if len(call.args) != 1 or not _is_delay(call.args[0]):
            yield stays(use, "is called with more than the delay")
            continue
        first = call.args[0]
        edits: dict[cst.CSTNode, Edit] = {use.node: renaming("anyio.sleep")}
        if may_be_negative(source, first.value):
            if not source.is_free("max"):
                yield stays(use, "may get a negative delay, and `max` is another thing here")
                continue
            edits[first] = _at_least_zero
        yield Decision((use,), edits)


def _is_delay(arg: cst.Arg) -> bool:
    return not arg.star and (arg.keyword is None or arg.keyword.value == "delay")


def _at_least_zero(node: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(node, cst.Arg)
    call = cst.Call(cst.Name("max"), [cst.Arg(cst.Integer("0")), cst.Arg(node.value)])
    commas = [call.args[0].with_changes(comma=COMMA), call.args[1]]
    return node.with_changes(value=call.with_changes(args=commas))


def may_be_negative(source: Source, value: cst.BaseExpression) -> bool:
    """Say whether a number is seen to come from a subtraction in this function."""
    called = isinstance(value, cst.Call) and isinstance(value.func, cst.Name)
    if called and value.func.value in ("max", "abs"):  # type: ignore[attr-defined]
        return False
    if find(value, cst.Subtract, cst.Minus):
        return True
    if not isinstance(value, cst.Name):
        return False
    binding = (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.NamedExpr)
    for node in [each.node for each in bindings(source.scope(value), value.value)]:
        kinds = (*binding, cst.BaseStatement)
        above = next(each for each in source.above(node) if isinstance(each, kinds))
        if isinstance(above, binding) and find(
            above, cst.Subtract, cst.Minus, cst.SubtractAssign
        ):
            return True
    return False


def decide_to_thread(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.to_thread(f, x)` becomes `anyio.to_thread.run_sync(f, x, ...)`."""
    for use in uses:
        call = call_of(source, use)
        if call is None:
            yield stays(use, "is handed on as a function, called elsewhere")
        else:
            yield in_thread(source, use, call, call.args)


def in_thread(source: Source, use: Use, call: cst.Call, args: Sequence[cst.Arg]) -> Decision:
    """Decide on a call that runs a function in a thread.

    Args:
        source: the file.
        use: the use that is looked at.
        call: the call.
        args: those of its arguments that are the function and what that is called with.
    """
    if not args or args[0].star or args[0].keyword:
        return stays(use, "is called without a function that can be seen")
    if "set_default_executor" in source.attributes:
        return stays(use, "runs in an executor that this file sets")
    needs: tuple[str, ...] = ("anyio",)
    if any(arg.star == "**" or arg.keyword for arg in args):
        needs = ("anyio", "functools")
    count, offset = len(args), len(call.args) - len(args)

    def changed(node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, cst.Call)
        given = list(node.args[offset : offset + count])
        if len(needs) > 1:
            given[-1] = given[-1].with_changes(comma=DEFAULT, whitespace_after_arg=NO_SPACE)
            partial = cst.Call(expression("functools.partial"), given)
            given = [cst.Arg(partial)]
        given[-1] = given[-1].with_changes(comma=COMMA, whitespace_after_arg=NO_SPACE)
        abandon = keyword_argument("abandon_on_cancel", cst.Name("True")).with_changes(
            whitespace_after_arg=node.args[-1].whitespace_after_arg, comma=node.args[-1].comma
        )
        return node.with_changes(
            func=expression("anyio.to_thread.run_sync"), args=[*given, abandon]
        )

    return Decision((use,), {call: changed}, needs=needs)


def decide_timeout_error(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.TimeoutError` is Python's own `TimeoutError`."""
    free = source.is_free("TimeoutError", "asyncio.TimeoutError")
    name = "TimeoutError" if free else "builtins.TimeoutError"
    needs = () if free else ("builtins",)
    for use in uses:
        if isinstance(use.node, (cst.Name, cst.Attribute)):
            yield Decision((use,), {use.node: renaming(name)}, needs=needs)
        elif isinstance(use.node, cst.SimpleString):
            yield Decision((use,), {use.node: in_string(use, name)}, needs=needs)
        else:
            yield stays(use, "is named in a string of several parts")


def in_string(use: Use, new: str) -> Edit:
    """Return the edit that puts a name in the place of a use in an annotation's string."""
    written = use.bound.name + use.name[len(imported_as(use.bound) or "") :]

    def changed(node: cst.CSTNode) -> cst.CSTNode:
        string = cst.ensure_type(node, cst.SimpleString)
        value = re.sub(rf"(?<![\w.]){re.escape(written)}\b", new, string.value)
        return string.with_changes(value=value)

    return changed
