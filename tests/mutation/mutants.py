"""Break the ports of every pattern mechanically, and see whether the check finds out.

Each mutant is a port with one small change to its source, as an editor's slip would
make it. It is killed if it differs from the original on any backend, in the backend's own order
or under one of a few schedules. A survivor is equivalent if its traces are those of the
unchanged program, byte for byte: then there is nothing that a check could find. As a script it
prints the survivors and how many there were: `python tests/mutation/mutants.py [PATTERN ...]`.
"""

from __future__ import annotations

import ast
import copy
import inspect
import signal
import sys
import textwrap
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from portable._backends import BACKENDS, installed_backends
from portable.equivalence import Program, Trace, compare, record
from portable.patterns import Pattern, get_pattern, pattern_names

# A mutant that runs on and on is killed, too: after so much time of the processor, which is
# the same on a machine that has other things to do, or so much real time, should it sleep.
BUSY_SECONDS, REAL_SECONDS = 0.2, 10.0
SEEDS = range(3)
RENAMED = {"fail_after": "move_on_after", "move_on_after": "fail_after"}
DELAYS = {"sleep", "fail_after", "move_on_after", "fetch", "start_soon"}


@dataclass(frozen=True)
class Mutant:
    """One change to one program.

    Attributes:
        pattern: the name of the pattern.
        program: the name of the program.
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


def changes(tree: ast.Module) -> Iterator[tuple[str, Callable[[], ast.Module]]]:
    """Yield each small change to a tree, as what is done and what makes a changed copy."""
    delays = [delay for node in ast.walk(tree) for delay in _delays(node)]
    for place, node in enumerate(ast.walk(tree)):
        if node in delays:  # the call it is an argument of sees to it
            continue
        for words, change in _changes_to(node):
            yield (
                f"{words} in line {getattr(node, 'lineno', 0)}",
                partial(_changed, tree, place, change),
            )


def _delays(node: ast.AST) -> Iterator[ast.Constant]:
    """Yield the numbers that a call is given by name or, where they are delays, by place."""
    if isinstance(node, ast.Call):
        args = node.args if _name(node.func) in DELAYS else []
        for value in (*args, *(keyword.value for keyword in node.keywords)):
            if isinstance(value, ast.Constant) and _is_number(value.value):
                yield value


def _changed(tree: ast.Module, place: int, change: Callable[[Any], object]) -> ast.Module:
    other = copy.deepcopy(tree)
    change(next(islice(ast.walk(other), place, None)))
    return ast.fix_missing_locations(other)


def _changes_to(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], object]]]:
    if isinstance(node, ast.Call):
        yield from _changes_to_call(node)
    if isinstance(node, ast.Constant) and _is_number(node.value):
        yield f"number {node.value} off by one", _bump
    if isinstance(node, ast.Attribute) and node.attr in RENAMED:
        words = f"{RENAMED[node.attr]} for {node.attr}"
        yield words, lambda n: setattr(n, "attr", RENAMED[n.attr])
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "condition negated", _negate
    if isinstance(node, ast.Return) and node.value is not None:
        yield "result lost", lambda n: setattr(n, "value", None)
    if isinstance(node, ast.Raise) and node.exc is not None:
        error = ast.parse("RuntimeError()", mode="eval").body
        yield "another error", lambda n: setattr(n, "exc", error)
    if isinstance(node, ast.ExceptHandler) and node.type is not None:
        for words, name in (("widened", "BaseException"), ("of another kind", "EOFError")):
            other = ast.Name(name, ast.Load())
            yield f"except {words}", lambda n, other=other: setattr(n, "type", other)
    if isinstance(node, ast.Try) and node.finalbody:
        yield "cleanup removed", lambda n: setattr(n, "finalbody", [ast.Pass()])
    if isinstance(node, ast.Try) and len(node.handlers) + bool(node.finalbody) > 1:
        for at, _ in enumerate(node.handlers):
            yield f"handler {at + 1} removed", lambda n, at=at: n.handlers.pop(at)
    for block in ("body", "orelse", "finalbody"):
        lines = getattr(node, block, None)
        if isinstance(lines, list) and not isinstance(node, ast.Module):
            yield from _changes_to_block(block, lines)


def _changes_to_call(node: ast.Call) -> Iterator[tuple[str, Callable[[Any], object]]]:
    name, delays = _name(node.func), list(_delays(node))
    for at, arg in enumerate(node.args):
        if arg in delays:
            yield f"{name} of another delay", lambda n, at=at: _bump(n.args[at])
            yield f"{name} in milliseconds", lambda n, at=at: _shrink(n.args[at])
    for at, keyword in enumerate(node.keywords):
        if keyword.value in delays:
            yield f"{keyword.arg} moved", lambda n, at=at: _bump(n.keywords[at].value)
            yield (
                f"{keyword.arg} in milliseconds",
                lambda n, at=at: _shrink(n.keywords[at].value),
            )
        if keyword.arg == "shield":
            yield "shield removed", lambda n, at=at: n.keywords.pop(at)
    if len(node.args) > 1 and not any(isinstance(arg, ast.Starred) for arg in node.args):
        yield "arguments swapped", lambda n: _swap(n.args, 1)


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
        if isinstance(line, ast.Expr | ast.Raise | ast.AugAssign | ast.Break):
            yield (
                f"line {line.lineno} removed",
                lambda n, at=at: getattr(n, block).__setitem__(at, ast.Pass()),
            )
        if isinstance(line, ast.AugAssign) or ast.unparse(line).startswith("print("):
            yield (
                f"line {line.lineno} repeated",
                lambda n, at=at: getattr(n, block).insert(at, getattr(n, block)[at]),
            )
        if at and _acts(line) and _acts(lines[at - 1]):
            yield (
                f"lines {lines[at - 1].lineno} and {line.lineno} swapped",
                lambda n, at=at: _swap(getattr(n, block), at),
            )
        inner = getattr(line, "body", [])
        if len(inner) > 1 and not isinstance(line, ast.AsyncFunctionDef):
            yield (
                f"line {inner[-1].lineno} after its block",
                lambda n, at=at: getattr(n, block).insert(
                    at + 1, getattr(n, block)[at].body.pop()
                ),
            )
        if isinstance(line, ast.With) and not any(one.optional_vars for one in line.items):
            yield (
                f"no block in line {line.lineno}",
                lambda n, at=at: getattr(n, block).__setitem__(
                    slice(at, at + 1), getattr(n, block)[at].body
                ),
            )


def _acts(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr | ast.Assign)


def _swap(items: list[Any], at: int) -> None:
    items[at - 1], items[at] = items[at], items[at - 1]


def _negate(node: Any) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _bump(constant: ast.Constant) -> None:
    constant.value = constant.value + 1  # type: ignore[operator]


def _shrink(constant: ast.Constant) -> None:
    constant.value = constant.value / 1000  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _name(func: ast.expr) -> str:
    return func.attr if isinstance(func, ast.Attribute) else getattr(func, "id", "")


def mutants(pattern: Pattern, step: int = 1) -> Iterator[Mutant]:
    """Yield every mutant of a pattern, or every so many."""
    source = textwrap.dedent(inspect.getsource(pattern.port.main))
    seen = {ast.unparse(ast.parse(source))}
    for words, changed in islice(changes(ast.parse(source)), 0, None, step):
        text = ast.unparse(changed())
        if text not in seen:
            seen.add(text)
            yield Mutant(pattern.name, pattern.port.name, words, text)


class Judge:
    """Whether the check tells mutants of a pattern from its original, on any backend."""

    def __init__(self, pattern: Pattern) -> None:
        self._pattern = pattern
        self._right = {
            backend: record(pattern.original, backend)
            for backend in ("asyncio", "uvloop")
            if BACKENDS[backend].installed
        }
        self._unchanged: dict[tuple[str, int], str] = {}
        for backend in installed_backends():
            # What a backend imports at its first run is not on any mutant's time.
            record(pattern.port, backend)

    def killed(self, mutant: Mutant) -> bool:
        """Whether it differs, in the backend's own order or under a schedule."""
        for seed in (None, *SEEDS):
            for backend in installed_backends():
                trace = _trace(self._program(mutant), backend, seed)
                meant = [one for one in self._pattern.declared if one.holds_on(backend)]
                right = self._right.get(backend, self._right["asyncio"])
                if trace is None or not compare(right, trace, meant).verdict.equivalent:
                    return True
        return False

    def equivalent(self, mutant: Mutant) -> bool:
        """Whether its traces are those of the unchanged program under all schedules."""
        return all(
            str(_trace(self._program(mutant), backend, seed))
            == self._trace_unchanged(backend, seed)
            for backend in installed_backends()
            for seed in SEEDS
        )

    def _trace_unchanged(self, backend: str, seed: int) -> str:
        key = backend, seed
        if key not in self._unchanged:
            self._unchanged[key] = str(record(self._pattern.port, backend, seed=seed))
        return self._unchanged[key]

    def _program(self, mutant: Mutant) -> Program:
        return Program(mutant.program, mutant.main(), self._pattern.port.starter)


