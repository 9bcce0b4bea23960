"""What the report on a user's own two programs says, and what it leaves out."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import portable
from portable._differences import DIFFERENCES
from portable.equivalence import Reading
from portable.equivalence.causes import Cause, causes
from portable.equivalence.comparing import Judged
from portable.equivalence.comparison import compare
from portable.equivalence.isolated import Run, _places
from portable.equivalence.side_by_side import side_by_side
from portable.equivalence.trace import ExceptionShape, Observation, Outcome, Trace, normalised
from portable.equivalence.worker import Failure


def trace(*seen: Observation, backend: str = "asyncio") -> Trace:
    end = Observation(9.0, "outcome", "returned None")
    return Trace("program", backend, (*seen, end), Outcome(9.0, "None"))


def on_trio(*seen: Observation, free_from: float | None = 0.0) -> Trace:
    return replace(trace(*seen, backend="trio"), order_free_from=free_from)


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


@pytest.mark.parametrize("backend", ["uvloop", "trio"])
def test_loops_that_disagree_are_held_against_no_port(backend: str) -> None:
    """An original that differs on uvloop or trio is told of, and speaks against nobody."""
    found = compare(trace(line("a")), trace(line("b"), backend=backend))
    run = Run(backend, None, found.port)
    hangs = Run(backend, None, failure=Failure("hang", "hangs"))
    for case in (Judged("original", run, found), Judged("original", hangs)):
        assert case.equivalent
        assert not replace(case, program="port").equivalent


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
    one = compare(trace(line("a", 1.0)), on_trio(line("a", 2.0)))
    assert not causes(one)
    first, then = line("a", 1.0, 0), line("b", 2.0, 1)
    late = line("a", 2.0, 0), line("b", 1.0, 1)
    two = compare(trace(first, then), on_trio(*late))
    assert [cause.id for cause in causes(two)] == ["T1"]


def test_the_order_is_free_where_trio_has_a_say() -> None:
    """Another order is put down to trio from the time on when it has a say, and no sooner."""
    a, b = line("a", 1.0, 0), line("b", 1.0, 1)
    for time, ids in ((None, []), (2.0, []), (1.0, ["T1"])):
        found = compare(trace(a, b), on_trio(b, a, free_from=time))
        assert [cause.id for cause in causes(found)] == ids
    assert not causes(compare(trace(a, b), trace(b, a, backend="uvloop")))


NUMBERED = {
    "T2": (
        "raised CancelledError('why')",
        "raised BaseExceptionGroup('x')\n  + CancelledError()",
    ),
    "T5": ("fine", "RuntimeError('Timeout should be used inside a task')"),
}


@pytest.mark.parametrize("number", NUMBERED)
def test_a_difference_on_trio_is_named(number: str) -> None:
    """What looks like a difference of the closed list is named by its number, on trio alone."""
    left, right = NUMBERED[number]
    (cause,) = causes(compare(trace(line(left)), on_trio(line(right))))
    assert cause.id == number
    assert str(cause).startswith(f"{number}: ")
    assert cause.remedy
    found = causes(compare(trace(line(left)), trace(line(right), backend="uvloop")))
    assert number not in [cause.id for cause in found]


def test_a_shield_holds_a_cancellation_back() -> None:
    """Lines that come later on trio are put down to a shield, if the source has one."""
    found = compare(trace(line("closed", 1.0)), on_trio(line("closed", 5.0)))
    assert [cause.id for cause in causes(found, "CancelScope(shield=True)")] == ["T3"]
    assert not causes(found, "CancelScope()")


@pytest.mark.parametrize("number", DIFFERENCES)
def test_a_number_points_at_its_section(number: str) -> None:
    """The section that a report names is in the docs."""
    text = (Path(__file__).parents[2] / "docs" / "differences.md").read_text()
    heading = re.search(rf"^## {number}: (.+)$", text, re.MULTILINE)
    assert heading is not None
    anchor = f"{number} {heading[1]}".lower().replace(" ", "-")
    assert Cause("", "", number).paragraph == f"docs/differences.md#{anchor}"


GROUP = "async with anyio.create_task_group() as group: ..."


def test_children_that_a_group_ends() -> None:
    """Lines that the original's other children still print point at what a group ends."""
    left = trace(line("caught", 0.0, 0), line("slow is done", 1.0, 1))
    right = trace(line("caught", 0.0, 0))
    source = f"async def main():\n    {GROUP}"
    (cause,) = causes(compare(left, right), source)
    assert (cause.id, cause.paragraph) == (None, None)
    assert "line 2: create_task_group() ends the others" in cause.sentence
    lone = compare(trace(line("a"), line("b")), trace(line("a")))
    assert not causes(lone, source)


@pytest.mark.parametrize("head", ["Thread 0x1 (most recent call first):", "Current thread:"])
def test_stacks_end_where_the_programs_part_does(head: str) -> None:
    """Of a stack the program's own frames are shown, and nothing of the machinery below."""
    own = '  File "/home/me/port.py", line 7 in main'
    machinery = f'  File "{portable.__path__[0]}/x.py", line 1'
    below = '  File "/usr/lib/python3/asyncio/runners.py", line 118 in run'
    assert _places([head, own, machinery, below, "", "Extension modules: x"]) == (head, own)
    assert _places([head, machinery, below]) == (head, machinery, below)
