"""Schedules: a seed decides who is first among the tasks that are ready at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from portable._backends import BACKENDS
from portable.clock import VirtualClock

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


@pytest.fixture(params=list(BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    """Each backend in turn, by its name."""
    chosen = BACKENDS[request.param]
    if not chosen.installed:
        pytest.skip(f"needs {chosen.name}: {chosen.install_command}")
    return chosen.name


def run(main: Callable[[], Awaitable[Any]], backend: str, seed: int | None) -> Any:
    clock = VirtualClock(seed=seed)
    known = BACKENDS[backend].anyio_backend
    with clock:
        return anyio.run(
            clock.guard, main, backend=known, backend_options=clock.backend_options(backend)
        )


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


def test_every_order_comes_up(backend: str) -> None:
    """Any of the ready tasks may be the first, and any the last."""
    orders = [run(turns, backend, seed)[:4] for seed in range(60)]
    assert {order[0] for order in orders} == set("abcd")
    assert {order[3] for order in orders} == set("abcd")


def test_no_seed_leaves_the_order_of_asyncio_alone() -> None:
    """Without a seed tasks start in the order of their creation, as on any asyncio loop."""
    assert {run(turns, "asyncio", None)[:4] for _ in range(5)} == {tuple("abcd")}


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


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_callbacks_stay_in_order(name: str) -> None:
    """Plain callbacks run in the order of their registration, cancelled ones never."""
    if not BACKENDS[name].installed:
        pytest.skip(f"needs {name}: {BACKENDS[name].install_command}")

    async def main() -> list[int]:
        loop, seen = asyncio.get_running_loop(), list[int]()
        handles = [loop.call_soon(seen.append, number) for number in range(6)]
        handles[2].cancel()
        await asyncio.sleep(1)
        return seen

    assert {tuple(run(main, name, seed)) for seed in range(10)} == {(0, 1, 3, 4, 5)}


@pytest.mark.parametrize("name", ["asyncio", "uvloop"])
def test_a_waiter_comes_after_the_callbacks_before_it(name: str) -> None:
    """Who awaits a task runs after the done-callbacks that the task had before."""
    if not BACKENDS[name].installed:
        pytest.skip(f"needs {name}: {BACKENDS[name].install_command}")

    async def main() -> list[str]:
        seen: list[str] = []
        task = asyncio.create_task(asyncio.sleep(1))
        task.add_done_callback(lambda _: seen.append("callback"))
        others = [asyncio.create_task(asyncio.sleep(1)) for _ in range(3)]
        await task
        seen.append("waiter")
        await asyncio.gather(*others)
        return seen

    assert {tuple(run(main, name, seed)) for seed in range(20)} == {("callback", "waiter")}


def test_trio_has_what_is_seeded() -> None:
    """The installed trio has the generator and the switch, and has both back afterwards."""
    pytest.importorskip("trio", reason="needs trio: pip install 'portable-tasks[trio]'")
    from trio._core import _run

    assert isinstance(_run._r, random.Random)
    assert isinstance(_run._ALLOW_DETERMINISTIC_SCHEDULING, bool)
    before = _run._r.getstate(), _run._ALLOW_DETERMINISTIC_SCHEDULING
    run(turns, "trio", 3)
    assert (_run._r.getstate(), _run._ALLOW_DETERMINISTIC_SCHEDULING) == before


@pytest.mark.parametrize("seed", [1.5, "7", True])
def test_a_seed_is_an_integer(seed: Any) -> None:
    """Anything else is refused, with an example."""
    with pytest.raises(TypeError, match="seed: expected an integer"):
        VirtualClock(seed=seed)
