"""Cancel a task and wait for its end, one after the other: before it starts, and after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from portable.bench._measurement import Sample
from portable.bench._operations import TASKS, Operation, Workload

from ._jobs import LONG, Sleepers

CANCEL_ONE = Operation(
    "cancel_one",
    "Cancel one started task, await its end",
    {
        "smoke": (Workload("sleeper", 100),),
        "small": (
            Workload("sleeper", 10, peers=False),
            Workload("sleeper", 100, peers=False),
            Workload("sleeper", 1_000),
        ),
        "full": (
            *(Workload("sleeper", size) for size in (10, 100, 1_000)),
            *(Workload("sleeper", size, peers=False) for size in (10_000, 100_000)),
        ),
    },
    theme=TASKS,
    question="Cancel a started task and await its end",
)
CANCEL_UNSTARTED = Operation(
    "cancel_unstarted",
    "Start a task, cancel it before it runs, await its end",
    {
        "smoke": (Workload("sleeper", 50),),
        "small": (Workload("sleeper", 200),),
        "full": (Workload("sleeper", 1_000),),
    },
    theme=TASKS,
)


async def _sleep_long(sleep: Callable[[float], Awaitable[object]]) -> None:
    await sleep(LONG)


@CANCEL_ONE.by_asyncio
async def started_with_asyncio(sample: Sample) -> None:
    """Use the task's own `cancel()`."""
    sleepers = Sleepers(sample.size, asyncio)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sleepers.run(index)) for index in range(sample.size)]
        await sleepers.all_begun()
        sample.start()
        for task in tasks:
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                continue
        sample.results = sleepers.ended
        sample.stop()


@CANCEL_UNSTARTED.by_asyncio
async def unstarted_with_asyncio(sample: Sample) -> None:
    """Use the task's own `cancel()`."""
    ended = []
    async with asyncio.TaskGroup() as group:
        sample.start()
        for index in range(sample.size):
            task = group.create_task(_sleep_long(asyncio.sleep))
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                ended.append(index)
        sample.results = ended
        sample.stop()


@CANCEL_ONE.by("native", "trio", needs="trio")
async def started_with_trio(sample: Sample, trio: Any) -> None:
    """Use a scope and an event for each task, which is all that trio offers for one."""
    sleepers = Sleepers(sample.size, trio)
    handles = [(trio.CancelScope(), trio.Event()) for _ in range(sample.size)]
    async with trio.open_nursery() as nursery:
        for index, (scope, ended) in enumerate(handles):
            nursery.start_soon(_in_scope, scope, ended, sleepers.run, index)
        await sleepers.all_begun()
        sample.start()
        for scope, ended in handles:
            scope.cancel()
            await ended.wait()
        sample.results = sleepers.ended
        sample.stop()


@CANCEL_UNSTARTED.by("native", "trio", needs="trio")
async def unstarted_with_trio(sample: Sample, trio: Any) -> None:
    """Use a scope and an event; the task runs up to its first checkpoint."""
    finished = []
    async with trio.open_nursery() as nursery:
        sample.start()
        for index in range(sample.size):
            scope, ended = trio.CancelScope(), trio.Event()
            nursery.start_soon(_in_scope, scope, ended, trio.sleep, LONG)
            scope.cancel()
            await ended.wait()
            if scope.cancelled_caught:
                finished.append(index)
        sample.results = finished
        sample.stop()


async def _in_scope(scope: Any, ended: Any, function: Any, *args: Any) -> None:
    try:
        with scope:
            await function(*args)
    finally:
        ended.set()


@CANCEL_ONE.by("anyio")
async def started_with_anyio(sample: Sample) -> None:
    """Use the handle that AnyIO gives for a task."""
    sleepers = Sleepers(sample.size, anyio)
    async with anyio.create_task_group() as group:
        handles = [group.start_soon(sleepers.run, index) for index in range(sample.size)]
        await sleepers.all_begun()
        sample.start()
        for handle in handles:
            handle.cancel()
            await handle.wait()
        sample.results = sleepers.ended
        sample.stop()


@CANCEL_ONE.by("anyio awaited")
async def started_with_anyio_awaited(sample: Sample) -> None:
    """Use the handle, and be told of the cancellation by an exception, as asyncio tells it."""
    sleepers = Sleepers(sample.size, anyio)
    async with anyio.create_task_group() as group:
        handles = [group.start_soon(sleepers.run, index) for index in range(sample.size)]
        await sleepers.all_begun()
        sample.start()
        for handle in handles:
            handle.cancel()
            try:
                await handle
            except anyio.TaskCancelled:
                continue
        sample.results = sleepers.ended
        sample.stop()


@CANCEL_UNSTARTED.by("anyio")
async def unstarted_with_anyio(sample: Sample) -> None:
    """Use the handle; the task runs up to its first checkpoint."""
    ended = []
    async with anyio.create_task_group() as group:
        sample.start()
        for index in range(sample.size):
            handle = group.start_soon(anyio.sleep, LONG)
            handle.cancel()
            await handle.wait()
            if handle.status is handle.Status.CANCELLED:
                ended.append(index)
        sample.results = ended
        sample.stop()


@CANCEL_ONE.by("anyioutils", needs="anyioutils:TaskGroup", peer=True)
async def started_with_anyioutils(sample: Sample, task_group: Callable[[], Any]) -> None:
    """Use anyioutils' tasks, which say nothing of their end: wait for the job's own sign."""
    sleepers = Sleepers(sample.size, anyio)
    async with task_group() as group:
        tasks = [group.create_task(sleepers.run(index)) for index in range(sample.size)]
        await sleepers.all_begun()
        sample.start()
        for index, task in enumerate(tasks, start=1):
            task.cancel()
            while len(sleepers.ended) < index:
                await anyio.sleep(0)
        sample.results = sleepers.ended
        sample.stop()
