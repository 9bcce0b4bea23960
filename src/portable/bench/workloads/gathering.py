"""Run many and have all results in order, or as they come, or the first one alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio

import portable
from portable.bench._measure import Sample
from portable.bench._operations import Operation, Workload

from ._jobs import Sleepers, Sleeping, job
from .spawn import with_trio as spawn_with_trio

GATHER = Operation(
    "gather",
    "Gather the results of many",
    {
        "smoke": (Workload("noop", 100),),
        "small": (Workload("noop", 1_000), Workload("checkpoint", 1_000, peers=False)),
        "full": (
            *(Workload("noop", size) for size in (10, 1_000)),
            Workload("noop", 100_000, peers=False),
            *(Workload("checkpoint", size) for size in (10, 1_000)),
        ),
    },
)
AS_COMPLETED = Operation(
    "as_completed",
    "Take the results of many as they come",
    {
        "smoke": (Workload("checkpoint", 100),),
        "small": (Workload("checkpoint", 500),),
        "full": (Workload("noop", 1_000), Workload("checkpoint", 1_000)),
    },
)
RACE = Operation(
    "race",
    "Take the first of many, end the others",
    {
        "smoke": (Workload("sleeper", 20),),
        "small": (Workload("sleeper", 200),),
        "full": (Workload("sleeper", 10), Workload("sleeper", 1_000)),
    },
)


async def all_at_once(
    sample: Sample, words: Sleeping, gather: Callable[..., Any], *, star: bool = True
) -> None:
    """Gather coroutines, given one by one (`star`) or as a list."""
    work = job(sample.job, words)
    sample.start()
    coros = [work(index) for index in range(sample.size)]
    sample.results = await (gather(*coros) if star else gather(coros))
    sample.stop()


@GATHER.by("native", "asyncio", "uvloop")
async def gather_with_asyncio(sample: Sample) -> None:
    """Use `asyncio.gather`."""
    await all_at_once(sample, asyncio, asyncio.gather)


# On trio a nursery and a list of results is what there is for both.
GATHER.by("native", "trio", needs="trio")(spawn_with_trio)


@GATHER.by("anyio")
async def gather_with_anyio(sample: Sample) -> None:
    """Use `anyio.gather`."""
    await all_at_once(sample, anyio, anyio.gather)


@GATHER.by("portable", needs="portable:gather")
async def gather_with_portable(sample: Sample, gather: Callable[..., Any]) -> None:
    """Use `portable.gather`."""
    await all_at_once(sample, portable, gather)


@GATHER.by("quattro", "asyncio", "uvloop", needs="quattro:gather", peer=True)
async def gather_with_quattro(sample: Sample, gather: Callable[..., Any]) -> None:
    """Use quattro's `gather`."""
    await all_at_once(sample, asyncio, gather)


@GATHER.by("aiotools", "asyncio", "uvloop", needs="aiotools:gather_safe", peer=True)
async def gather_with_aiotools(sample: Sample, gather: Callable[..., Any]) -> None:
    """Use aiotools' `gather_safe`."""
    await all_at_once(sample, asyncio, gather, star=False)


@GATHER.by("aiometer", needs="aiometer:run_all", peer=True)
async def gather_with_aiometer(sample: Sample, run_all: Callable[..., Any]) -> None:
    """Use aiometer's `run_all`."""
    work = job(sample.job, anyio)
    sample.start()
    sample.results = await run_all([partial(work, index) for index in range(sample.size)])
    sample.stop()


@AS_COMPLETED.by("native", "asyncio", "uvloop")
async def completed_with_asyncio(sample: Sample) -> None:
    """Use `asyncio.as_completed`."""
    work = job(sample.job, asyncio)
    sample.start()
    coros = [work(index) for index in range(sample.size)]
    sample.results = [await task for task in asyncio.as_completed(coros)]
    sample.stop()


@AS_COMPLETED.by("native", "trio", needs="trio")
async def completed_with_trio(sample: Sample, trio: Any) -> None:
    """Let the tasks of a nursery send their results through a channel."""
    work = job(sample.job, trio)
    sample.start()
    send, receive = trio.open_memory_channel(sample.size)

    async def tell(index: int) -> None:
        send.send_nowait(await work(index))

    async with trio.open_nursery() as nursery:
        for index in range(sample.size):
            nursery.start_soon(tell, index)
        sample.results = [await receive.receive() for _ in range(sample.size)]
    sample.stop()


