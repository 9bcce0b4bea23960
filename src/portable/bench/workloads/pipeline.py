"""A producer, workers and a collector, with bounded queues between them."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio

from portable.bench._measurement import Sample
from portable.bench._operations import PROGRAMS, Operation, Workload

WORKERS = 4
#: How many items may wait between two stages.
BOUND = 10

PIPELINE = Operation(
    "pipeline",
    f"A producer, {WORKERS} workers and a collector, {BOUND} items between them; per item",
    {
        "smoke": (Workload("items", 100),),
        "small": (Workload("items", 1_000, peers=False),),
        "full": (Workload("items", 10_000),),
    },
    theme=PROGRAMS,
)


@PIPELINE.by_asyncio
async def with_asyncio(sample: Sample) -> None:
    """Use queues, with a last item for each worker: they cannot be closed on every Python."""
    items: asyncio.Queue[int | None] = asyncio.Queue(BOUND)
    done: asyncio.Queue[int] = asyncio.Queue(BOUND)

    async def produce() -> None:
        for item in range(sample.size):
            await items.put(item)
        for _ in range(WORKERS):
            await items.put(None)

    async def work() -> None:
        while (item := await items.get()) is not None:
            await asyncio.sleep(0)
            await done.put(item)

    sample.start()
    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        for _ in range(WORKERS):
            group.create_task(work())
        sample.results = [await done.get() for _ in range(sample.size)]
    sample.stop()


async def through_channels(sample: Sample, library: Any, group: Any, channel: Any) -> None:
    """Use channels, whose ends are closed: each worker has copies of its own."""
    send, items = channel(BOUND)
    done, receive = channel(BOUND)

    async def produce() -> None:
        async with send:
            for item in range(sample.size):
                await send.send(item)

    async def work(items: Any, done: Any) -> None:
        async with items, done:
            async for item in items:
                await library.sleep(0)
                await done.send(item)

    sample.start()
    async with receive, group() as started:
        started.start_soon(produce)
        async with items, done:
            for _ in range(WORKERS):
                started.start_soon(work, items.clone(), done.clone())
        sample.results = [item async for item in receive]
    sample.stop()


@PIPELINE.by("native", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use trio's memory channels."""
    await through_channels(sample, trio, trio.open_nursery, trio.open_memory_channel)


@PIPELINE.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Use AnyIO's memory object streams."""
    make = anyio.create_memory_object_stream[int]
    await through_channels(sample, anyio, anyio.create_task_group, make)
