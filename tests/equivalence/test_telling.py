"""What is told of a comparison can be read."""

from dataclasses import replace

import pytest

from portable.equivalence import (
    DeclaredDifference,
    Observation,
    Outcome,
    Reading,
    Trace,
    compare,
    explain,
)
from portable.equivalence.causes import causes
from portable.equivalence.facts import what_happened
from portable.equivalence.repertoire import Repertoire


def trace(name: str, backend: str, *seen: tuple[float, str]) -> Trace:
    lines = [Observation(time, "stdout", text, writer=0) for time, text in seen]
    outcome = Outcome(9.0, "None")
    last = Observation(9.0, "outcome", str(outcome))
    return Trace(name, backend, (*lines, last), outcome)


def test_same() -> None:
    """The same takes one line."""
    left, right = trace("original", "asyncio"), trace("port", "trio")
    assert explain(compare(left, right)) == "  port on trio: same (original on asyncio)"


def test_different() -> None:
    """Both sides stand in columns around the instant where they part, with times."""
    left = trace("original", "asyncio", (0.0, "a"), (1.0, "b"), (1.0, "c"))
    right = trace("port", "trio", (0.0, "a"), (1.0, "b"), (2.0, "c"))
    lines = explain(compare(left, right), 70).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "port on trio: different (original on asyncio)",
        "the same lines, 1 s later, from 1 s on",
        "time task original on asyncio | time task port on trio",
        "0 s #0 a | 0 s #0 a",
        "1 s #0 b | 1 s #0 b",
        "| 1 s #0 c | 2 s #0 c",
        "9 s [outcome] returned None | 9 s [outcome] returned None",
    ]
    assert max(map(len, lines)) <= 72


def test_reordered_is_told() -> None:
    """A harmless order is told as such."""
    lines = [Observation(0.0, "stdout", text, writer=n) for n, text in enumerate("ab")]
    outcome = Outcome(0.0, "None")
    left = Trace("original", "asyncio", tuple(lines), outcome)
    right = Trace("port", "trio", tuple(reversed(lines)), outcome)
    assert explain(compare(left, right)) == (
        "  port on trio: reordered, as the original can be (original on asyncio)"
    )


def test_declared_names_number_reason_and_both_sides() -> None:
    """A declared difference is told with its id, its reason and what it is."""
    a, b = (Observation(0.0, "stdout", text, writer=0) for text in "ab")
    meant = DeclaredDifference("own", "it is meant", (a,), (b,))
    left, right = trace("original", "asyncio", (0.0, "a")), trace("port", "trio", (0.0, "b"))
    assert explain(compare(left, right, [meant])).splitlines() == [
        "  port on trio: differs as declared (original on asyncio)",
        "    declared own: it is meant",
        "-     0.0 s  stdout  a",
        "+     0.0 s  stdout  b",
    ]


def test_long_differences_are_cut_and_say_so() -> None:
    """Of traces that part for good the beginning is shown, and how much more there is."""
    left = trace("original", "asyncio", *((0.0, f"a{n}") for n in range(50)))
    right = trace("port", "trio", *((0.0, f"b{n}") for n in range(50)))
    lines = explain(compare(left, right)).splitlines()
    assert len(lines) < 40
    assert lines[-1].count("(39 more)") == 2


def test_text_of_several_lines_and_text_without_a_newline() -> None:
    """A text of several lines stays in its column; a missing newline is told."""
    outcome = Outcome(0.0, "None")
    seen = Observation(0.0, "outcome", "raised X()\n  note: y")
    partial = Observation(0.0, "stdout", "50 %", ended=False)
    left = Trace("original", "asyncio", (seen,), outcome)
    right = Trace("port", "trio", (partial,), outcome)
    *_, first, then = explain(compare(left, right)).splitlines()
    assert "[outcome] raised X()" in first
    assert "50 % (no newline)" in first
    assert then.split() == ["|", "note:", "y", "|"]


def test_details_are_shown_where_the_sides_differ() -> None:
    """A deadlock is told with the tasks that wait, though they are not compared."""
    details = ("deadlock: every task waits", "main waits at job.py:3")
    stuck = Observation(1.0, "outcome", "raised DeadlockError()", details=details)
    left = trace("original", "asyncio")
    right = Trace("port", "trio", (stuck,), Outcome(1.0))
    text = explain(compare(left, right))
    assert "(main waits at job.py:3)" in text
    assert "waits" not in explain(compare(trace_of("a", stuck), trace_of("a", stuck)))


def trace_of(text: str, *seen: Observation) -> Trace:
    line = Observation(0.0, "stdout", text, writer=0)
    return Trace("p", "asyncio", (line, *seen), Outcome(1.0))


def test_an_outcome_that_does_not_count_is_not_told() -> None:
    """Where the outcome is ignored the first line tells of what else differs."""
    left, right = trace("original", "asyncio", (0.0, "a")), trace("port", "trio", (0.0, "b"))
    right = replace(right, outcome=Outcome(9.0, "7"))
    told = "at 0 s 'b', where the original shows 'a'"
    assert what_happened(Reading(ignore=("outcome",)).compare(left, right)) == told


def test_what_is_declared_is_not_told_again() -> None:
    """Beside what is declared, and occurs, the first line tells of the rest alone."""
    a, b = (Observation(0.0, "stdout", text, writer=0) for text in "ab")
    meant = DeclaredDifference("own", "it is meant", (a,), (b,))
    left = trace("original", "asyncio", (0.0, "a"), (1.0, "c"))
    right = trace("port", "trio", (0.0, "b"), (1.0, "d"))
    told = "at 1 s 'd', where the original shows 'c'"
    assert what_happened(compare(left, right, [meant])) == told


def test_under_a_schedule_not_all_that_is_declared_occurs() -> None:
    """One run out of many may go without a declared difference; a run alone may not."""
    b = Observation(0.0, "stdout", "b", writer=0)
    meant = DeclaredDifference("own", "it is meant", port=(b,))
    left, right = trace("original", "asyncio", (0.0, "a")), trace("port", "trio", (0.0, "a"))
    assert not Reading().compare(left, right, [meant]).verdict.equivalent
    assert Reading().compare(left, right, [meant], stale_counts=False).verdict.equivalent


@pytest.mark.parametrize(
    ("original", "port"),
    [
        ("KeyboardInterrupt", "went on"),
        ("never retrieved: LookupError('x')", "nothing"),
        ("a", "b"),
    ],
)
def test_no_cause_is_named_without_both_sides(original: str, port: str) -> None:
    """What only one side hints at is not said to be the cause."""
    left, right = trace("o", "asyncio", (0.0, original)), trace("p", "trio", (0.0, port))
    assert causes(compare(left, right), None) == ()


def test_an_original_that_cannot_be_run_again() -> None:
    """Where an original shows nothing under schedules, its one trace decides."""
    left, right = trace("original", "asyncio", (0.0, "a")), trace("port", "trio", (0.0, "b"))
    repertoire = Repertoire(left, lambda seeds: [])
    assert repertoire.objection(compare(left, left)) is None
    found = compare(left, right)
    assert repertoire.objection(found) == "; ".join(found.reasons) != ""
