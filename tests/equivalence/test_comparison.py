"""Comparisons: which differences count."""

from collections.abc import Sequence

import pytest

from portable._backends import BACKENDS
from portable._differences import DIFFERENCES
from portable.equivalence import (
    Comparison,
    DeclaredDifference,
    Observation,
    Outcome,
    Trace,
    Verdict,
    compare,
)

SAME, REORDERED, DECLARED, DIFFERENT = Verdict


def line(text: str, writer: int | None = 0, time: float = 0.0) -> Observation:
    return Observation(time, "stdout", text, writer=writer)


def trace(*seen: Observation, result: str = "None", at: float = 9.0) -> Trace:
    outcome = Outcome(at, result)
    last = Observation(at, "outcome", str(outcome))
    return Trace("p", "asyncio", (*seen, last), outcome)


def of(
    left: Sequence[Observation],
    right: Sequence[Observation],
    declared: Sequence[DeclaredDifference] = (),
) -> Comparison:
    return compare(trace(*left), trace(*right), declared)


def test_same() -> None:
    """Equal sequences are the same, and nothing is said about them."""
    found = of([line("a"), line("b", 1)], [line("a", 5), line("b", 5)])
    assert (found.verdict, found.reasons, found.parting) == (SAME, (), None)


def test_tasks_may_take_turns_in_another_order() -> None:
    """Lines of several tasks within one instant have no order."""
    found = of([line("a", 0), line("b", 1)], [line("b", 0), line("a", 1)])
    assert found.verdict is REORDERED
    assert found.parting is not None
    assert found.parting.time == 0.0


@pytest.mark.parametrize("swapped_side", ["original", "port"])
def test_lines_of_one_task_keep_their_order(swapped_side: str) -> None:
    """A swap of lines that either side writes from one task is different."""
    one_task, two_tasks = [line("a"), line("b")], [line("b", 1), line("a", 2)]
    sides = (one_task, two_tasks) if swapped_side == "port" else (two_tasks, one_task)
    found = of(*sides)
    assert found.verdict is DIFFERENT
    assert found.reasons == ("at 0.0 s lines of one task come in another order",)


def test_equal_lines_of_several_tasks_are_counted() -> None:
    """Where tasks write equal lines, any order that some turn-taking gives is allowed."""
    ticks = [line("tick", 1), line("tick", 2), line("tock", 1), line("tock", 2)]
    turns = [line("tick", 1), line("tock", 1), line("tick", 2), line("tock", 2)]
    impossible = [line("tock", 3), line("tick", 1), line("tick", 2), line("tock", 4)]
    assert of(ticks, turns).verdict is REORDERED
    assert of(ticks, impossible).verdict is DIFFERENT


def test_a_line_repeated_by_one_task() -> None:
    """A task that writes a line twice is no obstacle to another order of the rest."""
    left = [line("tick", 1), line("tick", 1), line("x", 2)]
    right = [line("x", 2), line("tick", 1), line("tick", 1)]
    assert of(left, right).verdict is REORDERED


def test_every_end_needs_a_start() -> None:
    """Two ends after one start are one too many, however alike the starts are."""
    left = [line("start", 1), line("start", 2), line("end 1", 1), line("end 2", 2)]
    good = [line("start", 1), line("end 2", 1), line("start", 2), line("end 1", 2)]
    bad = [line("start", 3), line("end 1", 4), line("end 2", 5), line("start", 6)]
    assert of(left, good).verdict is REORDERED
    assert of(left, bad).verdict is DIFFERENT


def test_callbacks_have_no_order_of_their_own() -> None:
    """Lines that no task can be told for may come in any order within an instant."""
    assert of(
        [line("a", None), line("b", None)], [line("b", None), line("a", None)]
    ).verdict is (REORDERED)


@pytest.mark.parametrize(
    "other",
    [
        [line("a")],
        [line("a"), line("b"), line("c")],
        [line("a"), line("b"), line("b")],
        [line("a"), line("B")],
        [line("a"), line("b", time=1.0)],
        [line("a"), Observation(0.0, "stderr", "b", writer=0)],
        [line("a"), Observation(0.0, "stdout", "b", ended=False, writer=0)],
    ],
    ids=["missing", "extra", "twice", "text", "time", "stream", "newline"],
)
def test_content_counts(other: list[Observation]) -> None:
    """A line that is missing, extra, other, elsewhere or at another time is different."""
    left = [line("a"), line("b")]
    assert of(left, other).verdict is DIFFERENT
    assert of(other, left).verdict is DIFFERENT


def test_outcome_and_duration_count() -> None:
    """Another result, and the same result at another time, are different."""
    assert compare(trace(), trace(result="1")).verdict is DIFFERENT
    assert compare(trace(), trace(at=9.5)).verdict is DIFFERENT


def test_parting_is_where_it_matters() -> None:
    """The first instant told is that of the real difference, not of a harmless order before."""
    left = [line("a", 0), line("b", 1), line("c", time=1.0), line("d", time=2.0)]
    right = [line("b", 1), line("a", 0), line("c", time=1.0), line("D", time=2.0)]
    parting = of(left, right).parting
    assert parting is not None
    assert parting.time == 2.0
    assert [seen.text for seen in parting.before] == ["a", "b", "c"]
    assert [seen.text for seen in parting.original[:1]] == ["d"]
    assert [seen.text for seen in parting.port[:1]] == ["D"]


