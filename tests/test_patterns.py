"""The patterns: what their programs may use, and that drop-ins are the originals' lines."""

import ast
import inspect
import re
import textwrap

import anyio
import pytest

import portable
from portable.patterns import patterns

PATTERNS = pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
# What each program may import: its own library, and a clock to print the time from.
LIBRARIES = {"original": "asyncio", "port": "anyio", "drop_in": "portable"}
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
# Lines of originals for which a drop-in has others, and not just another module's name:
# AnyIO has streams in place of queues, and under D1 a second wait needs a shield.
REPLACED = {
    "producer_and_consumers": {
        "orders: asyncio.Queue[tuple[str, float] | None] = asyncio.Queue(2)": [
            "send, receive = anyio.create_memory_object_stream[tuple[str, float] | None](2)"
        ],
        "while (order := await orders.get()) is not None:": [
            "while (order := await receive.receive()) is not None:"
        ],
        "for order in menu.items():": ["with send, receive:", "for order in menu.items():"],
        "await orders.put(order)": ["await send.send(order)"],
        "await orders.put(None)": ["await send.send(None)"],
    },
    "shielded_critical_section": {
        "await payment\nraise": [
            "with anyio.CancelScope(shield=True):",
            "await payment",
            "raise",
        ],
    },
}


def source(pattern, kind):
    return textwrap.dedent(inspect.getsource(getattr(pattern, kind).main))


def imports(text):
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)]
    return {alias.name for node in found for alias in node.names}


def body_lines(text):
    """The lines of a program, but for its own name, its imports and blank lines."""
    lines = (line.strip() for line in text.splitlines()[1:])
    return [line for line in lines if line and not line.startswith("import ")]


def renamed(line):
    """A line of an original with the names of portable, or of AnyIO where it has none."""

    def other(found):
        package = portable if hasattr(portable, found[1]) else anyio
        assert hasattr(package, found[1]), f"neither portable nor AnyIO has {found[1]}"
        return f"{package.__name__}.{found[1]}"

    return re.sub(r"\basyncio\.(\w+)", other, line)


def test_the_patterns_that_tutorials_teach_are_there():
    """The four one begins with, and the eight that are looked up next."""
    assert set(NAMES) <= {pattern.name for pattern in patterns()}


@PATTERNS
@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_program_uses_its_own_library_alone(pattern, kind):
    """An original imports asyncio, a port anyio, a drop-in portable, and none of the others."""
    text = source(pattern, kind)
    found = imports(text) - {"time"}
    if kind == "drop_in" and "anyio." in text:  # for what portable has no name for
        found.remove("anyio")
    if kind == "port":
        found.discard("anyio.abc")
    assert found == {LIBRARIES[kind]}
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]


@PATTERNS
def test_a_drop_in_is_the_original_with_other_names(pattern):
    """Line by line the drop-in is the original, with `portable.` for `asyncio.`.

    Where portable has no such name AnyIO's stands in its place; other lines that differ are
    written down, and are no more than those.
    """
    expected = "\n".join(body_lines(source(pattern, "original"))) + "\n"
    for line, others in REPLACED.get(pattern.name, {}).items():
        assert expected.count(f"{line}\n") == 1
        expected = expected.replace(f"{line}\n", "\n".join(others) + "\n")
    assert body_lines(source(pattern, "drop_in")) == renamed(expected).splitlines()


@PATTERNS
def test_a_pattern_says_what_it_shows(pattern):
    """Each pattern has a title and, beneath it, what differs in the port."""
    assert pattern.title
    assert not pattern.title.endswith(".") or len(pattern.title) < 60
