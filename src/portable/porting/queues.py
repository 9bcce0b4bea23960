"""Rule for queues: the two ends of a memory object stream take the place of a `Queue`.

A queue is exchanged when all that is done with it can be seen, in the function that makes it,
in functions within, and in functions that get it as an argument; and when all of those have
ended where its block ends, as the stream is closed there. Putting into a queue without a limit
does not wait, so it becomes `send_nowait()`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

import libcst as cst

from .callers import references
from .calls import TASK_STARTERS, call_of, is_awaited, method_called
from .decision import Changed, Decision, Edit, renaming, stays
from .nodes import COMMA, expression
from .source import Function, Source, Use
from .things import Escapes, thing_of
from .tree import find

_FULL = "asyncio.QueueFull"
_EMPTY = "asyncio.QueueEmpty"
WOULD_BLOCK = "anyio.WouldBlock"
_GROUPS = ("asyncio.TaskGroup", "anyio.create_task_group")
_PLAIN_TYPES = frozenset(
    {"int", "str", "bytes", "float", "bool", "object", "list", "dict", "tuple", "set", "None"}
)


def decide_queue(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`queue = asyncio.Queue(n)` becomes `send, receive = create_memory_object_stream(n)`."""
    made = [use for use in uses if use.name == "asyncio.Queue" and not use.annotation]
    done: set[Use] = set()
    # The last first: a block is put around the rest of a block, and so around its queues.
    for use in reversed(made):
        try:
            found = _Queue(source, use, alone=len(made) == 1).look()
        except Escapes as reason:
            yield stays(use, str(reason))
            continue
        done.update(found.uses)
        yield Decision(found.uses, found.edits, needs=tuple(sorted(found.needs)))
    for use in uses:
        if use not in done and use not in made:
            what = "type" if use.name == "asyncio.Queue" else "error"
            yield stays(use, f"is the {what} of a queue that stays")


@dataclass(slots=True)
class _Found:
    uses: list[Use]
    edits: dict[cst.CSTNode, Edit] = field(default_factory=dict)
    needs: set[str] = field(default_factory=lambda: {"anyio"})


