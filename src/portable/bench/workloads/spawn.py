"""Start tasks, wait until all have ended, and have their results in hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio

from portable.bench._measurement import Sample
from portable.bench._operations import TASKS, Operation, Workload

from ._jobs import Sleeping, job

SPAWN = Operation(
    "spawn",
    "Spawn, join, collect the result",
    {
        "smoke": (Workload("noop", 100),),
        "small": (
            Workload("noop", 10, peers=False),
            Workload("noop", 100, peers=False),
            Workload("noop", 1_000),
            Workload("checkpoint", 1_000, peers=False),
        ),
        "full": (
            *(Workload("noop", size) for size in (10, 100, 1_000)),
            *(Workload("noop", size, peers=False) for size in (10_000, 100_000)),
            *(Workload("checkpoint", size) for size in (10, 1_000)),
            Workload("checkpoint", 100_000, peers=False),
            *(Workload("sleep", size) for size in (10, 1_000)),
            Workload("sleep", 100_000, peers=False),
        ),
    },
    theme=TASKS,
    question="Start a task and collect its result",
)


async def in_group(sample: Sample, library: Sleeping, make_group: Callable[[], Any]) -> None:
    """Use a group as asyncio's is used."""
    work = job(sample.job, library)
    sample.start()
    async with make_group() as group:
        tasks = [group.create_task(work(index)) for index in range(sample.size)]
    sample.results = [task.result() for task in tasks]
    sample.stop()


@SPAWN.by_asyncio
async def with_asyncio(sample: Sample) -> None:
    """Use asyncio's own group."""
    await in_group(sample, asyncio, asyncio.TaskGroup)


@SPAWN.by("native", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use trio's nursery, whose tasks have no result: they note it down themselves."""
    work = job(sample.job, trio)
    results = [-1] * sample.size
    sample.results = results

    async def note(index: int) -> None:
        results[index] = await work(index)

    sample.start()
    async with trio.open_nursery() as nursery:
        for index in range(sample.size):
            nursery.start_soon(note, index)
    sample.stop()


@SPAWN.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Use AnyIO's group and the handles that it gives."""
    work = job(sample.job, anyio)
    sample.start()
    async with anyio.create_task_group() as group:
        handles = [group.start_soon(work, index) for index in range(sample.size)]
    sample.results = [handle.return_value for handle in handles]
    sample.stop()


@SPAWN.by("gather", driven=True)
async def with_gather(sample: Sample) -> None:
    """Use `asyncio.gather`."""
    work = job(sample.job, asyncio)
    sample.start()
    sample.results = await asyncio.gather(*(work(index) for index in range(sample.size)))
    sample.stop()


@SPAWN.by("aioresult", needs="aioresult", peer=True)
async def with_aioresult(sample: Sample, aioresult: Any) -> None:
    """Use aioresult's captures in an AnyIO group."""
    work = job(sample.job, anyio)
    start = aioresult.ResultCapture.start_soon
    sample.start()
    async with anyio.create_task_group() as group:
        captures = [start(group, work, index) for index in range(sample.size)]
    sample.results = [capture.result() for capture in captures]
    sample.stop()


@SPAWN.by("asyncer", needs="asyncer", peer=True)
async def with_asyncer(sample: Sample, asyncer: Any) -> None:
    """Use asyncer's group and its values that come soon."""
    work = job(sample.job, anyio)
    sample.start()
    async with asyncer.create_task_group() as group:
        soon = [group.soonify(work)(index) for index in range(sample.size)]
    sample.results = [value.value for value in soon]
    sample.stop()


@SPAWN.by("anyioutils", needs="anyioutils:TaskGroup", peer=True)
async def with_anyioutils(sample: Sample, task_group: Callable[[], Any]) -> None:
    """Use anyioutils' group and its tasks."""
    await in_group(sample, anyio, task_group)


@SPAWN.by("quattro", "asyncio", "uvloop", needs="quattro:TaskGroup", peer=True)
async def with_quattro(sample: Sample, task_group: Callable[[], Any]) -> None:
    """Use quattro's group, which is asyncio's with additions."""
    await in_group(sample, asyncio, task_group)
