"""The patterns: what their programs may use, and that they hold on every backend."""

import ast
import inspect
import textwrap

import pytest

from portable._backends import BACKENDS
from portable.equivalence import check, explain
from portable.patterns import patterns

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

PATTERNS = pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
# What each program may import: its own library, and a clock to print the time from.
LIBRARIES = {"original": "asyncio", "port": "anyio"}
NAMES = (
    "run_a_task",
    "cancel_a_task",
    "result_and_completion",
    "timeout",
    "gather_many",
    "first_to_finish",
    "as_they_complete",
    "at_most_n_at_a_time",
    "producer_and_consumers",
    "shielded_critical_section",
    "heartbeat_beside_a_job",
    "retry_with_backoff",
)


def source(pattern, kind):
    return textwrap.dedent(inspect.getsource(getattr(pattern, kind).main))


def imports(text):
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)]
    return {alias.name for node in found for alias in node.names}


def test_the_patterns_that_tutorials_teach_are_there():
    """The four one begins with, and the eight that are looked up next."""
    assert set(NAMES) <= {pattern.name for pattern in patterns()}


@PATTERNS
@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_program_uses_its_own_library_alone(pattern, kind):
    """An original imports asyncio, a port anyio, and neither imports the other."""
    text = source(pattern, kind)
    assert {name.partition(".")[0] for name in imports(text)} - {"time"} == {LIBRARIES[kind]}
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]


@PATTERNS
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_pattern_holds(pattern, backend):
    """Original and port do what the original does on asyncio; the original in its order."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    report = check(*pattern.programs, backends=[backend], declared=pattern.declared)
    original, port = (report.row(program, backend) for program in ("original", "port"))
    assert original.verdict == ("reference" if backend == "asyncio" else "same")
    assert port.equivalent, explain(port.comparison)


@PATTERNS
def test_a_pattern_says_what_it_shows(pattern):
    """Each pattern has a title and, beneath it, what differs in the port."""
    assert pattern.title
    assert not pattern.title.endswith(".") or len(pattern.title) < 60
