"""Take the first of many tasks to end and cancel the others, against asyncio's `wait()`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio

import portable
from portable.bench._measurement import Sample
from portable.bench._operations import MANY, Operation, Workload
from portable.bench._results import NATIVE, PORTABLE

from ._jobs import Sleepers, Sleeping

RACE = Operation(
    "race",
    "Take the first of many, end the others, against asyncio.wait()",
    {
        "smoke": (Workload("sleeper", 20),),
        "small": (Workload("sleeper", 200),),
        "full": (Workload("sleeper", 10), Workload("sleeper", 1_000)),
    },
    theme=MANY,
)


class Runners(Sleepers):
    """Sleepers of which the last wakes by itself as soon as all others sleep."""

    async def race(self, index: int) -> int:
        """Sleep until cancelled; the last one wins."""
        if index < self.size - 1:
            await self.run(index)
        await self._sleep(0)
        self.ended.append(index)
        return index


async def first(sample: Sample, race: Callable[[list[Any]], Any]) -> None:
    """Race coroutines of asyncio's."""
    runners = Runners(sample.size, asyncio)
    sample.start()
    await race([runners.race(index) for index in range(sample.size)])
    sample.results = runners.ended
    sample.stop()


@RACE.by(NATIVE, driven=True)
async def with_asyncio(sample: Sample) -> None:
    """Wait for the first, cancel the others, wait for those."""

    async def race(coros: list[Any]) -> object:
        tasks = [asyncio.create_task(coro) for coro in coros]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.wait(pending)
        return done.pop().result()

    await first(sample, race)


async def in_group(sample: Sample, library: Sleeping, make_group: Callable[[], Any]) -> None:
    """Let the first task to end cancel its group."""
    runners = Runners(sample.size, library)
    winner: list[int] = []
    sample.start()
    async with make_group() as group:

        async def run(index: int) -> None:
            winner.append(await runners.race(index))
            group.cancel_scope.cancel()

        for index in range(sample.size):
            group.start_soon(run, index)
    sample.results = runners.ended
    sample.stop()


@RACE.by("trio nursery", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use a nursery that the winner cancels."""
    await in_group(sample, trio, trio.open_nursery)


@RACE.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Use a task group that the winner cancels."""
    await in_group(sample, anyio, anyio.create_task_group)


@RACE.by(PORTABLE, driven=True)
async def with_portable(sample: Sample) -> None:
    """Use `portable.race`."""
    await first(sample, lambda coros: portable.race(*coros))


@RACE.by("aiotools", "asyncio", "uvloop", needs="aiotools:race", peer=True)
async def with_aiotools(sample: Sample, race: Callable[..., Any]) -> None:
    """Use aiotools' `race`."""
    await first(sample, race)
