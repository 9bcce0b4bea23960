"""What the report on a user's own two programs says, and what it leaves out."""

from dataclasses import replace

import pytest

import portable
from portable._differences import DIFFERENCES
from portable.cli.sections import find
from portable.equivalence import Reading
from portable.equivalence.causes import Cause, causes
from portable.equivalence.comparison import compare
from portable.equivalence.facts import what_happened
from portable.equivalence.isolated import _places
from portable.equivalence.noise import normalised
from portable.equivalence.rendering import render_rows
from portable.equivalence.report import Judged
from portable.equivalence.run import Failure, Run
from portable.equivalence.side_by_side import side_by_side
from portable.equivalence.trace import ExceptionShape, Observation, Outcome, Trace


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


def test_an_original_beside_itself_is_called_the_original_on_both_sides() -> None:
    """Where the original differs on another backend, no column is called the port's."""
    found = compare(trace(line("a")), trace(line("b"), backend="trio"))
    row = Judged("original", Run("trio", None, found.port), found)
    text = "\n".join(shown for _, shown in render_rows([row], 100, {}))
    assert "task original on trio" in text
    assert "task port" not in text


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


def test_another_order_on_trio_is_put_down_to_trio() -> None:
    """What is right on asyncio, and the same in another order on trio, relies on asyncio's."""
    first, then = line("a", 1.0, 0), line("b", 2.0, 1)
    late = line("a", 2.0, 0), line("b", 1.0, 1)
    for time, ids in ((None, []), (2.0, []), (1.0, ["T1"])):
        found = compare(trace(first, then), on_trio(*late, free_from=time))
        named = causes(found, right_on_asyncio=True)
        assert [cause.id for cause in named] == ids
        assert not causes(found)


NUMBERED = {
    "T2": (
        "raised CancelledError('why')",
        "raised BaseExceptionGroup('x')\n  + CancelledError()",
    ),
    "T5": ("fine", "RuntimeError('Timeout should be used inside a task')"),
}


@pytest.mark.parametrize("number", NUMBERED)
def test_a_difference_on_trio_is_named(number: str) -> None:
    """What is right on asyncio and looks like one of the closed list is named by its number."""
    left, right = NUMBERED[number]
    found = compare(trace(line(left)), on_trio(line(right)))
    (cause,) = causes(found, right_on_asyncio=True)
    assert cause.id == number
    assert str(cause).startswith(f"{number}: ")
    assert cause.remedy
    assert not causes(found)
    elsewhere = compare(trace(line(left)), trace(line(right), backend="uvloop"))
    assert not causes(elsewhere, right_on_asyncio=True)


def test_a_shield_holds_a_cancellation_back() -> None:
    """Lines that come later on trio alone are put down to a shield, if the source has one."""
    found = compare(trace(line("closed", 1.0)), on_trio(line("closed", 5.0), free_from=None))
    named = causes(found, "CancelScope(shield=True)", right_on_asyncio=True)
    assert [cause.id for cause in named] == ["T3"]
    assert not causes(found, "CancelScope()", right_on_asyncio=True)


@pytest.mark.parametrize("number", DIFFERENCES)
def test_a_number_points_at_its_section(number: str) -> None:
    """What a report says to type prints the section of the docs."""
    command = Cause("", "", number).paragraph
    assert command is not None
    (section,) = find(command.removeprefix("portable docs "))
    assert section.title == DIFFERENCES[number].section


CLEAN_UP = """
import anyio
async def job():
    try:
        await anyio.sleep(9)
    finally:
        await anyio.sleep(1)
        print("closed", 1)
"""


def test_a_cause_needs_evidence() -> None:
    """A clean-up that awaits is one if the line behind the await is missing, and no other."""
    cut = compare(trace(line("a"), line("closed 1")), trace(line("a")))
    (cause,) = causes(cut, CLEAN_UP)
    assert "line 7 awaits in a clean-up without a shield" in cause.sentence
    assert not causes(compare(trace(line("a"), line("b")), trace(line("a"))), CLEAN_UP)
    swallows = "import anyio\ntry:\n    await task\nexcept asyncio.CancelledError: pass"
    assert not causes(compare(trace(line("a")), trace()), swallows)


def raised(*shapes: ExceptionShape) -> Trace:
    group = ExceptionShape("ExceptionGroup", ("'x'",), members=shapes, where="port.py, line 4")
    end = Observation(9.0, "outcome", f"raised {group}")
    return Trace("program", "asyncio", (end,), Outcome(9.0, None, group))


