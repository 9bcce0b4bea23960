"""Schedules: a seed decides who is first among the tasks that are ready at once."""

import asyncio
import contextlib
import random
import sys
from collections.abc import Awaitable, Callable
from itertools import groupby
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import portable
from portable._backends import BACKENDS
from portable.clock import VirtualClock
from portable.clock._schedule import Schedule
from portable.clock._strategies import PATIENCE, Priorities, Walk
from portable.clock._taken import WALK, Seed, schedules

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn, by its name."""
    chosen = BACKENDS[request.param]
    if not chosen.installed:
        pytest.skip(f"needs {chosen.name}: {chosen.install_command}")
    return chosen.name


def run(main: Callable[[], Awaitable[Any]], backend: str, seed: Seed | None) -> Any:
    clock = VirtualClock(seed=seed)
    known = BACKENDS[backend].anyio_backend
    with clock:
        return anyio.run(
            clock.guard, main, backend=known, backend_options=clock.backend_options(backend)
        )


def run_asyncio(main: Callable[[], Awaitable[Any]], backend: str, seed: Seed | None) -> Any:
    return portable.run(main, backend=backend, virtual_time=VirtualClock(seed=seed))


async def turns() -> tuple[str, ...]:
    seen = []

    async def job(name: str) -> None:
        seen.append(name)
        await anyio.sleep(1)
        seen.append(name)
        await anyio.lowlevel.checkpoint()
        seen.append(name)

    async with anyio.create_task_group() as group:
        for name in "abcd":
            group.start_soon(job, name)
    return tuple(seen)


def test_a_seed_names_a_schedule(backend: str) -> None:
    """The same seed gives the same order each time, and other seeds give others."""
    first = {seed: run(turns, backend, seed) for seed in range(20)}
    assert first == {seed: run(turns, backend, seed) for seed in range(20)}
    assert len(set(first.values())) > 10


@pytest.mark.slow
def test_a_seed_names_the_order_of_a_cancellation(backend: str) -> None:
    """Tasks cancelled at once clean up in the seed's order, not in that of AnyIO's set."""

    async def main() -> tuple[str, ...]:
        seen = []

        async def job(name: str) -> None:
            try:
                await anyio.sleep_forever()
            finally:
                seen.append(name)

        async with anyio.create_task_group() as group:
            for name in "abcd":
                group.start_soon(job, name)
            await anyio.sleep(1)
            group.cancel_scope.cancel()
        return tuple(seen)

    for seed in range(5):
        assert len({run(main, backend, seed) for _ in range(20)}) == 1
    assert len({run(main, backend, seed) for seed in range(20)}) > 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["", WALK], ids=["numbers", "walks"])
def test_every_order_comes_up(backend: str, kind: str) -> None:
    """Any of the ready tasks may be the first, and any the last."""
    orders = [run(turns, backend, f"{kind}{seed}")[:4] for seed in range(60)]
    assert {order[0] for order in orders} == set("abcd")
    assert {order[3] for order in orders} == set("abcd")


def test_no_seed_leaves_the_order_of_asyncio_alone() -> None:
    """Without a seed tasks start in the order of their creation, as on any asyncio loop."""
    assert {run(turns, "asyncio", None)[:4] for _ in range(5)} == {tuple("abcd")}


def test_a_walk_draws_any_step_that_is_ready() -> None:
    """Each of the ready steps comes first under some walk, and a seed names its own walk."""
    free = [(1, 1), (2, 1), (3, 1)]
    assert {Walk(random.Random(n)).choose(free, free) for n in range(50)} == set(free)
    program = [["turn"] * 3] * 4
    number, walk = (trace_of(program, "asyncio", seed)[1] for seed in (17, "walk 17"))
    assert number != walk


def test_a_walk_follows_a_walk() -> None:
    """Several schedules from a walk on are walks, with stretched sleeps or without."""
    assert schedules(2, "walk 3") == ("walk 3", "walk 4")
    assert schedules(None, "walk 3~0.1") == ("walk 3~0.1",)
    assert schedules(2, "3", stretch=0.1) == ("3~0.1", "4~0.1")


def test_virtual_time_is_the_same_under_every_schedule(backend: str) -> None:
    """A schedule changes who is first, never when."""

    async def main() -> float:
        async with anyio.create_task_group() as group:
            for seconds in (1, 2, 2, 3.5):
                group.start_soon(anyio.sleep, seconds)
        return anyio.current_time()

    started = run(_now, backend, 1)
    assert {run(main, backend, seed) - started for seed in range(10)} == {3.5}


async def _now() -> float:
    return anyio.current_time()


def test_callbacks_stay_in_order(backend: str) -> None:
    """Plain callbacks run in the order of their registration, cancelled ones never."""

    async def main() -> list[int]:
        loop, seen = asyncio.get_running_loop(), list[int]()
        handles = [loop.call_soon(seen.append, number) for number in range(6)]
        handles[2].cancel()
        await asyncio.sleep(1)
        return seen

    assert {tuple(run_asyncio(main, backend, seed)) for seed in range(10)} == {(0, 1, 3, 4, 5)}


def test_a_waiter_comes_after_the_callbacks_before_it(backend: str) -> None:
    """Who awaits a task runs after the done-callbacks that the task had before."""

    async def main() -> list[str]:
        seen: list[str] = []
        task = asyncio.create_task(asyncio.sleep(1))
        task.add_done_callback(lambda _: seen.append("callback"))
        others = [asyncio.create_task(asyncio.sleep(1)) for _ in range(3)]
        await task
        seen.append("waiter")
        await asyncio.gather(*others)
        return seen

    assert {tuple(run_asyncio(main, backend, seed)) for seed in range(20)} == {
        ("callback", "waiter")
    }


def test_a_waiter_comes_after_what_was_called_before_it_was_woken(backend: str) -> None:
    """A plain callback that is registered before a future has its result runs before."""

    async def main() -> list[str]:
        seen: list[str] = []
        future = asyncio.get_running_loop().create_future()

        async def waiter() -> None:
            await future
            seen.append("waiter")

        tasks = [asyncio.create_task(asyncio.sleep(0)) for _ in range(3)]
        tasks.append(asyncio.create_task(waiter()))
        await asyncio.sleep(1)
        asyncio.get_running_loop().call_soon(seen.append, "callback")
        future.set_result(None)
        await asyncio.gather(*tasks)
        return seen

    assert {tuple(run_asyncio(main, backend, seed)) for seed in range(20)} == {
        ("callback", "waiter")
    }


@pytest.mark.slow
def test_a_child_process_gets_its_input(backend: str) -> None:
    """The pipes of a process are there when `create_subprocess_exec()` has returned."""

    async def main() -> bytes:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "print(input().upper())"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert child.stdin is not None
        return (await child.communicate(b"hello"))[0].strip()

    assert {run_asyncio(main, backend, seed) for seed in range(10)} == {b"HELLO"}


WAITS = ["turn", "sleep", "get", "put", "done", "spawn", "callback", "group"]


@st.composite
def programs(draw: st.DrawFn, *others: str) -> list[list[str]]:
    """Draw what each of some tasks does: how it waits, one after the other."""
    waits = st.sampled_from([*WAITS, *others])
    return draw(st.lists(st.lists(waits, max_size=4), min_size=1, max_size=4))


def trace_of(
    program: list[list[str]], backend: str, seed: Seed
) -> tuple[list[tuple[Any, ...]], str]:
    """Run a program of asyncio's names; return who did what, and the replay string."""

    async def main() -> list[tuple[Any, ...]]:
        loop = asyncio.get_running_loop()
        seen: list[tuple[Any, ...]] = []
        queue: asyncio.Queue[object] = asyncio.Queue()

        async def job(number: int, steps: list[str]) -> None:
            for step in steps:
                seen.append((number, step))
                if step == "turn":
                    await asyncio.sleep(0)
                elif step == "sleep":
                    await asyncio.sleep(1)
                elif step == "get":
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(queue.get(), 2)
                elif step == "put":
                    await queue.put(number)
                elif step == "done":
                    future = loop.create_future()
                    future.add_done_callback(lambda _: seen.append((number, "called")))
                    loop.call_later(1, future.set_result, None)
                    await future
                elif step == "timer":
                    loop.call_later(0, seen.append, (number, "now"))
                elif step == "group":
                    with contextlib.suppress(ExceptionGroup):
                        async with asyncio.TaskGroup() as group:
                            for other in range(3):
                                group.create_task(job(number + 10 * other, ["get", "turn"]))
                            group.create_task(fail())
                elif step == "spawn":
                    others.append(asyncio.create_task(job(number + 10, ["turn"])))
                else:
                    loop.call_soon(seen.append, (number, "soon"))
            seen.append((number, "end", loop.time()))

        async def fail() -> None:
            await asyncio.sleep(1)
            raise LookupError

        others: list[asyncio.Task[None]] = []
        await asyncio.gather(*(job(number, steps) for number, steps in enumerate(program)))
        await asyncio.gather(*others)
        return seen

    schedule = Schedule(seed)
    trace = portable.run(main, backend=backend, virtual_time=VirtualClock(seed=schedule))
    return trace, schedule.taken().replay


