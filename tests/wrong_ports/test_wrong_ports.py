"""The proof is proved: ports with a realistic mistake are told from good ones, everywhere.

This folder holds a file for each pattern. A function there says by its name what it is:
`wrong_port_…` has a mistake, which its docstring tells; `harmless_port_…` does the same in
another way.
"""

import inspect
import re
import runpy
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Judged, Program, check, explain
from portable.patterns import get_pattern, pattern_names

FOLDER = Path(__file__).parent

WRONG, HARMLESS = KINDS = ("wrong_port_", "harmless_port_")
# Of these a report names the cause; a wrong cause is worse than none.
ENDS_IN_A_GROUP = {
    ("as_they_complete", "wrong_port_with_the_error_in_the_group"),
    ("at_most_n_at_a_time", "wrong_port_with_the_error_in_the_group"),
    ("first_to_finish", "wrong_port_with_an_error_in_a_group"),
    ("gather_many", "wrong_port_by_anyios_gather"),
    ("heartbeat_beside_a_job", "wrong_port_with_the_error_in_a_group"),
}
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
    """Return all; quick are those that are the first of their pattern, on one backend."""
    found: list[object] = []
    for number, pattern in enumerate(pattern_names()):
        names = [name for name in functions(pattern) if name.startswith(kind)]
        for name in names:
            for place, backend in enumerate(BACKENDS):
                quick = name == names[0] and place == number % len(BACKENDS)
                marks = () if quick else pytest.mark.thorough
                case = f"{pattern}-{name}-{backend}"
                found.append(pytest.param(pattern, name, backend, id=case, marks=marks))
    return found


def judged(pattern: str, name: str, backend: str) -> Judged:
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    program = Program(name, functions(pattern)[name], "anyio")
    original = get_pattern(pattern).original
    return check(original, program, backends=[backend]).row("port", backend)


@pytest.mark.slow
@pytest.mark.parametrize(("pattern", "name", "backend"), cases(WRONG))
def test_a_wrong_port_is_different(pattern: str, name: str, backend: str) -> None:
    """A port with a mistake is different on every backend, and its report shows where."""
    result = judged(pattern, name, backend)
    assert result.comparison is not None
    assert result.verdict == "different", str(result.run.trace)
    text = explain(result.comparison)
    assert re.search(r"^[-+|] ", text, re.MULTILINE), text
    causes = [cause.sentence for cause in result.causes]
    group = "the port raised a group where the original raised a bare exception"
    assert causes == ([group] if (pattern, name) in ENDS_IN_A_GROUP else [])


@pytest.mark.slow
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
