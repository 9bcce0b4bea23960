"""Break the ports of every pattern mechanically, and see whether the check finds out.

Each mutant is a port or drop-in with one small change to its source, as an editor's slip would
make it. It is killed if it differs from the original on any backend. Run as a script it prints
the survivors and how many there were: `python tests/mutation/mutants.py [PATTERN ...]`.
"""

from __future__ import annotations

import ast
import copy
import inspect
import signal
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from portable._backends import installed_backends
from portable.equivalence import Program, Trace, compare, record
from portable.patterns import Pattern, get_pattern, pattern_names

REAL_SECONDS = 3.0
RENAMED = {
    "gather": "race",
    "race": "gather",
    "Supervisor": "TaskGroup",
    "fail_after": "move_on_after",
    "move_on_after": "fail_after",
    "FIRST_COMPLETED": "ALL_COMPLETED",
    "FIRST_EXCEPTION": "ALL_COMPLETED",
}
DELAYS = {"sleep", "fail_after", "move_on_after", "timeout", "wait_for", "fetch", "start_soon"}


@dataclass(frozen=True)
class Mutant:
    """One change to one program.

    Attributes:
        pattern: the name of the pattern.
        program: `port` or `drop_in`.
        change: what was done, and in which line of the function.
        source: the source with the change.
    """

    pattern: str
    program: str
    change: str
    source: str

    @property
    def name(self) -> str:
        return f"{self.pattern} {self.program}: {self.change}"

    def main(self) -> Callable[[], Awaitable[object]]:
        found: dict[str, Any] = {}
        exec(compile(self.source, f"<{self.name}>", "exec", dont_inherit=True), found)
        main: Callable[[], Awaitable[object]] = found[self.program]
        return main


Change = tuple[str, ast.AST]


def changes(tree: ast.Module) -> Iterator[Change]:
    """Yield each small change to a tree, as what was done and a changed copy."""
    for place, node in enumerate(ast.walk(tree)):
        for words, change in _changes_to(node):
            other = copy.deepcopy(tree)
            target = next(found for at, found in enumerate(ast.walk(other)) if at == place)
            change(target)
            yield (
                f"{words} in line {getattr(node, 'lineno', 0)}",
                ast.fix_missing_locations(other),
            )


def _changes_to(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], object]]]:
    if isinstance(node, ast.Call):
        name = _name(node.func)
        for at, arg in enumerate(node.args):
            if name in DELAYS and isinstance(arg, ast.Constant) and _is_number(arg.value):
                yield f"{name} of another delay", lambda n, at=at: _bump(n.args[at])
        for at, keyword in enumerate(node.keywords):
            if isinstance(keyword.value, ast.Constant) and _is_number(keyword.value.value):
                yield f"{keyword.arg} moved", lambda n, at=at: _bump(n.keywords[at].value)
            if keyword.arg in ("shield", "return_exceptions"):
                yield f"{keyword.arg} removed", lambda n, at=at: n.keywords.pop(at)
        if name == "cancel" and node.args:
            yield "cancel without message", lambda n: n.args.clear()
        if name == "shield" and len(node.args) == 1:
            yield "shield removed", _unwrap
    if isinstance(node, ast.Attribute) and node.attr in RENAMED:
        words = f"{RENAMED[node.attr]} for {node.attr}"
        yield words, lambda n: setattr(n, "attr", RENAMED[n.attr])
    if isinstance(node, ast.ExceptHandler) and node.type is not None:
        wide = ast.Name("BaseException", ast.Load())
        yield "except widened", lambda n: setattr(n, "type", wide)
    if isinstance(node, ast.Try) and node.finalbody:
        yield "cleanup removed", lambda n: setattr(n, "finalbody", [ast.Pass()])
    if isinstance(node, ast.Try) and len(node.handlers) + bool(node.finalbody) > 1:
        for at, _ in enumerate(node.handlers):
            yield f"handler {at + 1} removed", lambda n, at=at: n.handlers.pop(at)
    for block in ("body", "orelse", "finalbody"):
        lines = getattr(node, block, None)
        if isinstance(lines, list) and not isinstance(node, ast.Module):
            yield from _changes_to_block(block, lines)


def _changes_to_block(
    block: str, lines: list[ast.stmt]
) -> Iterator[tuple[str, Callable[[Any], object]]]:
    for at, line in enumerate(lines):
        if isinstance(line, ast.Expr) and isinstance(line.value, ast.Await):
            yield (
                f"await dropped (line {line.lineno})",
                lambda n, at=at: setattr(
                    getattr(n, block)[at], "value", getattr(n, block)[at].value.value
                ),
            )
        if isinstance(line, ast.Expr | ast.Raise) and not _is_text(line):
            yield (
                f"line {line.lineno} removed",
                lambda n, at=at: getattr(n, block).__setitem__(at, ast.Pass()),
            )
        if at and _acts(line) and _acts(lines[at - 1]):
            yield (
                f"lines {lines[at - 1].lineno} and {line.lineno} swapped",
                lambda n, at=at: _swap(getattr(n, block), at),
            )


def _acts(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr | ast.Assign) and not _is_text(line)


def _is_text(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)


def _swap(block: list[ast.stmt], at: int) -> None:
    block[at - 1], block[at] = block[at], block[at - 1]


def _bump(constant: ast.Constant) -> None:
    constant.value = constant.value + 1  # type: ignore[operator]


def _unwrap(call: ast.Call) -> None:
    # shield(x) becomes (x): a call of the identity, as a node cannot replace itself.
    call.func = ast.parse("(lambda x: x)", mode="eval").body


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def mutants(pattern: Pattern) -> Iterator[Mutant]:
    """Yield every mutant of a pattern."""
    for program in (pattern.port, pattern.drop_in):
        source = textwrap.dedent(inspect.getsource(program.main))
        seen = {ast.unparse(ast.parse(source))}
        for words, tree in changes(ast.parse(source)):
            text = ast.unparse(tree)
            if text not in seen:
                seen.add(text)
                yield Mutant(pattern.name, program.name, words, text)


def killed(mutant: Mutant, pattern: Pattern, originals: dict[str, Trace]) -> bool:
    """Say whether the check finds out, on any backend."""
    starter = pattern.port.starter if mutant.program == "port" else pattern.drop_in.starter
    program = Program(mutant.program, mutant.main(), starter)
    for backend in installed_backends():
        with _in_time():
            trace = record(program, backend)
        meant = [one for one in pattern.declared if one.holds_for(mutant.program, backend)]
        right = originals.get(backend, originals["asyncio"])
        if not compare(right, trace, meant).verdict.equivalent:
            return True
    return False


class TooLong(BaseException):
    """A mutant runs on and on."""


@contextmanager
def _in_time() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, REAL_SECONDS, 0.5)
    try:
        yield
    except TooLong:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judge(name: str) -> tuple[int, list[Mutant]]:
    """Return how many mutants a pattern has, and those that nobody noticed."""
    pattern = get_pattern(name)
    originals = {
        backend: record(pattern.original, backend)
        for backend in installed_backends()
        if backend in pattern.original.backends
    }
    everyone = list(mutants(pattern))
    return len(everyone), [one for one in everyone if not killed(one, pattern, originals)]


def main() -> None:
    total, survivors = 0, []
    for name in sys.argv[1:] or pattern_names():
        count, left = judge(name)
        total += count
        survivors += left
        print(f"{name}: {count - len(left)} of {count} killed", flush=True)
    for one in survivors:
        print(f"survivor: {one.name}")
    print(f"{total - len(survivors)} of {total} killed: {(total - len(survivors)) / total:.1%}")


if __name__ == "__main__":
    main()