def difference(
    original: Sequence[Observation] = (), port: Sequence[Observation] = ()
) -> DeclaredDifference:
    return DeclaredDifference("own", "it is meant", tuple(original), tuple(port))


def test_declared() -> None:
    """What differs exactly as declared is declared."""
    meant = difference([line("CancelledError")], [line("TaskCancelled")])
    found = of([line("CancelledError"), line("x")], [line("TaskCancelled"), line("x")], [meant])
    assert (found.verdict, found.declared, found.stale) == (DECLARED, (meant,), ())


def test_declared_does_not_excuse_more() -> None:
    """A difference beside the declared one is different, and the declared one is no part."""
    meant = difference([line("A")], [line("B")])
    found = of([line("A"), line("x")], [line("B"), line("y")], [meant])
    assert found.verdict is DIFFERENT
    assert found.parting is not None
    assert {seen.text for seen in found.parting.original} == {"x", "returned None"}


@pytest.mark.parametrize(
    "right",
    [[line("A")], [line("C")], [line("B", time=1.0)], [line("B"), line("B")]],
    ids=["same", "other", "time", "twice"],
)
def test_declared_means_exactly(right: list[Observation]) -> None:
    """A declared difference that comes otherwise, or too often, is different."""
    assert of([line("A")], right, [difference([line("A")], [line("B")])]).verdict is DIFFERENT


def test_stale() -> None:
    """A declared difference that does not occur is different, and is said to be stale."""
    found = of([line("A")], [line("A")], [difference([line("A")], [line("B")])])
    assert found.verdict is DIFFERENT
    assert found.stale == (difference([line("A")], [line("B")]),)
    assert "the declared difference own does not occur" in found.reasons[0]
    assert "stale" in found.reasons[0]


def test_declared_the_wrong_way_round() -> None:
    """A declared difference whose sides are mixed up does not occur."""
    meant = difference([line("B")], [line("A")])
    assert of([line("A")], [line("B")], [meant]).stale == (meant,)


def test_declared_more_often_than_it_is() -> None:
    """A line that is declared twice and comes once is not what was declared."""
    meant = difference(port=[line("log"), line("log")])
    assert of([], [line("log")], [meant]).stale == (meant,)


def test_two_declared_differences_need_two_occurrences() -> None:
    """The same difference declared twice must occur twice."""
    meant = difference(port=[line("log")])
    assert of([], [line("log"), line("log")], [meant, meant]).verdict is DECLARED
    assert of([], [line("log")], [meant, meant]).verdict is DIFFERENT


def test_order_around_a_declared_difference_counts() -> None:
    """Lines of one task keep their order even where another line of it is declared."""
    meant = difference([line("A")], [line("B")])
    left, right = [line("A"), line("x"), line("y")], [line("B"), line("y"), line("x")]
    assert of(left, right, [meant]).verdict is DIFFERENT


def test_many_tasks() -> None:
    """A thousand tasks that write the same lines are compared at once."""
    left = [line(text, n) for text in ("start", "end") for n in range(1000)]
    right = [line(text, n) for n in range(1000) for text in ("start", "end")]
    assert of(left, right).verdict is REORDERED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("T9", "why", (line("a"),)),
            "id: 'T9' is no entry of the list of differences: T1, T2",
        ),
        (("own", " ", (line("a"),)), "reason: own needs a sentence"),
        (("own", "why"), "original, port: own declares nothing"),
    ],
    ids=["id", "reason", "nothing"],
)
def test_bad_declarations(arguments: tuple[object, ...], message: str) -> None:
    """A declared difference needs its number, its reason and what differs."""
    with pytest.raises(ValueError, match=message):
        DeclaredDifference(*arguments)  # type: ignore[arg-type]


def test_a_declared_difference_can_be_limited() -> None:
    """It holds for the backends it names; none named means all."""
    assert all(difference([line("A")]).holds_on(backend) for backend in BACKENDS)
    limited = DeclaredDifference("own", "why", (line("A"),), backends=("trio",))
    assert [limited.holds_on(backend) for backend in BACKENDS] == [False, False, True]


@pytest.mark.parametrize("number", DIFFERENCES)
def test_a_numbered_difference_is_trios(number: str) -> None:
    """One of the closed list holds on trio alone, and cannot be declared for other backends."""
    meant = DeclaredDifference(number, "why", (line("A"),))
    assert [meant.holds_on(backend) for backend in BACKENDS] == [False, False, True]
    with pytest.raises(ValueError, match=f"{number} is a difference on trio alone"):
        DeclaredDifference(number, "why", (line("A"),), backends=("asyncio", "trio"))


def test_the_order_may_count_for_a_while() -> None:
    """Before the time that is given, another order between tasks is different."""
    left = [line("a", 0, 1.0), line("b", 1, 1.0)]
    right = [line("b", 1, 1.0), line("a", 0, 1.0)]
    strict = compare(trace(*left), trace(*right), ordered_until=1.5)
    assert strict.verdict is DIFFERENT
    assert strict.reasons == ("at 1.0 s things come in another order",)
    assert compare(trace(*left), trace(*right), ordered_until=1.0).verdict is REORDERED
    assert compare(trace(*left), trace(*left), ordered_until=1.5).verdict is SAME
