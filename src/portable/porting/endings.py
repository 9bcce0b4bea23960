"""The ending of a task: how it is awaited, cancelled and asked in the block it begins in.

A task that was cancelled is waited for by `await task.wait()`, where asyncio needs an `await`
whose `CancelledError` is caught; or awaited, where something is done about that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import takewhile

import libcst as cst
from libcst import metadata

from .calls import is_awaited_statement
from .decision import Changed, Edit, renaming
from .nodes import expression
from .source import Source, Use
from .tree import find

_CANCELLED = "asyncio.CancelledError"
TASK_CANCELLED = "anyio.TaskCancelled"


@dataclass(slots=True)
class Ending:
    """How a task ends.

    Attributes:
        last: the last line of the block that the task is used in.
        waits: whether it is waited for when it was cancelled.
        edits: what changes in the lines that wait for it.
        uses: the uses that are rewritten by that.
        quiet: the lines that only wait for it.
        early: the line that may cancel it before it has begun; 0: none does.
    """

    last: int
    waits: bool = True
    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    uses: dict[Use, None] = field(default_factory=dict)
    quiet: list[cst.CSTNode] = field(default_factory=list)
    early: int = 0


class _Unclear(Exception):
    """It cannot be seen how a task ends; the message says why."""


def ending(
    source: Source, bound: metadata.BaseAssignment, block: cst.IndentedBlock, first: int
) -> Ending | str:
    """Return how a task ends; or why that cannot be seen, or is not in its block.

    Args:
        source: the file.
        bound: what binds the task to its variable.
        block: the block that the task begins in.
        first: the line of it in which it does.
    """
    try:
        return _Ending(source, bound, block, first).look()
    except _Unclear as why:
        return str(why)


class _Ending:
    def __init__(
        self,
        source: Source,
        bound: metadata.BaseAssignment,
        block: cst.IndentedBlock,
        first: int,
    ) -> None:
        self._source = source
        self._block = block
        self._first = first
        self._found = Ending(first)
        self._places = sorted((access.node for access in bound.references), key=source.position)
        self._cancelled = 0
        self._ends = False

    def look(self) -> Ending:
        source = self._source
        function = source.function_of(self._block)
        for node in self._places:
            line = source.line(node)
            if source.function_of(node) is not function:
                raise _Unclear(f"uses the task in line {line}, in another function")
            within = [node, *source.above(node)]
            number = next((n for n, each in enumerate(self._block.body) if each in within), -1)
            if number < self._first:
                raise _Unclear(
                    f"uses the task in line {line}, outside of the block it begins in"
                )
            statement = self._block.body[number]
            if self._is_cancel(node):
                if not self._has_begun(node):
                    self._found.early = line
                self._cancelled = line
                self._use_last(number)
                self._found.waits = False
            elif isinstance(source.parent(node), cst.Await):
                self._await(node, statement)
                self._use_last(number)
                self._found.waits = True
            elif self._waits(node, statement):
                self._use_last(number)
                self._found.waits = True
            elif self._asks(node):
                self._found.last = number
            else:
                raise _Unclear(
                    f"does more with the task, in line {line}, than await or cancel it"
                )
        if not self._ends:
            raise _Unclear("does not await or cancel the task in the block it begins in")
        return self._found

    def _use_last(self, number: int) -> None:
        self._found.last = number
        statement = self._block.body[number]
        plain = isinstance(statement, cst.SimpleStatementLine)
        self._ends = plain or statement in self._found.edits

    def _is_cancel(self, node: cst.CSTNode) -> bool:
        above = self._source.parent(node)
        call = self._source.parent(above)
        return (
            isinstance(above, cst.Attribute)
            and above.attr.value == "cancel"
            and isinstance(call, cst.Call)
            and not call.args
            and isinstance(self._source.parent(call), cst.Expr)
        )

    def _has_begun(self, cancel: cst.CSTNode) -> bool:
        """Say whether something is awaited for certain before a task is cancelled.

        A task of asyncio's that is cancelled at once does nothing at all.
        """
        source = self._source
        around = set(source.above(cancel))
        lines = self._block.body[self._first + 1 :]
        for node in [each for line in lines for each in find(line, cst.Await, cst.With)]:
            if isinstance(node, cst.With) and node.asynchronous is None:
                continue
            if source.position(node) > source.position(cancel):
                return False
            above = takewhile(lambda each: each is not self._block, source.above(node))
            if not any(isinstance(each, _AT_TIMES) and each not in around for each in above):
                return True
        return False

    def _await(self, node: cst.CSTNode, statement: cst.BaseStatement) -> None:
        """Look at an `await task`; if the task was cancelled, the error has to be caught."""
        within = takewhile(lambda each: each is not self._block, self._source.above(node))
        for above in within:
            if isinstance(above, cst.With) and _limits(self._source, above):
                place = self._source.line(node)
                raise _Unclear(f"awaits the task in line {place} where a limit would cancel it")
        if not self._cancelled:
            return
        why = _Unclear(
            f"cancels the task in line {self._cancelled} and awaits it: "
            "see `anyio.TaskCancelled`"
        )
        line = self._source.statement_of(node)
        around = None if line is None else self._source.parent(self._source.parent(line))
        if around is not statement:
            raise why
        if isinstance(statement, cst.Try):
            self._caught(statement, why)
        elif isinstance(statement, cst.With) and self._is_suppressed(statement):
            self._replace(statement)
        elif isinstance(statement, cst.With) and (use := self._expected(statement)):
            self._found.uses[use] = None
            self._found.edits[use.node] = renaming(TASK_CANCELLED)
            self._found.edits[statement] = lambda node: node
            self._found.quiet.append(statement)
        else:
            raise why

    def _caught(self, statement: cst.Try, why: _Unclear) -> None:
        source = self._source
        if len(statement.handlers) != 1 or statement.orelse or statement.finalbody:
            raise why
        handler = statement.handlers[0]
        use = self._use_of(handler.type)
        if use is None or handler.name is not None:
            raise why
        if find(handler.body, cst.Raise, cst.Return, cst.Break, cst.Continue):
            raise why
        if len(find(statement.body, cst.Await, cst.With, cst.For, cst.While)) != 1:
            raise why
        self._found.uses[use] = None
        alone = _is_await_alone(statement.body)
        if alone and _is_pass(handler.body) and not _has_comment(source, statement):
            self._replace(statement)
        else:
            self._found.edits[use.node] = renaming(TASK_CANCELLED)
            self._found.edits[statement] = lambda node: node

    def _is_suppressed(self, statement: cst.With) -> bool:
        source = self._source
        if len(statement.items) != 1 or statement.asynchronous or statement.items[0].asname:
            return False
        call = statement.items[0].item
        if not isinstance(call, cst.Call) or len(call.args) != 1:
            return False
        if source.imported(call.func) != "contextlib.suppress":
            return False
        use = self._use_of(call.args[0].value)
        if use is None or not _is_await_alone(statement.body):
            return False
        if _has_comment(source, statement):
            return False
        self._found.uses[use] = None
        return True

    def _expected(self, statement: cst.With) -> Use | None:
        """Return the use in `with pytest.raises(CancelledError): await task`."""
        call = statement.items[0].item
        alone = len(statement.items) == 1 and statement.items[0].asname is None
        if not alone or statement.asynchronous or not isinstance(call, cst.Call):
            return None
        if self._source.imported(call.func) != "pytest.raises" or len(call.args) != 1:
            return None
        return self._use_of(call.args[0].value) if _is_await_alone(statement.body) else None

    def _waits(self, node: cst.CSTNode, statement: cst.BaseStatement) -> bool:
        """Say whether a statement waits for the task by `asyncio.wait()` or `gather()`.

        The first has the task alone, and the second `return_exceptions`; it becomes
        `await task.wait()`.
        """
        source = self._source
        arg = source.parent(node)
        if isinstance(arg, cst.Element):
            several = source.parent(arg)
            if not isinstance(several, (cst.List, cst.Set, cst.Tuple)) or (
                len(several.elements) != 1
            ):
                return False
            arg = source.parent(several)
        call = source.parent(arg)
        if not isinstance(call, cst.Call) or not isinstance(
            call.func, (cst.Name, cst.Attribute)
        ):
            return False
        use = source.use_at(call.func)
        if use is None or use.doubt or not is_awaited_statement(source, call):
            return False
        if "#" in source.code(call):
            return False
        if source.statement_of(call) is not statement:
            return False
        if use.name == "asyncio.wait":
            plain = len(call.args) == 1
        else:
            plain = (
                use.name == "asyncio.gather"
                and len(call.args) == 2
                and call.args[0] is arg
                and call.args[1].keyword is not None
                and call.args[1].keyword.value == "return_exceptions"
            )
        if plain:
            self._found.uses[use] = None
            self._replace(statement)
        return plain

    def _asks(self, node: cst.CSTNode) -> bool:
        """Say whether this is `task.cancelled()` behind the line that waits; rewrite it."""
        source = self._source
        above = source.parent(node)
        call = source.parent(above)
        if (
            not isinstance(above, cst.Attribute)
            or above.attr.value != "cancelled"
            or not isinstance(call, cst.Call)
            or not (self._cancelled and self._found.waits and self._found.last > self._first)
        ):
            return False
        plain = isinstance(source.parent(call), _BARE)
        self._found.edits[call] = _is_cancelled if plain else _is_cancelled_in_parentheses
        return True

    def _use_of(self, node: cst.CSTNode | None) -> Use | None:
        """Return the `CancelledError` that a node is."""
        use = self._source.use_at(node)
        return None if use is None or use.name != _CANCELLED or use.doubt else use

    def _replace(self, statement: cst.BaseStatement) -> None:
        """Have a statement be `await task.wait()`."""
        name = next(node for node in self._places if isinstance(node, cst.Name)).value

        def changed(node: cst.CSTNode) -> Changed:
            lines = getattr(node, "leading_lines", ())
            end = getattr(node, "trailing_whitespace", cst.TrailingWhitespace())
            wait = cst.Await(expression(f"{name}.wait()"))
            return cst.SimpleStatementLine(
                [cst.Expr(wait)], leading_lines=lines, trailing_whitespace=end
            )

        self._found.edits[statement] = changed
        self._found.quiet.append(statement)


def _limits(source: Source, block: cst.With) -> bool:
    """Say whether a block may cancel what is awaited in it."""
    calls = [item.item for item in block.items if isinstance(item.item, cst.Call)]
    names = [source.imported(call.func) or "" for call in calls]
    return block.asynchronous is not None or any(
        name.startswith(("anyio.", "asyncio.")) for name in names
    )


def _has_comment(source: Source, statement: cst.Try | cst.With) -> bool:
    """Say whether a statement has a comment in it that would be lost."""
    return "#" in source.code(statement.with_changes(leading_lines=()))


_AT_TIMES = (
    *(cst.If, cst.For, cst.While, cst.Match, cst.ExceptHandler, cst.IfExp),
    *(cst.BooleanOperation, cst.BaseComp),
)
"""What may not evaluate a part of it."""
_BARE = (
    *(cst.Arg, cst.FormattedStringExpression, cst.If, cst.While, cst.Assign, cst.AnnAssign),
    *(cst.Return, cst.Assert, cst.BooleanOperation),
)
"""Where a comparison needs no parentheses."""


def _is_cancelled(node: cst.CSTNode) -> cst.BaseExpression:
    call = cst.ensure_type(node, cst.Call)
    task = cst.ensure_type(cst.ensure_type(call.func, cst.Attribute).value, cst.Name).value
    return expression(f"{task}.status is {task}.Status.CANCELLED")


def _is_cancelled_in_parentheses(node: cst.CSTNode) -> cst.BaseExpression:
    asked = _is_cancelled(node)
    return asked.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _is_await_alone(body: cst.BaseSuite) -> bool:
    """Say whether a block, with an `await` in a line, is that of a name and no more."""
    [first, *others] = body.body
    return (
        not others
        and isinstance(first, cst.SimpleStatementLine)
        and isinstance(last := first.body[0], cst.Expr)
        and isinstance(last.value, cst.Await)
        and isinstance(last.value.expression, cst.Name)
    )


def _is_pass(body: cst.BaseSuite) -> bool:
    [last, *others] = body.body
    if isinstance(last, cst.SimpleStatementLine) and len(last.body) == 1:
        last = last.body[0]
    return not others and isinstance(last, cst.Pass)