def test_a_group_is_a_cause_where_it_holds_what_the_original_showed() -> None:
    """If what is in the group is nothing of the original's, the group is beside the point."""
    left = trace(line("failed: ConnectionError('no')"))
    known, new = ExceptionShape("ConnectionError", ("'no'",)), ExceptionShape("WouldBlock")
    assert "raised a group" in causes(compare(left, raised(known)))[0].sentence
    assert not causes(compare(left, raised(known, new)))


FACTS = {
    "2 lines are missing, first at 1 s: 'b'": ([("a", 1), ("b", 1), ("c", 2)], [("a", 1)]),
    "1 line is more than in the original, first at 2 s: 'b'": (
        [("a", 1)],
        [("a", 1), ("b", 2)],
    ),
    "the same lines, 0.5 s later, from 1 s on": (
        [("a", 1), ("b", 2)],
        [("a", 1.5), ("b", 2.5)],
    ),
    "the same lines at other times, from 1 s on": ([("a", 1), ("b", 2)], [("a", 2), ("b", 4)]),
    "at 1 s 'b', where the original shows 'a'": ([("a", 1)], [("b", 1)]),
    "another order at 1 s: 'b' before 'a'": ([("a", 1), ("b", 1)], [("b", 1), ("a", 1)]),
}


@pytest.mark.parametrize("fact", FACTS)
def test_a_report_begins_with_what_happened(fact: str) -> None:
    """Lines missing, more, late or in another order: each is told as what it is."""
    left, right = (trace(*(line(*one) for one in side)) for side in FACTS[fact])
    assert what_happened(compare(left, right)) == fact


@pytest.mark.parametrize(
    ("lines", "fact"),
    [
        (1, "2 lines are missing, first at 2 s: '2'"),
        (4, "1 line is more than in the original, first at 4 s: '4'"),
    ],
    ids=["missing", "more"],
)
def test_lines_that_are_missing_are_told_though_it_ends_earlier(lines: int, fact: str) -> None:
    """A program that ends at another time, as lines are missing or more, is told by these."""
    left, right = (
        Trace(
            "program",
            "asyncio",
            (
                *(line(str(time), time) for time in range(1, count + 1)),
                Observation(count, "outcome", "returned None"),
            ),
            Outcome(count, "None"),
        )
        for count in (3, lines)
    )
    assert what_happened(compare(left, right)) == fact


def test_an_error_with_another_cause_is_told_with_both() -> None:
    """Where errors differ in what lies below them alone, the report begins with that."""
    shapes = [
        ExceptionShape("Lost", ("'it'",), cause=ExceptionShape(name), where="it.py, line 2")
        for name in ("KeyError", "ValueError")
    ]
    left, right = (
        Trace(
            "program",
            "asyncio",
            (Observation(1.0, "outcome", str(end)),),
            end,
        )
        for end in (Outcome(1.0, None, shape) for shape in shapes)
    )
    assert what_happened(compare(left, right)) == (
        "raised Lost('it') at it.py, line 2 with cause: ValueError(), "
        "where the original's has cause: KeyError()"
    )


def test_how_a_port_ended_comes_first() -> None:
    """An exception is told with where it was raised, and beside it how the original ended."""
    shape = ExceptionShape("Lost", ("'it'",))
    assert what_happened(compare(trace(line("a")), raised(shape))) == (
        "raised ExceptionGroup('x') of Lost at port.py, line 4, "
        "where the original returned None"
    )
    details = ("deadlock: every task waits", "main waits at job.py:3")
    stuck = ExceptionShape("DeadlockError", details=details)
    end = Observation(1.0, "outcome", "raised DeadlockError()")
    port = Trace("program", "asyncio", (end,), Outcome(1.0, None, stuck))
    assert what_happened(compare(trace(), port)) == "waits for ever: main waits at job.py:3"


@pytest.mark.parametrize("head", ["Thread 0x1 (most recent call first):", "Current thread:"])
def test_stacks_end_where_the_programs_part_does(head: str) -> None:
    """Of a stack the program's own frames are shown, and nothing of the machinery below."""
    own = '  File "/home/me/port.py", line 7 in main'
    machinery = f'  File "{portable.__path__[0]}/x.py", line 1'
    below = '  File "/usr/lib/python3/asyncio/runners.py", line 118 in run'
    assert _places([head, own, machinery, below, "", "Extension modules: x"]) == (head, own)
    assert _places([head, machinery, below]) == (head, machinery, below)


def outcome(text: str) -> Trace:
    end = Observation(9.0, "outcome", text)
    return Trace("program", "asyncio", (end,), Outcome(9.0, "None"))


ANYIOS = {
    "raises anyio.TaskCancelled": ("CancelledError()", "TaskCancelled()"),
    "are the backend's own": ("CancelledError()", "Cancelled()"),
    "put an interrupt or exit": ("raised SystemExit(3)", "raised BaseExceptionGroup('x')"),
}


