"""What the report on a user's own two programs says, and what it leaves out."""

import pytest

import portable
from portable.equivalence import Reading
from portable.equivalence.causes import causes
from portable.equivalence.comparing import Judged
from portable.equivalence.comparison import compare
from portable.equivalence.isolated import Run, _places
from portable.equivalence.side_by_side import side_by_side
from portable.equivalence.trace import ExceptionShape, Observation, Outcome, Trace, normalised


def trace(*seen: Observation, backend: str = "asyncio") -> Trace:
    end = Observation(9.0, "outcome", "returned None")
    return Trace("program", backend, (*seen, end), Outcome(9.0, "None"))


def line(text: str, time: float = 0.0, writer: int = 0) -> Observation:
    return Observation(time, "stdout", text, writer=writer)


def test_printed_addresses_are_the_same() -> None:
    """The address of a printed object is another one in each process, and does not count."""
    left = trace(line("<object object at 0x7fe4b76c19b0>"))
    right = trace(line("<object object at 0x7fdd92069b20>"))
    assert Reading().compare(left, right).verdict == "same"


def test_long_words_are_normalised_in_no_time() -> None:
    """A text of a million letters is gone through once, and not once for each letter."""
    text = "e" * 1_000_000
    assert normalised(text) == text
    assert normalised("<coroutine main.<locals>.fetch>") == "<coroutine fetch>"


def test_a_group_is_worded_alike() -> None:
    """What a task group says by itself, on trio and on asyncio, is no difference."""
    shapes = {
        ExceptionShape.of(ExceptionGroup(message, [ValueError("no")]))
        for message in ("unhandled errors in a TaskGroup", "Exceptions from Trio nursery")
    }
    assert len(shapes) == 1


def test_loops_that_disagree_are_held_against_no_port() -> None:
    """An original that differs on uvloop is told of, and speaks against nobody."""
    found = compare(trace(line("a")), trace(line("b"), backend="uvloop"))
    run = Run("uvloop", None, found.port)
    assert Judged("original", run, found).equivalent
    assert not Judged("port", run, found).equivalent


def test_the_first_difference_is_shown_behind_many_equal_lines() -> None:
    """Within an instant the report begins just before the first line that differs."""
    same = [line(f"line {number}") for number in range(50)]
    found = compare(trace(*same, line("left")), trace(*same, line("right")))
    rows = side_by_side(found, 80)
    text = "\n".join(row for _, row in rows)
    assert "left" in text
    assert "right" in text
    assert "line 46" not in text
    assert "line 47" in text
    assert max(len(row) for _, row in rows) <= 80


def test_long_texts_are_cut_to_where_they_differ() -> None:
    """Of a text of megabytes the report shows a part, the one that differs."""
    found = compare(
        trace(line("x" * 100_000 + "left" + "x" * 900)), trace(line("x" * 100_000 + "right"))
    )
    rows = side_by_side(found, 80)
    text = "".join(row for _, row in rows)
    assert "left" in text
    assert "right" in text
    assert "(100904" in text
    assert len(rows) < 20


def test_a_late_task_is_no_free_order() -> None:
    """Lines of one task that come later are late, and were not overtaken by anybody."""
    one = compare(trace(line("a", 1.0)), trace(line("a", 2.0), backend="trio"))
    assert not causes(one)
    first, then = line("a", 1.0, 0), line("b", 2.0, 1)
    late = line("a", 2.0, 0), line("b", 1.0, 1)
    two = compare(trace(first, then), trace(*late, backend="trio"))
    assert [cause.id for cause in causes(two)] == ["D7"]


GATHER = "await gather(fail(), slow())"


def test_children_that_gather_ends() -> None:
    """Lines that the original's other children still print point at what gather() ends."""
    left = trace(line("caught", 0.0, 0), line("slow is done", 1.0, 1))
    right = trace(line("caught", 0.0, 0))
    (cause,) = causes(compare(left, right), GATHER)
    assert cause.id == "D5"
    assert "line 1: gather() ends the others" in cause.sentence
    assert "portable.gather" in cause.remedy
    lone = compare(trace(line("a"), line("b")), trace(line("a")))
    assert not causes(lone, GATHER)


@pytest.mark.parametrize("head", ["Thread 0x1 (most recent call first):", "Current thread:"])
def test_stacks_end_where_the_programs_part_does(head: str) -> None:
    """Of a stack the program's own frames are shown, and nothing of the machinery below."""
    own = '  File "/home/me/port.py", line 7 in main'
    machinery = f'  File "{portable.__path__[0]}/x.py", line 1'
    below = '  File "/usr/lib/python3/asyncio/runners.py", line 118 in run'
    assert _places([head, own, machinery, below, "", "Extension modules: x"]) == (head, own)
    assert _places([head, machinery, below]) == (head, machinery, below)
