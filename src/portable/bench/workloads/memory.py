"""The memory of a task that waits, with everything that its group keeps of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio

import portable
from portable.bench._measurement import Sample
from portable.bench._meters import MEMORY
from portable.bench._operations import FOOTPRINT, Operation, Workload

from ._jobs import (
    Sleepers,
    Sleeping,
    Start,
    cancel_scope,
    create_task,
    soonify,
    start_soon,
)

PENDING = Operation(
    "memory",
    "Memory per pending task",
    {
        "smoke": (Workload("sleeper", 100),),
        "small": (Workload("sleeper", 1_000, peers=False),),
        "full": (
            Workload("sleeper", 1_000),
            Workload("sleeper", 10_000, peers=False),
        ),
    },
    meter=MEMORY,
    theme=FOOTPRINT,
)


async def pending(
    sample: Sample,
    library: Sleeping,
    make_group: Callable[[], Any],
    start: Start,
    cancel: Callable[[Any], object] | None = None,
) -> None:
    """Start sleepers, keep their handles, and measure the memory that they take.

    Args:
        sample: the sample.
        library: what the sleepers sleep by.
        make_group: makes the group.
        start: starts a sleeper in the group.
        cancel: cancels the group; `None`: each of the tasks is cancelled.
    """
    sleepers = Sleepers(sample.size, library)
    async with make_group() as group:
        sample.start()
        kept = [start(group, sleepers.run, index) for index in range(sample.size)]
        await sleepers.all_begun()
        sample.results = sleepers.asleep
        sample.stop()
        if cancel is not None:
            cancel(group)
        else:
            for task in kept:
                task.cancel()


@PENDING.by_asyncio
async def with_asyncio(sample: Sample) -> None:
    """Use asyncio's group."""
    await pending(sample, asyncio, asyncio.TaskGroup, create_task)


@PENDING.by("native", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use a nursery."""
    await pending(sample, trio, trio.open_nursery, start_soon, cancel_scope)


@PENDING.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Use AnyIO's group."""
    await pending(sample, anyio, anyio.create_task_group, start_soon, cancel_scope)


@PENDING.by("portable Supervisor", driven=True)
async def with_supervisor(sample: Sample) -> None:
    """Use portable's supervisor."""
    await pending(sample, asyncio, portable.Supervisor, create_task, portable.Supervisor.cancel)


@PENDING.by("asyncer", needs="asyncer:create_task_group", peer=True)
async def with_asyncer(sample: Sample, make_group: Callable[[], Any]) -> None:
    """Use asyncer's group."""
    await pending(sample, anyio, make_group, soonify, cancel_scope)


@PENDING.by("aioresult", needs="aioresult:ResultCapture", peer=True)
async def with_aioresult(sample: Sample, capture: Any) -> None:
    """Use aioresult's captures in an AnyIO group."""
    await pending(sample, anyio, anyio.create_task_group, capture.start_soon, cancel_scope)


@PENDING.by("anyioutils", needs="anyioutils:TaskGroup", peer=True)
async def with_anyioutils(sample: Sample, make_group: Callable[[], Any]) -> None:
    """Use anyioutils' group."""
    await pending(sample, anyio, make_group, create_task, cancel_scope)
