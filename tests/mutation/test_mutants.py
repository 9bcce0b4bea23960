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


@pytest.mark.skipif(not EVERYTHING, reason="some mutants die on trio or uvloop alone")
def test_mutants_are_killed() -> None:
    """All die but those whose reason to live is written down, and those do live."""
    judge = runpy.run_path(str(FOLDER / "mutants.py"), run_name="mutants")["judge"]
    text = (FOLDER / "survivors.md").read_text()
    explained = dict(re.findall(r"^\| (\w+ \w+: .*?) \| (.+) \|$", text, re.MULTILINE))
    total, alive = 0, set()
    for pattern in pattern_names():
        count, left = judge(pattern)
        total += count
        alive |= {one.name for one in left}
    assert total >= 50
    assert alive == set(explained)


def rewritten(main: Callable[..., Any], package: str) -> Callable[[], Awaitable[object]]:
    """Return a program nested in a function, with other names and more checkpoints."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(main)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.arg | ast.AsyncFunctionDef):
            field = "id" if isinstance(node, ast.Name) else "arg"
            field = "name" if isinstance(node, ast.AsyncFunctionDef) else field
            if getattr(node, field) in ("fetch", "task", "outcome", "group", "slow"):
                setattr(node, field, getattr(node, field) + "_renamed")
        if isinstance(node, ast.Expr) and ast.unparse(node).startswith(
            f"await {package}.sleep("
        ):
            again = ast.parse(f"[await {package}.sleep(s) for s in (0, 0)]", mode="eval").body
            node.value = ast.Tuple([again, node.value], ast.Load())
    text = ast.unparse(ast.fix_missing_locations(tree))
    text += f"\nasync def helper():\n    return await {main.__name__}()\n"
    found: dict[str, Any] = {}
    exec(compile(text, "<rewritten>", "exec", dont_inherit=True), found)
    helper: Callable[[], Awaitable[object]] = found["helper"]
    return helper


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("pattern", pattern_names())
def test_no_false_alarm(pattern: str, backend: str) -> None:
    """A pattern is never different from itself, nor from a rewrite, whatever the schedule."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    chosen = get_pattern(pattern)
    for program, package in ((chosen.port, "anyio"), (chosen.drop_in, "portable")):
        other = Program(program.name, rewritten(program.main, package), program.starter)
        right = record(program, backend)
        for seed in range(10):
            for one in (program, other):
                found = compare(right, record(one, backend, seed=seed))
                assert found.verdict.equivalent, (seed, found.reasons)
