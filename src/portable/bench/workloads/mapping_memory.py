"""Map over items from a generator, and measure the peak of memory, per item.

Each result that is kept takes its own memory and a place in a list. The rest is what the
mapping itself needs, which should not grow with the number of items.
"""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import anyio

import portable
from portable.bench._measurement import Sample
from portable.bench._meters import MEMORY
from portable.bench._operations import FOOTPRINT, Operation, Workload

from ._jobs import Job, Sleeping, job
from .mapping import AT_ONCE, share

MAP_MEMORY = Operation(
    "map_memory",
    f"Memory while mapping over a generator, {AT_ONCE} at a time",
    {
        "smoke": (Workload("noop", 1_000),),
        "small": (Workload("noop", 10_000),),
        "full": (Workload("noop", 10_000), Workload("noop", 100_000)),
    },
    meter=MEMORY,
    theme=FOOTPRINT,
)


def items(sample: Sample) -> Iterator[int]:
    """Generate as many items as there are jobs, each an object of its own."""
    yield from range(sample.size)


async def weigh(
    sample: Sample, library: Sleeping, mapped: Callable[[Job], Awaitable[Sequence[int]]]
) -> None:
    """Record the most memory that was in use at any time during a mapping."""
    work = job(sample.job, library)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    results = await mapped(work)
    _, peak = tracemalloc.get_traced_memory()
    sample.results = results
    sample.record(peak - before)


async def pool(
    sample: Sample, library: Sleeping, make_group: Callable[[], Any], start: str
) -> None:
    """Let tasks take their jobs from the generator, and keep the results in a list."""

    async def mapped(work: Job) -> list[int]:
        results = [-1] * sample.size
        await share(items(sample), work, results, make_group, start)
        return results

    await weigh(sample, library, mapped)


@MAP_MEMORY.by("native", "asyncio", "uvloop")
async def with_asyncio(sample: Sample) -> None:
    """Share the generator among asyncio's tasks."""
    await pool(sample, asyncio, asyncio.TaskGroup, "create_task")


@MAP_MEMORY.by("native", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Share the generator among trio's tasks."""
    await pool(sample, trio, trio.open_nursery, "start_soon")


@MAP_MEMORY.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Share the generator among AnyIO's tasks: `anyio.amap` makes a task for each item."""
    await pool(sample, anyio, anyio.create_task_group, "start_soon")


@MAP_MEMORY.by("portable", driven=True)
async def with_amap(sample: Sample) -> None:
    """Use `portable.amap`, which collects the results."""
    amap = portable.amap  # loaded here, and not while it is weighed
    await weigh(sample, asyncio, lambda work: amap(work, items(sample), limit=AT_ONCE))


@MAP_MEMORY.by("portable amap_unordered", driven=True)
async def with_amap_unordered(sample: Sample) -> None:
    """Use `portable.amap_unordered`, and let go of each result: count and add them up."""
    amap_unordered = portable.amap_unordered

    async def mapped(work: Job) -> Sequence[int]:
        count = total = 0
        async with amap_unordered(work, items(sample), limit=AT_ONCE) as results:
            async for result in results:
                count, total = count + 1, total + result
        everything = range(sample.size)
        return everything if (count, total) == (len(everything), sum(everything)) else ()

    await weigh(sample, asyncio, mapped)