@AS_COMPLETED.by("anyio")
async def completed_with_anyio(sample: Sample) -> None:
    """Use `anyio.as_completed`."""
    work = job(sample.job, anyio)
    sample.start()
    coros = [work(index) for index in range(sample.size)]
    async with anyio.as_completed(*coros) as finished:
        sample.results = [await handle async for handle in finished]
    sample.stop()


@AS_COMPLETED.by("portable", needs="portable:as_completed")
async def completed_with_portable(sample: Sample, as_completed: Callable[..., Any]) -> None:
    """Use `portable.as_completed`."""
    work = job(sample.job, portable)
    sample.start()
    async with as_completed([work(index) for index in range(sample.size)]) as finished:
        sample.results = [task.result() async for task in finished]
    sample.stop()


@AS_COMPLETED.by("aiotools", "asyncio", "uvloop", needs="aiotools:as_completed_safe", peer=True)
async def completed_with_aiotools(sample: Sample, as_completed: Callable[..., Any]) -> None:
    """Use aiotools' `as_completed_safe`."""
    work = job(sample.job, asyncio)
    sample.start()
    coros = [work(index) for index in range(sample.size)]
    sample.results = [await task async for task in as_completed(coros)]
    sample.stop()


@AS_COMPLETED.by("aioresult", needs="aioresult", peer=True)
async def completed_with_aioresult(sample: Sample, aioresult: Any) -> None:
    """Have aioresult send its captures to a channel as they end."""
    work = job(sample.job, anyio)
    sample.start()
    send, receive = anyio.create_memory_object_stream[Any](sample.size)
    async with anyio.create_task_group() as group, receive:
        start = aioresult.ResultCapture.start_soon
        captures = [start(group, work, index) for index in range(sample.size)]
        group.start_soon(aioresult.results_to_channel, captures, send)
        sample.results = [capture.result() async for capture in receive]
    sample.stop()


@AS_COMPLETED.by("aiometer", needs="aiometer:amap", peer=True)
async def completed_with_aiometer(sample: Sample, amap: Callable[..., Any]) -> None:
    """Use aiometer's `amap`, whose results come as they are there."""
    work = job(sample.job, anyio)
    sample.start()
    async with amap(work, range(sample.size)) as results:
        sample.results = [result async for result in results]
    sample.stop()


class Runners(Sleepers):
    """Sleepers of whom the last wakes up by itself as soon as all the others sleep."""

    async def race(self, index: int) -> int:
        """Sleep until cancelled; the last one wins."""
        if index < self.size - 1:
            await self.run(index)
        await self._sleep(0)
        self.ended.append(index)
        return index

    @property
    def finished(self) -> Sequence[int]:
        """The indices of those whose race is over."""
        return self.ended


async def first(sample: Sample, words: Sleeping, race: Callable[[list[Any]], Any]) -> None:
    """Race coroutines."""
    runners = Runners(sample.size, words)
    sample.start()
    await race([runners.race(index) for index in range(sample.size)])
    sample.results = runners.finished
    sample.stop()


@RACE.by("native", "asyncio", "uvloop")
async def race_with_asyncio(sample: Sample) -> None:
    """Wait for the first, cancel the others, wait for those."""

    async def race(coros: list[Any]) -> object:
        tasks = [asyncio.create_task(coro) for coro in coros]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.wait(pending)
        return done.pop().result()

    await first(sample, asyncio, race)


async def race_in_group(sample: Sample, words: Sleeping, make_group: Callable[[], Any]) -> None:
    """Let the first task to end cancel its group."""
    runners = Runners(sample.size, words)
    winner: list[int] = []
    sample.start()
    async with make_group() as group:

        async def run(index: int) -> None:
            winner.append(await runners.race(index))
            group.cancel_scope.cancel()

        for index in range(sample.size):
            group.start_soon(run, index)
    sample.results = runners.finished
    sample.stop()


@RACE.by("native", "trio", needs="trio")
async def race_with_trio(sample: Sample, trio: Any) -> None:
    """Use a nursery that the winner cancels."""
    await race_in_group(sample, trio, trio.open_nursery)


@RACE.by("anyio")
async def race_with_anyio(sample: Sample) -> None:
    """Use a task group that the winner cancels."""
    await race_in_group(sample, anyio, anyio.create_task_group)


@RACE.by("portable", needs="portable:race")
async def race_with_portable(sample: Sample, race: Callable[..., Any]) -> None:
    """Use `portable.race`."""
    await first(sample, portable, lambda coros: race(*coros))


@RACE.by("aiotools", "asyncio", "uvloop", needs="aiotools:race", peer=True)
async def race_with_aiotools(sample: Sample, race: Callable[..., Any]) -> None:
    """Use aiotools' `race`."""
    await first(sample, asyncio, race)
