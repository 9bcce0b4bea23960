"""Rule for `CancelledError`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from .calm import GET_CLASS, reraises
from .decision import Decision, renaming, stays
from .source import Source, Use


def decide_cancelled_error(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """A handler that only raises it again, and keeps it from no other, goes.

    A task of asyncio's is cancelled with asyncio's class on trio as well, so a handler that
    does something stays until who cancels it is ported, too.
    """
    for use in uses:
        if not reraises(source, use):
            yield stays(use, _why(source, use))
            continue
        handler = source.parent(use.node)
        block = source.parent(handler)
        assert isinstance(block, cst.Try)
        others = len(block.handlers) > 1 or (block.finalbody and not block.orelse)
        # A handler with a comment stays, for who reads it.
        if others and "#" not in source.code(handler):
            yield Decision((use,), {handler: lambda _: cst.RemoveFromParent()}, needs=())
        elif (function := source.function_of(block)) and function.asynchronous:
            yield Decision((use,), {use.node: renaming(GET_CLASS)})
        else:
            yield stays(use, "is handled where no loop may run")


def _why(source: Source, use: Use) -> str:
    handlers = (cst.ExceptHandler, cst.ExceptStarHandler)
    kinds = (*handlers, cst.BaseSmallStatement, cst.BaseCompoundStatement)
    above = list(source.above(use.node))
    place = next(number for number, each in enumerate(above) if isinstance(each, kinds))
    if isinstance(above[place], handlers):
        return "is handled, and may come from a task of asyncio's"
    if isinstance(above[place], cst.Raise):
        return "is raised, which is for AnyIO's scopes to do"
    calls = [each.func for each in above[:place] if isinstance(each, cst.Call)]
    if "contextlib.suppress" in map(source.imported, calls):
        return "is suppressed, and may come from a task of asyncio's"
    return "is named, to be compared or handed on"
