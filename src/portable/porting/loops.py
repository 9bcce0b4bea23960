"""Rule for the running loop: calls of its clock and of its threads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst
from libcst import metadata

from .calls import call_of, is_awaited
from .decision import Changed, Decision, Edit, stays
from .nodes import expression
from .simple import in_thread
from .source import Source, Use


@dataclass(slots=True)
class _Edits:
    """The edits of one use so far, and the modules that the new code names."""

    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    needs: set[str] = field(default_factory=lambda: {"anyio"})


def decide_loop(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`loop.time()` and `await loop.run_in_executor(None, f)` need no loop in AnyIO."""
    for use in uses:
        call = call_of(source, use)
        if call is None or call.args:
            yield stays(use, "is not called here")
            continue
        function = source.function_of(call)
        if function is None or function.asynchronous is None:
            yield stays(use, "is not called in an `async def`, where a loop runs for certain")
            continue
        found = _Edits()
        above = source.parent(call)
        if isinstance(above, cst.Assign):
            why = _variable(source, use, above, found)
        else:
            why = _asked(source, use, call, found)
        if why:
            yield stays(use, why)
        else:
            yield Decision((use,), found.edits, needs=tuple(sorted(found.needs)))


def _asked(source: Source, use: Use, loop: cst.CSTNode, found: _Edits) -> str:
    """Add the edit of a call of one of the loop's methods; return why it stays, if it does."""
    method = source.parent(loop)
    call = source.parent(method)
    if isinstance(method, cst.Attribute) and isinstance(call, cst.Call):
        if method.attr.value == "time" and not call.args:
            found.edits[call] = _current_time
            return ""
        if method.attr.value == "run_in_executor" and call.args and not call.args[0].star:
            if source.code(call.args[0].value) != "None":
                return "runs a function in an executor of its own"
            if not is_awaited(source, call):
                return "keeps the future of a thread"
            decision = in_thread(source, use, call, call.args[1:])
            found.edits.update(decision.edits)
            found.needs.update(decision.needs)
            return decision.why
    name = f".{method.attr.value}" if isinstance(method, cst.Attribute) else "something"
    return f"is asked for {name} in line {source.line(loop)}"


def _current_time(node: cst.CSTNode) -> cst.CSTNode:
    call = cst.ensure_type(node, cst.Call)
    return call.with_changes(func=expression("anyio.current_time"))


def _variable(source: Source, use: Use, statement: cst.Assign, found: _Edits) -> str:
    """Look at `loop = asyncio.get_running_loop()`; the line goes if nothing needs it."""
    target = statement.targets[0].target
    line = source.parent(statement)
    if len(statement.targets) > 1 or not isinstance(target, cst.Name):
        return "is kept by more than a variable"
    bound = source.assignments(target)
    if len(bound) != 1 or not isinstance(source.scope(target), metadata.FunctionScope):
        return f"is kept by {target.value}, which is bound to other things, too"
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1:
        return "is not got in a line of its own"
    if line.trailing_whitespace.comment or any(each.comment for each in line.leading_lines):
        return "is got in a line with a comment, which would be lost"
    function = source.function_of(statement)
    for access in bound[0].references:
        if source.function_of(access.node) is not function:
            return "is used in an inner function, which may run in a thread"
        why = _asked(source, use, access.node, found)
        if why:
            return why
    block = source.parent(line)
    alone = not isinstance(block, cst.IndentedBlock) or len(block.body) == 1

    def removed(node: cst.CSTNode) -> Changed:
        assert isinstance(node, cst.SimpleStatementLine)
        return node.with_changes(body=[cst.Pass()]) if alone else cst.RemoveFromParent()

    found.edits[line] = removed
    return ""