@pytest.mark.parametrize("words", ANYIOS)
def test_a_fact_about_anyio_is_named(words: str) -> None:
    """What AnyIO does otherwise with cancellations and exits is a cause without a number."""
    left, right = ANYIOS[words]
    (cause,) = causes(compare(outcome(left), outcome(right)))
    assert words in cause.sentence
    assert cause.paragraph is None
    assert str(cause) == cause.sentence
    assert not causes(compare(outcome(right), outcome(left)))


def test_an_error_that_the_original_only_logged() -> None:
    """A task group that raises what nobody retrieved is named as the cause."""
    known = ExceptionShape("OSError", ("'no'",))
    logged = trace(
        Observation(9.0, "error", "Task exception was never retrieved: OSError('no')")
    )
    (cause,) = causes(compare(logged, raised(known)))
    assert "only logged an error that nobody retrieved" in cause.sentence


ORIGINALS = trace(line("a"), line("closed 1"))
HANDLERS = {
    "except asyncio.CancelledError": True,
    "except anyio.get_cancelled_exc_class()": True,
    "except (OSError, BaseException)": True,
    "except": True,
    "except ValueError": False,
}


@pytest.mark.parametrize("handler", HANDLERS)
def test_a_handler_of_a_cancellation_is_a_clean_up(handler: str) -> None:
    """A handler that a cancellation comes to is looked into, and no other."""
    source = CLEAN_UP.replace("finally", handler).replace('"closed", 1', 'f"closed {1}"')
    assert bool(causes(compare(ORIGINALS, trace(line("a"))), source)) is HANDLERS[handler]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("import anyio", "import asyncio"),
        ("import anyio", "from os import path"),
        ("import anyio", "import = anyio"),
        ('print("closed", 1)', "print(closed)"),
        ('print("closed", 1)', 'stdout.write("closed 1")'),
        ('print("closed", 1)', "print(1)"),
        ("await anyio.sleep(1)", "pass"),
        ("        await anyio.sleep(1)", "        with CancelScope(shield=True): await x"),
        ("await anyio.sleep(1)", "async def later(): await x"),
    ],
)
def test_a_clean_up_without_evidence_is_no_cause(old: str, new: str) -> None:
    """Where a part of the evidence is missing in the source, nothing is put down to it."""
    found = compare(ORIGINALS, trace(line("a")))
    assert causes(found, CLEAN_UP.replace("import anyio", "from anyio import sleep"))
    assert CLEAN_UP.replace(old, new) != CLEAN_UP
    assert not causes(found, CLEAN_UP.replace(old, new))
    more = compare(ORIGINALS, trace(line("a"), line("b")))
    assert not causes(more, CLEAN_UP)


def test_what_is_the_same_has_no_cause() -> None:
    """Two traces that do not part have nothing behind them."""
    assert not causes(compare(ORIGINALS, ORIGINALS), CLEAN_UP, right_on_asyncio=True)


ENDS = {
    "returned 3, where the original returned None": Outcome(9.0, "3"),
    "exited with 3, where the original returned None": Outcome(9.0, otherwise="exited with 3"),
    "waits for ever": Outcome(9.0, None, ExceptionShape("DeadlockError")),
    "raised OSError('no'), where the original returned None": Outcome(
        9.0, None, ExceptionShape("OSError", ("'no'",))
    ),
}


@pytest.mark.parametrize("fact", ENDS)
def test_each_end_of_a_port_is_told(fact: str) -> None:
    """A port that ends otherwise is told by how it ended, and how the original did."""
    end = Observation(9.0, "outcome", str(ENDS[fact]))
    assert what_happened(compare(trace(), Trace("p", "asyncio", (end,), ENDS[fact]))) == fact


def test_an_original_that_waits_for_ever() -> None:
    """An original in a deadlock is told so, where its port returns."""
    stuck = Outcome(9.0, None, ExceptionShape("DeadlockError"))
    end = Observation(9.0, "outcome", str(stuck))
    found = compare(Trace("p", "asyncio", (end,), stuck), trace())
    assert what_happened(found) == "returned None, where the original waits for ever"


def test_lines_that_differ_at_several_times() -> None:
    """Of lines that are missing and others that are more, the first of each is told."""
    found = compare(trace(line("a", 1.0), line("b", 2.0)), trace(line("c" * 99, 3.0)))
    shown = "c" * 60
    assert what_happened(found) == (
        f"2 lines are missing, first at 1 s: 'a'; 1 line is more, first at 3 s: '{shown}...'"
    )
