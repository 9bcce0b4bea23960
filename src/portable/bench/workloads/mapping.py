"""Map a job over many items, at most a hundred at a time; results in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import anyio

import portable
from portable.bench._measurement import Sample
from portable.bench._operations import MANY, Operation, Workload

from ._jobs import Job, Sleeping, job

AT_ONCE = 100

MAP = Operation(
    "map",
    f"Map over many, {AT_ONCE} at a time",
    {
        "smoke": (Workload("noop", 300),),
        "small": (Workload("noop", 1_000), Workload("checkpoint", 1_000)),
        "full": (Workload("noop", 10_000), Workload("checkpoint", 10_000)),
    },
    theme=MANY,
)


async def share(
    items: Iterator[int],
    work: Job,
    results: list[int],
    make_group: Callable[[], Any],
    start: str,
) -> None:
    """Let the tasks of a group take items from one iterator, which is the least one needs."""

    async def worker() -> None:
        for item in items:
            results[item] = await work(item)

    async with make_group() as group:
        for _ in range(AT_ONCE):
            if start == "create_task":
                group.create_task(worker())
            else:
                group.start_soon(worker)


async def pool(
    sample: Sample, library: Sleeping, make_group: Callable[[], Any], start: str
) -> None:
    """Share an iterator among the tasks of a group."""
    work = job(sample.job, library)
    results = [-1] * sample.size
    sample.start()
    await share(iter(range(sample.size)), work, results, make_group, start)
    sample.results = results
    sample.stop()


@MAP.by("native", "asyncio", "uvloop")
@MAP.by("asyncio pool", "trio", driven=True)
async def with_asyncio(sample: Sample) -> None:
    """Share an iterator among asyncio's tasks."""
    await pool(sample, asyncio, asyncio.TaskGroup, "create_task")


@MAP.by("native", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Share an iterator among trio's tasks."""
    await pool(sample, trio, trio.open_nursery, "start_soon")


@MAP.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Use `anyio.amap`, which knows no limit, and a limiter in each job."""
    work = job(sample.job, anyio)
    sample.start()
    limiter = anyio.CapacityLimiter(AT_ONCE)

    async def limited(item: int) -> int:
        async with limiter:
            return await work(item)

    sample.results = await anyio.amap(limited, range(sample.size))
    sample.stop()


@MAP.by("anyio pool")
async def with_anyio_pool(sample: Sample) -> None:
    """Share an iterator among AnyIO's tasks."""
    await pool(sample, anyio, anyio.create_task_group, "start_soon")


@MAP.by("anyio stream")
async def with_anyio_stream(sample: Sample) -> None:
    """Send the items through a stream to a hundred workers."""
    work = job(sample.job, anyio)
    results = [-1] * sample.size
    sample.start()
    send, receive = anyio.create_memory_object_stream[int](AT_ONCE)

    async def worker() -> None:
        async for item in receive:
            results[item] = await work(item)

    async with receive, anyio.create_task_group() as group:
        for _ in range(AT_ONCE):
            group.start_soon(worker)
        async with send:
            for item in range(sample.size):
                await send.send(item)
    sample.results = results
    sample.stop()


@MAP.by("portable", driven=True)
async def with_portable(sample: Sample) -> None:
    """Use `portable.amap`."""
    work = job(sample.job, asyncio)
    sample.start()
    sample.results = await portable.amap(work, range(sample.size), limit=AT_ONCE)
    sample.stop()


@MAP.by("portable amap_unordered", driven=True)
async def with_portable_unordered(sample: Sample) -> None:
    """Use `portable.amap_unordered`."""
    work = job(sample.job, asyncio)
    sample.start()
    async with portable.amap_unordered(work, range(sample.size), limit=AT_ONCE) as results:
        sample.results = [result async for result in results]
    sample.stop()


@MAP.by("aiometer", needs="aiometer:run_on_each", peer=True)
async def with_aiometer(sample: Sample, run_on_each: Callable[..., Any]) -> None:
    """Use aiometer's `run_on_each`."""
    work = job(sample.job, anyio)
    results = [-1] * sample.size

    async def note(item: int) -> None:
        results[item] = await work(item)

    sample.start()
    await run_on_each(note, range(sample.size), max_at_once=AT_ONCE)
    sample.results = results
    sample.stop()


@MAP.by("quattro", "asyncio", "uvloop", needs="quattro:TaskGroup", peer=True)
async def with_quattro(sample: Sample, task_group: Callable[..., Any]) -> None:
    """Use quattro's group with its limit."""
    work = job(sample.job, asyncio)
    sample.start()
    async with task_group(concurrency_limit=AT_ONCE) as group:
        tasks = [group.create_task(work(item)) for item in range(sample.size)]
    sample.results = [task.result() for task in tasks]
    sample.stop()