class _Queue:
    """A queue that a variable of a coroutine keeps."""

    def __init__(self, source: Source, use: Use, *, alone: bool) -> None:
        self._source = source
        self._thing = thing_of(source, use)
        self._found = _Found(list(self._thing.uses))
        call = call_of(source, use)
        assert call is not None
        self._statement = source.parent(call)
        line = source.parent(self._statement)
        block = source.parent(line)
        function = source.function_of(call)
        if (
            len(self._thing.made) != 1
            or not isinstance(line, cst.SimpleStatementLine)
            or len(line.body) != 1
            or not isinstance(block, cst.IndentedBlock)
            or function is None
            or function.asynchronous is None
            or find(function.body, cst.Yield)
        ):
            raise Escapes("is not made once, in a line of a coroutine")
        self._line, self._block, self._function = line, block, function
        self._limit = _limit(call)
        place = list(block.body).index(line)
        self._rest = block.body[place + 1 :]
        if self._is_grouped(place):
            raise Escapes("is made while a task runs that goes into a group")
        name = self._thing.name
        ends = ("send", "receive") if alone else (f"send_{name}", f"receive_{name}")
        if not all(map(source.is_unused, ends)):
            ends = (f"send_{name}", f"receive_{name}")
        if not all(map(source.is_unused, ends)):
            raise Escapes(f"has ends whose names, {ends[0]} and {ends[1]}, are taken")
        self._send, self._receive = ends
        self._users: dict[Function, None] = {}
        self._asked: dict[str, set[Function | None]] = {}

    def _is_grouped(self, place: int) -> bool:
        """Say whether a line of the block is within a task group, or will be."""
        source = self._source
        around = source.parent(self._block)
        if isinstance(around, cst.With) and any(
            isinstance(item.item, cst.Call)
            and source.imported(item.item.func) == "anyio.create_task_group"
            for item in around.items
        ):
            return True
        starting = [use.node for use in source.rewritten if use.name in TASK_STARTERS]
        for before in self._block.body[:place]:
            if set(starting).isdisjoint(find(before, cst.Name, cst.Attribute)):
                continue
            for target in find(before, cst.AssignTarget):
                name = target.target if isinstance(target, cst.AssignTarget) else None
                if not isinstance(name, cst.Name):
                    continue
                for access in source.assignments(name)[0].references:
                    above = {access.node, *source.above(access.node)}
                    if not above.isdisjoint(self._block.body[place:]):
                        return True
        return False

    def look(self) -> _Found:
        for reference in self._thing.references:
            self._reference(reference, self._send, self._receive)
        seen: set[Function] = set()
        while more := [each for each in self._users if each not in seen]:
            for function in more:
                seen.add(function)
                self._check_user(function)
        if not self._rest:
            raise Escapes("is not used in the block that makes it")
        self._check_hands()
        self._wrap()
        return self._found

    # Where it is used --------------------------------------------------------------------

    def _reference(self, node: cst.CSTNode, send: str, receive: str) -> str:
        """Look at one use of the queue, or of a parameter that has it; return which end."""
        source = self._source
        self._place(node)
        arg = source.parent(node)
        if isinstance(arg, cst.Arg) and isinstance(call := source.parent(arg), cst.Call):
            self._found.edits[node] = renaming(self._handed_on(node, arg, call, send, receive))
            return ""
        method, called = method_called(source, node)
        line = source.line(node)
        if called is None:
            raise Escapes(f"is handed on in line {line}, so that not all can be seen")
        self._asked.setdefault(method, set()).add(source.function_of(node))
        if method in ("put", "put_nowait"):
            self._put(node, called, method, send)
            return send
        if method in ("get", "get_nowait") and not called.args:
            self._get(node, called, method, receive)
            return receive
        raise Escapes(f"is asked for {method}() in line {line}, which streams have not")

    def _place(self, node: cst.CSTNode) -> None:
        """Note which function a use is in; in the one that makes it, it has to come later."""
        source = self._source
        function = source.function_of(node)
        if function is self._function:
            above = {node, *source.above(node)}
            if above.isdisjoint(self._rest):
                raise Escapes(f"is used in line {source.line(node)}, outside of its block")
        elif function is None:
            raise Escapes(f"is used in line {source.line(node)}, by what may run later")
        else:
            self._users[function] = None

    def _check_hands(self) -> None:
        """Raise if what does not wait may meet who waits in another task.

        A stream hands an item on to who waits for one, and takes one from who waits to put,
        at once; in a queue it has its place until those go on.
        """
        asked = self._asked
        put, get, put_nowait, get_nowait = (
            asked.get(name, set()) for name in ("put", "get", "put_nowait", "get_nowait")
        )
        limited = self._limit is not None
        why = "asks in one function without waiting, and waits in another: streams hand on"
        if limited and ((put_nowait and get) or (get_nowait and put)):
            raise Escapes(why)
        if get_nowait and (get - get_nowait or (get and get_nowait & (put | put_nowait))):
            raise Escapes(why)

    def _put(self, node: cst.CSTNode, call: cst.Call, method: str, send: str) -> None:
        source = self._source
        line = source.line(node)
        if len(call.args) != 1 or call.args[0].star or call.args[0].keyword:
            raise Escapes(f"is put into in line {line} with more than an item")
        above = source.parent(call)
        if method == "put" and not isinstance(above, cst.Await):
            raise Escapes(f"has a put() in line {line} that is not awaited where it stands")
        if self._limit is None:
            self._found.edits[call] = _called(f"{send}.send_nowait")
            if method == "put":
                self._found.edits[above] = _without_await
        elif method == "put":
            self._found.edits[call] = _called(f"{send}.send")
        else:
            self._found.edits[call] = _called(f"{send}.send_nowait")
            self._caught(node, "put_nowait", _FULL)

    def _get(self, node: cst.CSTNode, call: cst.Call, method: str, receive: str) -> None:
        source = self._source
        if method == "get_nowait":
            self._found.edits[call] = _called(f"{receive}.receive_nowait")
            self._caught(node, method, _EMPTY)
            return
        self._found.edits[call] = _called(f"{receive}.receive")
        if not is_awaited(source, call):
            line = source.line(node)
            raise Escapes(f"has a get() in line {line} that is not awaited where it stands")

    def _caught(self, node: cst.CSTNode, method: str, error: str) -> None:
        """Rename the error in the handler around a call that does not wait."""
        source = self._source
        line = source.line(node)
        child = node
        functions = (cst.FunctionDef, cst.Lambda)
        for above in takewhile(
            lambda each: not isinstance(each, functions), source.above(node)
        ):
            if isinstance(above, cst.Try) and child is above.body:
                for handler in above.handlers:
                    use = source.use_at(handler.type)
                    if use is None or use.name != error or use.doubt:
                        continue
                    asked = [
                        each
                        for each in find(above.body, cst.Attribute, deep=True)
                        if isinstance(each, cst.Attribute) and each.attr.value == method
                    ]
                    if len(asked) != 1:
                        raise Escapes(f"shares the handler of line {line} with another queue")
                    self._found.edits[use.node] = renaming(WOULD_BLOCK)
                    if use not in self._found.uses:
                        self._found.uses.append(use)
                    return
            child = above
        last = error.rpartition(".")[2]
        raise Escapes(f"raises {last} in line {line}, which no handler there names alone")

    # Who uses it -------------------------------------------------------------------------

    def _handed_on(
        self, node: cst.CSTNode, arg: cst.Arg, call: cst.Call, send: str, receive: str
    ) -> str:
        """Look at a function that gets the queue; return the end that it needs."""
        source = self._source
        line = source.line(node)
        why = Escapes(f"is handed on in line {line}, so that not all can be seen")
        callee = source.callee(call)
        place = list(call.args).index(arg)
        if callee is None or callee.owner is not None or arg.keyword or arg.star:
            raise why
        params = callee.function.params
        plain = (*params.posonly_params, *params.params)
        if any(each.star for each in call.args[:place]) or place >= len(plain):
            raise why
        param = plain[place]
        self._check_calls(callee.function, place, why)
        found = list(source.scope(callee.function.body)[param.name.value])
        if len(found) != 1:
            raise why
        name = param.name.value
        ends = {
            self._reference(access.node, name, name) and self._end_of(access.node)
            for access in found[0].references
        }
        if len(ends) != 1 or "" in ends:
            raise Escapes(f"is handed on in line {line} to what puts and gets")
        [end] = ends
        if param.annotation is not None:
            self._annotation(param.annotation.annotation, end, why)
        self._users[callee.function] = None
        return send if end == "send" else receive

    def _end_of(self, node: cst.CSTNode) -> str:
        return "send" if method_called(self._source, node)[0].startswith("put") else "receive"

    def _annotation(self, node: cst.BaseExpression, end: str, why: Escapes) -> None:
        name = node.value if isinstance(node, cst.Subscript) else node
        use = self._source.use_at(name)
        if use is None or use.name != "asyncio.Queue" or use.doubt:
            raise why
        kind = "ObjectSendStream" if end == "send" else "ObjectReceiveStream"
        self._found.edits[name] = renaming(f"anyio.abc.{kind}")
        self._found.needs.add("anyio.abc")
        if use not in self._found.uses:
            self._found.uses.append(use)

    def _check_calls(self, function: Function, place: int, why: Escapes) -> None:
        """Raise unless each call of a function has this queue in its place."""
        source = self._source
        places = references(source, function)
        if not places:
            raise why
        for node in places:
            call = source.parent(node)
            if not isinstance(call, cst.Call) or call.func is not node:
                raise why
            if len(call.args) <= place or call.args[place].value not in self._thing.references:
                raise why

    def _check_user(self, function: Function) -> None:
        """Raise unless a function that uses the queue has ended where its block ends."""
        source = self._source
        name = function.name.value
        places = references(source, function)
        if places is None or function.asynchronous is None:
            raise Escapes(f"is used by {name}(), which others may call")
        for node in places:
            around = source.function_of(node)
            above = {node, *source.above(node)}
            if around is self._function and above.isdisjoint(self._rest):
                raise Escapes(f"is used by {name}(), which line {source.line(node)} calls")
            if around is not None and around is not self._function:
                self._users[around] = None
            if around is None or not self._ends(node):
                line = source.line(node)
                raise Escapes(f"is used by {name}(), which may go on after line {line}")

    def _ends(self, node: cst.CSTNode) -> bool:
        """Say whether what is called here has ended where the block around it ends."""
        source = self._source
        above = source.parent(node)
        if isinstance(above, cst.Call) and above.func is node:
            above = source.parent(above)
            if isinstance(above, cst.Await):
                return True
        while isinstance(above, (cst.ListComp, cst.GeneratorExp)):
            above = source.parent(above)
        call = source.parent(above)
        if not isinstance(above, cst.Arg) or not isinstance(call, cst.Call):
            return False
        if source.imported(call.func) == "anyio.gather":
            return isinstance(source.parent(call), cst.Await)
        use = source.use_at(call.func)
        if use is not None:
            return use in source.rewritten
        func = call.func
        if not isinstance(func, cst.Attribute) or not isinstance(func.value, cst.Name):
            return False
        return any(
            isinstance(item.item, cst.Call)
            and source.imported(item.item.func) in _GROUPS
            and item.asname is not None
            and isinstance(item.asname.name, cst.Name)
            and item.asname.name.value == func.value.value
            for block in source.above(node)
            if isinstance(block, cst.With) and self._is_behind(block)
            for item in block.items
        )

    def _is_behind(self, block: cst.With) -> bool:
        """Say whether a block ends where the queue's block does, or before that."""
        above = {block, *self._source.above(block)}
        other = self._source.function_of(block) is not self._function
        return other or not above.isdisjoint(self._rest)

    # What it becomes ---------------------------------------------------------------------

    def _wrap(self) -> None:
        """Make the stream, and put the rest of the block under `with send, receive:`."""
        marker = cst.SimpleStatementLine([cst.Pass()])
        code = self._make()
        send, receive = self._send, self._receive

        def made(node: cst.CSTNode) -> Changed:
            line = cst.ensure_type(node, cst.SimpleStatementLine)
            statement = cst.ensure_type(
                cst.parse_statement(f"{send}, {receive} = {code}"), cst.SimpleStatementLine
            )
            return cst.FlattenSentinel([line.with_changes(body=statement.body), marker])

        def wrapped(node: cst.CSTNode) -> Changed:
            block = cst.ensure_type(node, cst.IndentedBlock)
            place = next(n for n, each in enumerate(block.body) if each is marker)
            inner = cst.With(
                [
                    cst.WithItem(cst.Name(send), comma=COMMA),
                    cst.WithItem(cst.Name(receive)),
                ],
                cst.IndentedBlock(block.body[place + 1 :], footer=block.footer),
            )
            return block.with_changes(body=[*block.body[:place], inner], footer=())

        self._found.edits[self._line] = made
        self._found.edits[self._block] = wrapped

    def _make(self) -> str:
        call = "anyio.create_memory_object_stream"
        if isinstance(self._statement, cst.AnnAssign):
            kind = self._statement.annotation.annotation
            names = {each.value for each in find(kind, cst.Name) if isinstance(each, cst.Name)}
            if isinstance(kind, cst.Subscript) and len(kind.slice) == 1:
                inner = self._source.code(kind.slice[0])
                if names - _PLAIN_TYPES <= {"asyncio", "Queue"} and "asyncio" not in inner:
                    call += f"[{inner}]"
        if self._limit is None:
            self._found.needs.add("math")
            return f"{call}(math.inf)"
        return f"{call}({self._limit})"


def _limit(call: cst.Call) -> int | None:
    """Return how many items a queue takes; `None`: any number."""
    if not call.args:
        return None
    [arg, *others] = call.args
    named = arg.keyword is not None and arg.keyword.value != "maxsize"
    if others or arg.star or named or not isinstance(arg.value, cst.Integer):
        raise Escapes("is made with a limit that cannot be seen")
    return int(arg.value.evaluated_value) or None


def _called(code: str) -> Edit:
    def changed(node: cst.CSTNode) -> cst.CSTNode:
        return cst.ensure_type(node, cst.Call).with_changes(func=expression(code))

    return changed


def _without_await(node: cst.CSTNode) -> cst.CSTNode:
    waiting = cst.ensure_type(node, cst.Await)
    inner = waiting.expression
    return inner.with_changes(
        lpar=[*waiting.lpar, *inner.lpar], rpar=[*inner.rpar, *waiting.rpar]
    )