@settings(max_examples=15, deadline=None)
@given(program=programs(), seed=st.integers(0, 1000))
def test_a_seed_is_one_order_everywhere(program: list[list[str]], seed: int) -> None:
    """A seed, and its replay string, give asyncio's tasks one order on every backend."""
    first, *others = [name for name in BACKENDS if BACKENDS[name].installed]
    expected = trace_of(program, first, seed)
    for name in [first, *others]:
        assert trace_of(program, name, seed) == expected
        assert trace_of(program, name, expected[1])[0] == expected[0]


@settings(max_examples=15, deadline=None)
@given(program=programs("timer"), seed=st.integers(0, 1000))
def test_a_replay_string_is_the_same_run(program: list[list[str]], seed: int) -> None:
    """So it is where a timer is due at once, which uvloop puts before others than asyncio."""
    for name in [name for name in BACKENDS if BACKENDS[name].installed]:
        expected = trace_of(program, name, seed)
        assert trace_of(program, name, expected[1]) == expected


@pytest.mark.parametrize("seed", range(5))
def test_priorities_have_patience_for_so_long(seed: int) -> None:
    """A task that is always ready takes so many steps in a row; then another one has a step."""
    strategy = Priorities(random.Random(seed))
    steps = {1: 0, 2: 0}
    tasks = []
    for _ in range(5 * PATIENCE):
        ready = list(steps.items())
        task, _ = strategy.choose(ready, ready)
        steps[task] += 1
        tasks.append(task)
    assert max(len(list(run)) for _, run in groupby(tasks)) == PATIENCE