class TooLong(BaseException):
    """A mutant runs on and on."""


def _trace(program: Program, backend: str, seed: int | None) -> Trace | None:
    """Return what was recorded; `None` if the mutant would not stop."""

    def stop(*_: object) -> None:
        raise TooLong

    timers = {
        (signal.SIGVTALRM, signal.ITIMER_VIRTUAL): BUSY_SECONDS,
        (signal.SIGALRM, signal.ITIMER_REAL): REAL_SECONDS,
    }
    before = {number: signal.signal(number, stop) for number, _ in timers}
    for (_, timer), seconds in timers.items():
        signal.setitimer(timer, seconds, BUSY_SECONDS)
    try:
        return record(program, backend, seed=seed)
    except TooLong:
        return None
    finally:
        for number, timer in timers:
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


def judge(name: str, step: int = 1) -> tuple[int, dict[Mutant, bool]]:
    """Return how many mutants of a pattern there are, and who survived: True, if equivalent.

    Args:
        name: the name of the pattern.
        step: every which mutant is tried, for those in a hurry.
    """
    pattern = get_pattern(name)
    judge = Judge(pattern)
    everyone = list(mutants(pattern, step))
    left = [one for one in everyone if not judge.killed(one)]
    return len(everyone), {one: judge.equivalent(one) for one in left}


def main() -> None:
    total, survivors = 0, dict[Mutant, bool]()
    for name in sys.argv[1:] or pattern_names():
        count, left = judge(name)
        total += count
        survivors |= left
        print(f"{name}: {count - len(left)} of {count} killed", flush=True)
    for one, equivalent in survivors.items():
        print(f"survivor: {one.name} ({'equivalent' if equivalent else 'reordered'})")
    killed, different = total - len(survivors), total - sum(survivors.values())
    print(f"{killed} of {total} killed: {killed / total:.1%}")
    print(f"of the {different} that change a trace: {killed / different:.1%}")


if __name__ == "__main__":
    main()
