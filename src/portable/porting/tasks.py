"""Rule for `create_task()`: a task that ends in the block it begins in moves into a group.

Such a task is kept by a variable, and awaited or cancelled by a later line of the same block.
The lines from the one to the other go into `async with anyio.create_task_group() as group:`;
tasks whose lines overlap share a group. How a task is waited for after it was cancelled stands
in `endings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst import metadata

from .calls import call_of
from .calm import Mending, why_not_calm
from .decision import Changed, Decision, Edit, stays
from .endings import Ending, ending
from .groups import started_by
from .nodes import expression
from .quiet import why_not_quiet
from .source import Source, Use
from .tree import find


@dataclass(frozen=True, slots=True)
class _Span:
    """The lines of a block in which a task runs.

    Attributes:
        use: the use that starts the task.
        block: the block.
        first: the number of its statement that starts the task.
        last: the number of its statement after which the task has ended.
        start: the call of the coroutine function.
        ending: how the task ends.
        mending: what has to change in functions so that they are calm.
    """

    use: Use
    block: cst.IndentedBlock
    first: int
    last: int
    start: cst.Call
    ending: Ending
    mending: Mending


def decide_create_task(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`task = asyncio.create_task(f(x))` becomes `task = group.start_soon(f, x)`."""
    spans: dict[cst.IndentedBlock, list[_Span]] = {}
    for use in uses:
        span = _span(source, use)
        if isinstance(span, str):
            yield stays(use, span)
        else:
            spans.setdefault(span.block, []).append(span)
    groups = [group for found in spans.values() for group in _overlapping(found)]
    for group in groups:
        # A group inside another's lines needs a name of its own.
        around = set(source.above(group[0].block))
        depth = sum(not around.isdisjoint(_lines(other)) for other in groups)
        name = "group" if depth == 0 else f"group_{depth + 1}"
        while not source.is_unused(name):
            name = f"task_{name}"
        yield _grouped(source, group, name)


def _lines(group: Sequence[_Span]) -> Sequence[cst.BaseStatement]:
    return group[0].block.body[
        min(span.first for span in group) : max(span.last for span in group) + 1
    ]


def _span(source: Source, use: Use) -> _Span | str:
    call = call_of(source, use)
    if call is None or not call.args or not isinstance(call.args[0].value, cst.Call):
        return "starts what cannot be seen"
    if any(arg.keyword is None or arg.keyword.value != "name" for arg in call.args[1:]):
        return "starts a task with a context, or eagerly"
    statement = source.parent(call)
    line = source.parent(statement)
    block = source.parent(line)
    if isinstance(statement, cst.Expr):
        return "starts a task that nothing keeps: it has to belong to a group"
    if (
        not isinstance(statement, cst.Assign)
        or len(statement.targets) != 1
        or not isinstance(target := statement.targets[0].target, cst.Name)
        or not isinstance(line, cst.SimpleStatementLine)
        or not isinstance(block, cst.IndentedBlock)
        or len(line.body) > 1
    ):
        return "starts a task that no variable of the function keeps"
    bound = source.assignments(target)
    if len(bound) != 1 or not isinstance(source.scope(target), metadata.FunctionScope):
        return f"keeps the task in {target.value}, with other things"
    first = list(block.body).index(line)
    end = ending(source, bound[0], block, first)
    if isinstance(end, str):
        return end
    last = end.last
    coroutine = call.args[0].value
    mending = Mending([call], waits=end.waits)
    why = why_not_calm(source, coroutine, child=True, mending=mending)
    why = why or why_not_quiet(source, coroutine)
    if end.early and not _waits_first(source, coroutine):
        why = why or f"cancels the task in line {end.early}, maybe before it has begun"
    for number in range(first + 1, last + 1):
        statement = block.body[number]
        why = why or _leaves(source, statement, number == last)
        if statement not in end.quiet:
            why = why or why_not_quiet(source, statement)
    return why or _Span(use, block, first, last, coroutine, end, mending)