def test_a_shuffle_keeps_nobody_waiting(backend: str) -> None:
    """Under an even seed who is ready has a step before anybody has two; under odd ones not."""

    def lead(seed: int) -> int:
        steps = [0, 0, 0]
        leads = []

        async def job(number: int) -> None:
            for _ in range(5):
                steps[number] += 1
                leads.append(max(steps) - min(steps))
                await asyncio.sleep(0)

        async def main() -> None:
            await asyncio.gather(*map(job, range(3)))

        portable.run(main, backend=backend, virtual_time=VirtualClock(seed=seed))
        return max(leads)

    assert {lead(seed) for seed in range(0, 20, 2)} == {1}
    assert max(lead(seed) for seed in range(1, 20, 2)) > 1


@pytest.mark.parametrize("strategy", ["shuffle", "priorities"])
def test_a_replay_string_keeps_whom_a_timeout_cancels(backend: str, strategy: str) -> None:
    """Tasks that others cancel in one order are the same tasks in the replay, in that order."""

    async def main() -> list[int]:
        seen = []

        async def wait(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append(number)

        async def cancel(task: asyncio.Task[None]) -> None:
            await asyncio.sleep(2)
            task.cancel()

        tasks = [asyncio.create_task(wait(number)) for number in range(3)]
        await asyncio.gather(*map(cancel, reversed(tasks)))
        await asyncio.wait(tasks)
        return seen

    for seed in range(strategy == "priorities", 100, 2):
        schedule = Schedule(seed)
        clock = VirtualClock(seed=schedule)
        seen = portable.run(main, backend=backend, virtual_time=clock)
        replay = VirtualClock(seed=schedule.taken().replay)
        assert portable.run(main, backend=backend, virtual_time=replay) == seen


def test_a_seed_orders_a_loop_of_any_class() -> None:
    """A loop that somebody else brings up in the clock's run of trio's is in order, too."""
    trio = pytest.importorskip("trio", reason="needs trio: pip install 'portable-tasks[trio]'")

    async def main() -> tuple[str, ...]:
        async with portable.asyncio_loop():
            return await portable.create_task(asyncio_turns())

    def foreign(seed: int) -> Any:
        return trio.run(main, **VirtualClock(start=None, seed=seed).backend_options("trio"))

    def guest(seed: int) -> Any:
        factory = VirtualClock(start=None, seed=seed).loop_factory("trio")
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(asyncio_turns())

    expected = [run_asyncio(asyncio_turns, "trio", seed) for seed in range(10)]
    assert [foreign(seed) for seed in range(10)] == expected
    assert [guest(seed) for seed in range(10)] == expected
    assert len(set(expected)) > 5


async def asyncio_turns() -> tuple[str, ...]:
    seen = []

    async def job(name: str) -> None:
        seen.append(name)
        await asyncio.sleep(1)
        seen.append(name)

    await asyncio.gather(*map(job, "abcd"))
    return tuple(seen)


def test_trio_has_what_is_seeded() -> None:
    """The installed trio has the generator and the switch, and has both back afterwards."""
    pytest.importorskip("trio", reason="needs trio: pip install 'portable-tasks[trio]'")
    from trio._core import _run

    assert isinstance(_run._r, random.Random)
    assert isinstance(_run._ALLOW_DETERMINISTIC_SCHEDULING, bool)
    before = _run._r.getstate(), _run._ALLOW_DETERMINISTIC_SCHEDULING
    run(turns, "trio", 3)
    assert (_run._r.getstate(), _run._ALLOW_DETERMINISTIC_SCHEDULING) == before


@pytest.mark.parametrize("seed", [1.5, b"7", True])
def test_a_seed_is_an_integer_or_a_string(seed: Any) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(TypeError, match="seed: expected an integer or a replay string"):
        VirtualClock(seed=seed)


@pytest.mark.parametrize(
    "seed",
    [
        *("", "seven", "3.1", "3.1-2", "1~", "1~1e999", "1~.", "1~1.2.3", "3.1~.", "1~-1"),
        *("3.1-2.1;2.2-1.1", "walk", "walk x", "walk~1", "walk 1~.", "walk 3.1-2.1"),
    ],
)
def test_a_string_that_names_no_schedule_is_refused(seed: str) -> None:
    """The error says what may be written."""
    with pytest.raises(
        ValueError, match="names no schedule; write an integer, 'walk 17', 17~0.002"
    ):
        VirtualClock(seed=seed)


async def spinning() -> str:
    there = False

    async def spin() -> None:
        while not there:
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(spin)
        for _ in range(5):
            await anyio.lowlevel.checkpoint()
        there = True
    return "over"


def test_tasks_that_spin_let_others_go_on(backend: str) -> None:
    """A task that waits in a loop does not keep from running the one that it waits for."""
    assert {run(spinning, backend, seed) for seed in range(12)} == {"over"}


async def sleepers() -> tuple[str, ...]:
    seen = []

    async def sleep(name: str, seconds: float) -> None:
        await anyio.sleep(seconds)
        seen.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(sleep, "late", 1.001)
        group.start_soon(sleep, "early", 1)
    return tuple(seen)


@pytest.mark.slow
def test_sleeps_are_stretched(backend: str) -> None:
    """With a stretch of more than what lies between them two sleeps end in either order."""
    assert {run(sleepers, backend, seed) for seed in range(10)} == {("early", "late")}
    stretched = [run(sleepers, backend, f"{seed}~0.003") for seed in range(20)]
    assert set(stretched) == {("early", "late"), ("late", "early")}
    assert stretched == [run(sleepers, backend, f"{seed}~0.003") for seed in range(20)]


def test_asyncios_sleeps_are_stretched(backend: str) -> None:
    """asyncio's take longer by the same seeds on every backend, and never less than before."""

    async def main() -> list[float]:
        async def sleep() -> float:
            await asyncio.sleep(1)
            return asyncio.get_running_loop().time()

        return await asyncio.gather(sleep(), sleep())

    ends = [run_asyncio(main, backend, f"{seed}~0.5") for seed in range(5)]
    assert ends == [run_asyncio(main, "asyncio", f"{seed}~0.5") for seed in range(5)]
    assert all(1 <= end <= 1.5 for both in ends for end in both)
    assert len({end for both in ends for end in both}) > 3
