"""The proof is proved: ports with a realistic mistake are told from good ones, everywhere.

This folder holds a file for each pattern. A function there says by its name what it is:
`wrong_port_…` has a mistake, which its docstring tells; `harmless_port_…` does the same in
another way.
"""

import inspect
import runpy
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Checked, Program, check, explain
from portable.patterns import get_pattern, pattern_names

FOLDER = Path(__file__).parent

WRONG, HARMLESS = KINDS = ("wrong_port_", "harmless_port_")
Function = Callable[[], Awaitable[object]]


@cache
def functions(pattern: str) -> dict[str, Function]:
    found = runpy.run_path(str(FOLDER / f"{pattern}.py"))
    return {
        name: value
        for name, value in found.items()
        if name.startswith(KINDS) and inspect.iscoroutinefunction(value)
    }


def cases(kind: str) -> list[object]:
    return [
        pytest.param(pattern, name, backend, id=f"{pattern}-{name}-{backend}")
        for pattern in pattern_names()
        for name in functions(pattern)
        for backend in BACKENDS
        if name.startswith(kind)
    ]


def judged(pattern: str, name: str, backend: str) -> Checked:
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    program = Program(name, functions(pattern)[name], "anyio")
    original = get_pattern(pattern).original
    *_, result = check(original, program, backends=[backend])
    return result


@pytest.mark.parametrize(("pattern", "name", "backend"), cases(WRONG))
def test_a_wrong_port_is_different(pattern: str, name: str, backend: str) -> None:
    """A port with a mistake is different on every backend, and its report shows where."""
    result = judged(pattern, name, backend)
    assert result.comparison is not None
    assert result.verdict == "different", str(result.trace)
    text = explain(result.comparison)
    assert "\n  - " in text
    assert "\n  + " in text


@pytest.mark.parametrize(("pattern", "name", "backend"), cases(HARMLESS))
def test_a_harmless_rewrite_is_not_different(pattern: str, name: str, backend: str) -> None:
    """A port that does the same in another way is not called different."""
    result = judged(pattern, name, backend)
    assert result.comparison is not None
    assert result.equivalent, explain(result.comparison)


@pytest.mark.parametrize("pattern", pattern_names())
def test_each_pattern_has_enough_wrong_ports(pattern: str) -> None:
    """Each pattern has five wrong ports and a harmless one, each with its sentence."""
    for kind, least in {WRONG: 5, HARMLESS: 1}.items():
        assert sum(name.startswith(kind) for name in functions(pattern)) >= least, kind
    assert all(inspect.getdoc(function) for function in functions(pattern).values())