def _waits_first(source: Source, coroutine: cst.Call) -> bool:
    """Say whether a coroutine does nothing before it waits.

    A task of asyncio's that is cancelled at once never begins, and AnyIO's goes on to where it
    waits.
    """
    callee = source.callee(coroutine)
    if callee is None:
        return True
    line = callee.function.body.body[0]
    first = line.body[0] if isinstance(line, cst.SimpleStatementLine) else line
    if not isinstance(first, cst.Expr) or not isinstance(first.value, cst.Await):
        return False
    awaited = first.value.expression
    return (
        isinstance(awaited, cst.Call)
        and not find(awaited, cst.Call)[1:]
        and (source.callee(awaited) is None)
    )


def _leaves(source: Source, statement: cst.BaseStatement, last: bool) -> str:
    for node in find(statement, cst.Return, cst.Break, cst.Continue, cst.Yield):
        if not (last and isinstance(node, cst.Return)):
            return f"may leave in line {source.line(node)}, with the task still running"
    return ""


def _overlapping(spans: Sequence[_Span]) -> Iterator[list[_Span]]:
    together: list[_Span] = []
    for span in sorted(spans, key=lambda each: each.first):
        if together and span.first > max(each.last for each in together):
            yield together
            together = []
        together.append(span)
    yield together


def _grouped(source: Source, spans: Sequence[_Span], name: str) -> Decision:
    block = spans[0].block
    first = block.body[min(span.first for span in spans)]
    last = block.body[max(span.last for span in spans)]
    begin, end = (cst.SimpleStatementLine([cst.Pass()]) for _ in range(2))
    edits: dict[cst.CSTNode, Edit] = {}
    uses: dict[Use, None] = {span.use: None for span in spans}
    for span in spans:
        call = source.parent(source.parent(span.start))
        edits[call] = _started(name)
        edits |= {**span.mending.edits, **span.ending.edits}
        uses |= {**span.mending.uses, **span.ending.uses}
    edits[first] = _after(edits.get(first), lambda line: cst.FlattenSentinel([begin, line]))
    edits[last] = _after(edits.get(last), lambda line: cst.FlattenSentinel([line, end]))
    edits[block] = lambda body: _put_into_group(body, begin, end, name)
    return Decision(list(uses), edits)


def _after(before: Edit | None, edit: Edit) -> Edit:
    """Return the edit of a node that may have one already."""
    if before is None:
        return edit

    def both(node: cst.CSTNode) -> Changed:
        changed = before(node)
        assert isinstance(changed, cst.CSTNode)
        return edit(changed)

    return both


def _started(name: str) -> Edit:
    def changed(node: cst.CSTNode) -> Changed:
        create_task = cst.Attribute(cst.Name(name), cst.Name("create_task"))
        return started_by(create_task, cst.ensure_type(node, cst.Call))

    return changed


def _put_into_group(
    node: cst.CSTNode, begin: cst.SimpleStatementLine, end: cst.SimpleStatementLine, name: str
) -> Changed:
    block = cst.ensure_type(node, cst.IndentedBlock)
    body = list(block.body)
    first = next(place for place, each in enumerate(body) if each is begin)
    last = next(place for place, each in enumerate(body) if each is end)
    inside = body[first + 1 : last]
    start = cst.ensure_type(inside[0], cst.SimpleStatementLine)
    leading = start.leading_lines
    inside[0] = start.with_changes(leading_lines=())
    item = cst.WithItem(
        cst.Call(expression("anyio.create_task_group")),
        asname=cst.AsName(
            cst.Name(name),
            whitespace_before_as=cst.SimpleWhitespace(" "),
            whitespace_after_as=cst.SimpleWhitespace(" "),
        ),
    )
    group = cst.With(
        [item],
        cst.IndentedBlock(inside),
        asynchronous=cst.Asynchronous(),
        leading_lines=leading,
    )
    return block.with_changes(body=[*body[:first], group, *body[last + 1 :]])
