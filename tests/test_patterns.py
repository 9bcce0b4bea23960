"""The patterns: what their programs may use, and that drop-ins are the originals' lines."""

import ast
import inspect
import textwrap

import pytest

from portable.patterns import patterns

PATTERNS = pytest.mark.parametrize("pattern", patterns(), ids=lambda pattern: pattern.name)
# What each program may import: its own library, and a clock to print the time from.
LIBRARIES = {"original": "asyncio", "port": "anyio", "drop_in": "portable"}


def source(pattern, kind):
    return textwrap.dedent(inspect.getsource(getattr(pattern, kind).main))


def imports(text):
    found = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import)]
    return {alias.name for node in found for alias in node.names}


def body_lines(text):
    """The lines of a program, but for its own name, its imports and blank lines."""
    lines = (line.strip() for line in text.splitlines()[1:])
    return [line for line in lines if line and not line.startswith("import ")]


def test_the_four_patterns_are_there():
    """Run one, cancel one, read its result, time it out."""
    names = {pattern.name for pattern in patterns()}
    assert {"run_a_task", "cancel_a_task", "result_and_completion", "timeout"} <= names


@PATTERNS
@pytest.mark.parametrize("kind", LIBRARIES)
def test_a_program_uses_its_own_library_alone(pattern, kind):
    """An original imports asyncio, a port anyio, a drop-in portable, and none of the others."""
    text = source(pattern, kind)
    assert imports(text) - {"time"} == {LIBRARIES[kind]}
    assert not [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)]


@PATTERNS
def test_a_drop_in_is_the_original_with_other_names(pattern):
    """Line by line the drop-in is the original, with `portable.` for `asyncio.`."""
    expected = [
        line.replace("asyncio.", "portable.")
        for line in body_lines(source(pattern, "original"))
    ]
    assert body_lines(source(pattern, "drop_in")) == expected


@PATTERNS
def test_a_pattern_says_what_it_shows(pattern):
    """Each pattern has a title and, beneath it, what differs in the port."""
    assert pattern.title
    assert not pattern.title.endswith(".") or len(pattern.title) < 60
