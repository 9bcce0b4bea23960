"""The patterns: what the command makes of each original does what the original does."""

import inspect
import textwrap

import pytest

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

from portable._backends import installed_backends
from portable.equivalence import assert_equivalent
from portable.patterns import get_pattern, patterns
from portable.porting import port

# Those of which nothing of asyncio's is left.
WHOLE = {"heartbeat_beside_a_job", "retry_with_backoff", "run_a_task"}


def ported(name):
    source = textwrap.dedent(inspect.getsource(get_pattern(name).original.main))
    return port(source.encode())


@pytest.mark.slow
@pytest.mark.parametrize("name", [pattern.name for pattern in patterns()])
def test_what_is_ported_is_equivalent(name):
    """Original and port, or half a port, do the same on every backend and schedule."""
    names = {}
    exec(ported(name).code, names)
    original = get_pattern(name).original.main
    assert_equivalent(
        original, names["original"], backends=installed_backends(), schedules=5, fork=False
    )


@pytest.mark.slow
def test_what_is_ported_whole():
    """Where conditions can be seen nothing of asyncio's is left, as in the port by hand."""
    found = {
        pattern.name
        for pattern in patterns()
        if all(site.rewritten for site in ported(pattern.name).sites)
    }
    assert found == WHOLE


# The lines that a port by hand has otherwise, and the command's in their place.
BY_HAND = """
quiet = beating.status is beating.Status.CANCELLED
print(f"{outcome}, heartbeat cancelled: {quiet}")
"""
BY_COMMAND = """
await beating.wait()
print(f"{outcome}, heartbeat cancelled: {beating.status is beating.Status.CANCELLED}")
"""


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_as_a_reader_would_want_it(name):
    """What is ported whole has the lines of the port by hand, in its order, and few others."""
    by_hand = lines_of(inspect.getsource(get_pattern(name).port.main))
    command = lines_of(ported(name).code.decode())
    assert [line for line in by_hand if line not in BY_HAND] == [
        line for line in command if line not in BY_COMMAND
    ]


def lines_of(code):
    """Return a function's lines as they read, without imports, which a formatter sorts."""
    lines = [line.strip() for line in code.splitlines()[1:]]
    return [line for line in lines if line and not line.startswith("import ")]
