"""How far the check is to be trusted: mutants die, rewrites that change nothing live."""

import ast
import inspect
import re
import runpy
import textwrap
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from portable._backends import BACKENDS, installed_backends
from portable.equivalence import Program, compare, record
from portable.patterns import get_pattern, pattern_names

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

FOLDER = Path(__file__).parent
EVERYTHING = len(installed_backends()) == len(BACKENDS)


def times(few: int) -> pytest.MarkDecorator:
    """Run a test a few times among the slow ones, a thousand times among the thorough ones."""
    runs = [
        pytest.param(few, marks=pytest.mark.slow),
        pytest.param(1000, marks=pytest.mark.thorough),
    ]
    return pytest.mark.parametrize("runs", runs, ids="{} runs".format)


@pytest.mark.slow
@pytest.mark.skipif(not EVERYTHING, reason="some mutants die on trio or uvloop alone")
def test_mutants_are_killed() -> None:
    """All die but those whose reason to live is written down, and those do live.

    Of those that change a trace at all, 95 % die.
    """
    judge = runpy.run_path(str(FOLDER / "mutants.py"), run_name="mutants")["judge"]
    text = (FOLDER / "survivors.md").read_text(encoding="utf-8")
    explained = dict(re.findall(r"^\| (\w+ \w+: .*?) \| (.+) \|$", text, re.MULTILINE))
    total, alive = 0, {}
    for pattern in pattern_names():
        count, left = judge(pattern, 1)
        total += count
        alive |= {one.name: equivalent for one, equivalent in left.items()}
    killed, different = total - len(alive), total - sum(alive.values())
    assert total >= 50
    assert killed / different >= 0.95
    assert set(alive) == set(explained)
    told = " ".join(text.split())
    assert f"{killed} of {total} mutants are killed ({killed / total:.1%})." in told
    assert f"of the {different} others {killed / different:.1%} are killed." in told


HELPERS = """
def say(*args, **options):
    print(*args, **options)

async def rest(seconds):
    import {package}
    for _ in range(2):
        await {package}.sleep(0)
    await {package}.sleep(seconds)

async def helper():
    return await {main}()
"""


def rewritten(main: Callable[..., Any], package: str) -> Callable[[], Awaitable[object]]:
    """Return a program with other names, more functions and more checkpoints."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(main)))
    names = _bound_in(tree) - {main.__name__, "task_status"}
    for node in ast.walk(tree):
        for field in ("id", "arg", "name"):
            if getattr(node, field, None) in names and not isinstance(node, ast.keyword):
                setattr(node, field, f"{getattr(node, field)}_renamed")
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == f"{package}.sleep":
                node.func = ast.Name("rest", ast.Load())
            if called == "print":
                node.func = ast.Name("say", ast.Load())
            for keyword in node.keywords:
                if called in names and keyword.arg in names:
                    keyword.arg = f"{keyword.arg}_renamed"
    text = ast.unparse(ast.fix_missing_locations(tree))
    text += HELPERS.format(package=package, main=main.__name__)
    found: dict[str, Any] = {}
    exec(compile(text, "<rewritten>", "exec", dont_inherit=True), found)
    helper: Callable[[], Awaitable[object]] = found["helper"]
    return helper


def _bound_in(tree: ast.AST) -> set[str]:
    """Return the names that a program itself gives to what it makes."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.AsyncFunctionDef | ast.ExceptHandler) and node.name:
            names.add(node.name)
    return names


@times(2)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pattern", pattern_names())
@pytest.mark.parametrize("kind", ["original", "port"])
def test_no_false_alarm(kind: str, pattern: str, backend: str, runs: int) -> None:
    """A program is never different from itself, nor from a rewrite, whatever the schedule."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    program: Program = getattr(get_pattern(pattern), kind)
    package = "asyncio" if kind == "original" else "anyio"
    other = Program(program.name, rewritten(program.main, package), program.starter)
    right = record(program, backend)
    for seed in range(runs):
        one = (program, other)[seed % 2]
        found = compare(right, record(one, backend, seed=seed))
        assert found.verdict.equivalent, (seed, found.reasons)


@times(2)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pattern", pattern_names())
def test_a_seed_gives_one_trace(pattern: str, backend: str, runs: int) -> None:
    """The same program, backend and seed give the same trace, byte for byte, every time."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    for program in get_pattern(pattern).programs:
        traces = {str(record(program, backend, seed=7)) for _ in range(runs)}
        assert len(traces) == 1, "\n\n".join(sorted(traces))
