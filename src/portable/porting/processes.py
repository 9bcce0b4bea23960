"""Rule for child processes: one that is started and waited for is run by `run_process()`.

`run_process()` kills the process when it is cancelled, where asyncio leaves it running. So the
function has to be one that nothing cancels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst import metadata

from .callers import cancelled_at_all
from .calls import call_of, method_called
from .decision import Changed, Decision, Edit, stays
from .nodes import expression, keyword_argument
from .source import Source, Use
from .things import Escapes
from .tree import find

_STARTING = ("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell")
_CHANNELS = ("stdin", "stdout", "stderr")
_PASSED = ("cwd", "env", "start_new_session")


def decide_subprocess(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """A process whose output or end is awaited at once becomes `await anyio.run_process()`."""
    done: set[Use] = set()
    for use in uses:
        if use.name not in _STARTING:
            continue
        try:
            found = _Process(source, use).look()
        except Escapes as reason:
            yield stays(use, str(reason))
            continue
        inside = set(find(found.call, cst.Name, cst.Attribute))
        together = [each for each in uses if each.node in inside]
        done.update(together)
        needs = ("anyio", "subprocess") if found.names_subprocess else ("anyio",)
        yield Decision(
            [use, *(each for each in together if each is not use)], found.edits, needs=needs
        )
    for use in uses:
        if use.name not in _STARTING and use not in done:
            yield stays(use, "belongs to a process that stays")


@dataclass(slots=True)
class _Found:
    call: cst.Call
    edits: dict[cst.CSTNode, Edit]
    names_subprocess: bool


class _Process:
    def __init__(self, source: Source, use: Use) -> None:
        self._source = source
        self._shell = use.name.endswith("shell")
        call = call_of(source, use)
        awaiting = None if call is None else source.parent(call)
        statement = None if awaiting is None else source.parent(awaiting)
        line = None if statement is None else source.parent(statement)
        block = None if line is None else source.parent(line)
        if (
            call is None
            or not isinstance(awaiting, cst.Await)
            or not isinstance(statement, cst.Assign)
            or len(statement.targets) != 1
            or not isinstance(target := statement.targets[0].target, cst.Name)
            or not isinstance(line, cst.SimpleStatementLine)
            or len(line.body) != 1
            or not isinstance(block, cst.IndentedBlock)
        ):
            raise Escapes("is not started in a line that keeps it in a variable")
        self._call, self._line, self._block = call, line, block
        bound = source.assignments(target)
        if len(bound) != 1 or not isinstance(source.scope(target), metadata.FunctionScope):
            raise Escapes(f"is kept by {target.value}, with other things")
        self._references = [access.node for access in bound[0].references]
        self._name = target.value

    def look(self) -> _Found:
        source = self._source
        channels, passed, command = self._arguments()
        place = list(self._block.body).index(self._line)
        last = self._block.body[place + 1] if place + 1 < len(self._block.body) else None
        waiting = self._waiting(last, channels)
        for node in self._references:
            if node is waiting:
                continue
            method, _ = method_called(source, node)
            later = {node, *source.above(node)}.isdisjoint(self._block.body[: place + 2])
            if method != "returncode" or not later:
                raise Escapes(
                    f"is used in line {source.line(node)} for more than its output and end"
                )
        function = source.function_of(self._call)
        why = "is started where no coroutine can be seen"
        if function is None or (why := cancelled_at_all(source, function)):
            raise Escapes(f"{why}; AnyIO kills the process then")
        edits = self._edits(last, waiting, channels, passed, command)
        return _Found(
            self._call, edits, any(each in ("DEVNULL", "STDOUT") for each in channels.values())
        )

    def _arguments(self) -> tuple[dict[str, str], list[cst.Arg], list[cst.Arg]]:
        """Return where its streams go, what is passed on as it is, and the command."""
        channels: dict[str, str] = {}
        passed: list[cst.Arg] = []
        command: list[cst.Arg] = []
        for arg in self._call.args:
            name = "" if arg.keyword is None else arg.keyword.value
            if arg.star == "**":
                raise Escapes("is started with options that cannot be seen")
            if not name:
                command.append(arg)
            elif name in _CHANNELS:
                kind = self._source.imported(arg.value) or self._source.code(arg.value)
                kind = kind.removeprefix("asyncio.").removeprefix("subprocess.")
                if kind not in ("PIPE", "DEVNULL", "STDOUT", "None"):
                    raise Escapes(f"has a {name} that cannot be seen")
                channels[name] = kind
            elif name in _PASSED:
                passed.append(arg)
            else:
                raise Escapes(f"is started with {name}=, which is not looked into")
        if channels.get("stdin") == "PIPE":
            raise Escapes("is written to")
        if not command or (self._shell and len(command) > 1):
            raise Escapes("is started with a command that cannot be seen")
        return channels, passed, command

    def _waiting(
        self, last: cst.CSTNode | None, channels: dict[str, str]
    ) -> cst.BaseExpression:
        """Return the reference by which the next line waits for its output or its end."""
        source = self._source
        why = Escapes("is not waited for in the next line")
        if not isinstance(last, cst.SimpleStatementLine) or len(last.body) != 1:
            raise why
        for node in self._references:
            method, call = method_called(source, node)
            if call is None or source.statement_of(node) is not last:
                continue
            above = source.parent(call)
            statement = source.parent(above)
            if (
                isinstance(above, cst.Await)
                and not call.args
                and isinstance(statement, (cst.Expr, cst.Assign))
                and method in ("communicate", "wait")
                and isinstance(node, cst.Name)
            ):
                if method == "wait" and "PIPE" in channels.values():
                    raise Escapes("is waited for, with its output unread")
                return node
        raise why

    def _edits(
        self,
        last: cst.CSTNode | None,
        waiting: cst.BaseExpression,
        channels: dict[str, str],
        passed: Sequence[cst.Arg],
        command: Sequence[cst.Arg],
    ) -> dict[cst.CSTNode, Edit]:
        source = self._source
        method, call = method_called(source, waiting)
        assert call is not None
        assert isinstance(last, cst.SimpleStatementLine)
        awaiting = source.parent(call)
        name = self._name
        ends = f"{name}.returncode" if method == "wait" else f"{name}.stdout, {name}.stderr"

        def read(_: cst.CSTNode) -> Changed:
            return expression(ends)

        edits: dict[cst.CSTNode, Edit] = {self._call: self._run(channels, passed, command)}
        if isinstance(source.parent(awaiting), cst.Assign):
            edits[awaiting] = read
        elif last.trailing_whitespace.comment or any(
            each.comment for each in last.leading_lines
        ):
            raise Escapes("is waited for in a line with a comment, which would be lost")
        else:
            edits[last] = lambda _: cst.RemoveFromParent()
        return edits

    def _run(
        self, channels: dict[str, str], passed: Sequence[cst.Arg], command: Sequence[cst.Arg]
    ) -> Edit:
        places = [self._call.args.index(arg) for arg in command]
        others = [self._call.args.index(arg) for arg in passed]

        def run(node: cst.CSTNode) -> Changed:
            call = cst.ensure_type(node, cst.Call)
            given = [call.args[place] for place in places]
            if self._shell:
                what: cst.BaseExpression = given[0].value
            else:
                what = cst.List(
                    [
                        cst.StarredElement(arg.value) if arg.star else cst.Element(arg.value)
                        for arg in given
                    ]
                )
            args = [cst.Arg(what)]
            for channel in _CHANNELS:
                kind = channels.get(channel, "None")
                if kind != ("None" if channel == "stdin" else "PIPE"):
                    code = kind if kind == "None" else f"subprocess.{kind}"
                    args.append(keyword_argument(channel, expression(code)))
            args += [
                keyword_argument(keyword.value, call.args[place].value)
                for place in others
                if (keyword := call.args[place].keyword) is not None
            ]
            args.append(keyword_argument("check", cst.Name("False")))
            return cst.Call(expression("anyio.run_process"), args)

        return run
