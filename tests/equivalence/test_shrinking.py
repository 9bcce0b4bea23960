"""A failing schedule is shrunk to what it needs, told in words, and can be had again."""

import asyncio
from collections.abc import Sequence

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portable._backends import BACKENDS
from portable.clock._taken import Hold, Stretch, Taken, parse_seed, replay_string
from portable.equivalence import Program, assert_equivalent, record
from portable.equivalence.checking import check
from portable.equivalence.rendering import text_of
from portable.equivalence.shrinking import in_words, shrink

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn, by its name."""
    chosen = BACKENDS[request.param]
    if not chosen.installed:
        pytest.skip(f"needs {chosen.name}: {chosen.install_command}")
    return chosen.name


holds = st.builds(
    Hold,
    *[st.integers(-1, 300), st.integers(1, 999), st.integers(-1, 300), st.integers(1, 999)],
)
stretches = st.builds(
    Stretch,
    st.integers(0, 300),
    st.integers(0, 999),
    st.integers(1, 20),
    st.floats(0, 1e6, exclude_min=True),
)


@given(st.lists(holds), st.lists(stretches))
def test_a_replay_string_says_all(held: list[Hold], long: list[Stretch]) -> None:
    """What it was made of can be read from it."""
    assert parse_seed(replay_string(held, long)) == (None, 0.0, tuple(held), tuple(long))


@given(st.sets(st.integers(1, 60), min_size=1), st.data())
def test_only_what_is_needed_is_left(all_of_them: set[int], data: st.DataObject) -> None:
    """Of any schedule just the holds remain that the failure needs, however many those are."""
    needed = data.draw(st.sets(st.sampled_from(sorted(all_of_them)), max_size=3))

    def attempt(candidates: Sequence[str]) -> list[Taken | None]:
        found: list[Taken | None] = []
        for candidate in candidates:
            _, _, held, _ = parse_seed(candidate)
            fails = needed <= {hold.held for hold in held}
            found.append(Taken(held) if fails else None)
        return found

    start = Taken(tuple(Hold(100, 1, number, 1) for number in sorted(all_of_them)))
    shrunk = shrink(start, attempt, runs=1000)
    assert shrunk is not None
    assert {hold.held for hold in shrunk.taken.holds} == needed


def test_what_does_not_fail_again_is_not_shrunk() -> None:
    """Where more than the order has a say there is no answer, after one run."""
    asked: list[str] = []

    def attempt(candidates: Sequence[str]) -> list[Taken | None]:
        asked.extend(candidates)
        return [None for _ in candidates]

    assert shrink(Taken((Hold(2, 1, 1, 1),)), attempt) is None
    assert asked == ["2.1-1.1"]


def test_it_ends_when_it_has_had_its_runs() -> None:
    """No more runs are made than it may take."""
    runs = 0

    def attempt(candidates: Sequence[str]) -> list[Taken | None]:
        nonlocal runs
        runs += len(candidates)
        return [
            Taken(held) if len(held := parse_seed(one)[2]) > 40 else None for one in candidates
        ]

    assert shrink(Taken(tuple(Hold(2, 1, 1, n) for n in range(1, 90))), attempt, runs=50)
    assert runs <= 50


def test_the_words() -> None:
    """They name tasks as the program does, and say when, how often and what else."""
    labels = {1: "main", 2: "worker 1", 3: "worker 2"}
    one = Hold(3, 1, 2, 1, 3.0)
    many = Hold(3, 6, 2, 2, 4.5, ((3, 1, 6), (1, 2, 2)))
    long = Stretch(2, 1, 1, 0.0015, 2.0)
    assert in_words(Taken((one,), (), labels)) == (
        "worker 2 ran before worker 1 at 3 s, otherwise as usual"
    )
    assert in_words(Taken((many,), (long,), labels)) == (
        "worker 2 took 6 steps before worker 1 at 4.5 s, "
        "a sleep of worker 1 from 2 s on took 0.0015 s longer, otherwise as usual"
    )
    assert in_words(Taken()) == (
        "all tasks took their turns in the order in which they became ready"
    )


async def two() -> None:
    await asyncio.sleep(3)
    print("2")


async def lost_update() -> None:
    """Two workers read and write a total, the second some steps later."""
    total = 0

    async def worker(late: int) -> None:
        nonlocal total
        for _ in range(late):
            await anyio.lowlevel.checkpoint()
        before = total
        await anyio.lowlevel.checkpoint()
        total = before + 1

    await anyio.sleep(3)
    async with anyio.create_task_group() as group:
        group.start_soon(worker, 0)
        group.start_soon(worker, 6)
    print(total)


@pytest.mark.slow
def test_a_lost_update_is_one_step_out_of_order(backend: str) -> None:
    """What takes several steps is found, shrunk to one hold, told, and fails again alone."""
    program = Program("port", lost_update, "anyio")
    report = check(Program("original", two), program, backends=[backend], seeds=range(1, 32, 2))
    [explored] = report.explored
    assert explored.shrunk is not None
    taken = explored.shrunk.taken
    assert in_words(taken) == (
        "worker 2 took 7 steps before worker 1 at 3 s, otherwise as usual"
    )
    assert record(program, backend, seed=taken.replay).lines("stdout") == ["1"]
    assert not explored.threads


@pytest.mark.slow
def test_the_report_of_an_assertion_tells_it(backend: str) -> None:
    """The message has the sentence, and the call that repeats just that."""
    with pytest.raises(AssertionError) as failed:
        assert_equivalent(
            two,
            Program("port", lost_update, "anyio"),
            backends=[backend],
            schedules=20,
            fork=False,
        )
    text = str(failed.value)
    assert "worker 2 took 7 steps before worker 1 at 3 s, otherwise as usual" in text
    assert "this alone: assert_equivalent(..., backends=" in text
    assert "schedules=1, seed='3.8-2.2')" in text


async def in_a_row() -> None:
    await asyncio.sleep(1)
    print("early")
    await asyncio.sleep(0.001)
    print("late")


async def a_millisecond_apart() -> None:
    async def sleep(name: str, seconds: float) -> None:
        await anyio.sleep(seconds)
        print(name)

    async with anyio.create_task_group() as group:
        group.start_soon(sleep, "early", 1)
        group.start_soon(sleep, "late", 1.001)


@pytest.mark.slow
def test_timers_that_could_come_the_other_way(backend: str) -> None:
    """A stretch finds what relies on a millisecond, and tells which sleep was long."""
    original = Program("original", in_a_row)
    port = Program("port", a_millisecond_apart, "anyio")
    assert check(original, port, backends=[backend], seeds=range(10)).equivalent
    seeds = [f"{seed}~0.003" for seed in range(10)]
    report = check(original, port, backends=[backend], seeds=seeds)
    [explored] = report.explored
    assert explored.shrunk is not None
    assert "another order from 1 s on: 'late' before 'early'" in text_of(report).split("\n")[0]
    assert "the original never comes to this order under" in text_of(report)
    assert not explored.shrunk.taken.holds
    assert in_words(explored.shrunk.taken).startswith(
        "a sleep of sleep 1 from 0 s on took 0.00"
    )


@pytest.mark.slow
def test_what_the_original_shows_with_long_sleeps_is_right(backend: str) -> None:
    """A port whose timers may come the other way is as good as an original whose may, too."""
    original = Program("original", a_millisecond_apart)
    port = Program("port", a_millisecond_apart, "anyio")
    seeds = [f"{seed}~0.003" for seed in range(10)]
    assert check(original, port, backends=[backend], seeds=seeds).equivalent


async def threads() -> None:
    async def job() -> None:
        await anyio.to_thread.run_sync(int)
        print("done")

    await job()
    print(anyio.current_time() > 0)


async def no_threads() -> None:
    print("otherwise")


@pytest.mark.slow
def test_threads_are_told(backend: str) -> None:
    """Where threads take part the report says that the seed does not decide."""
    with pytest.raises(AssertionError, match="threads take part, whose order no seed decides"):
        assert_equivalent(
            no_threads, Program("port", threads, "anyio"), backends=[backend], schedules=1
        )
