"""Cancel a group of tasks, or a chain of scopes, and wait until all have ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import anyio

import portable
from portable.bench._measurement import Sample
from portable.bench._operations import TASKS, Operation, Workload

from ._jobs import (
    LONG,
    Sleepers,
    Sleeping,
    Start,
    cancel_scope,
    create_task,
    soonify,
    start_soon,
)

CANCEL_GROUP = Operation(
    "cancel_group",
    "Cancel a group of started tasks, await its end",
    {
        "smoke": (Workload("sleeper", 100),),
        "small": (Workload("sleeper", 1_000),),
        "full": (
            Workload("sleeper", 100),
            Workload("sleeper", 1_000),
            Workload("sleeper", 10_000, peers=False),
        ),
    },
    theme=TASKS,
)

CANCEL_NESTED = Operation(
    "cancel_nested",
    "Cancel a task inside a chain of scopes, await its end",
    {
        "smoke": (Workload("scope", 10),),
        "small": (Workload("scope", 50),),
        "full": (Workload("scope", 10), Workload("scope", 50), Workload("scope", 150)),
    },
    theme=TASKS,
)


async def cancel_from_inside(
    sample: Sample,
    library: Sleeping,
    make_group: Callable[[], AbstractAsyncContextManager[Any]],
    start: Start,
    cancel: Callable[[Any], object],
) -> None:
    """Start sleepers in a group, cancel it from its body, and leave it."""
    sleepers = Sleepers(sample.size, library)
    async with make_group() as group:
        for index in range(sample.size):
            start(group, sleepers.run, index)
        await sleepers.all_begun()
        sample.start()
        cancel(group)
    sample.results = sleepers.ended
    sample.stop()


@CANCEL_GROUP.by_asyncio
async def group_with_asyncio(sample: Sample) -> None:
    """Cancel each task: asyncio's group has no `cancel()` on every Python."""
    sleepers = Sleepers(sample.size, asyncio)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(sleepers.run(index)) for index in range(sample.size)]
        await sleepers.all_begun()
        sample.start()
        for task in tasks:
            task.cancel()
    sample.results = sleepers.ended
    sample.stop()


@CANCEL_GROUP.by("native", "trio", needs="trio")
async def group_with_trio(sample: Sample, trio: Any) -> None:
    """Cancel the nursery's scope."""
    await cancel_from_inside(sample, trio, trio.open_nursery, start_soon, cancel_scope)


@CANCEL_GROUP.by("anyio")
async def group_with_anyio(sample: Sample) -> None:
    """Cancel the group's scope."""
    await cancel_from_inside(sample, anyio, anyio.create_task_group, start_soon, cancel_scope)


@CANCEL_GROUP.by("anyio each task")
async def group_with_anyio_handles(sample: Sample) -> None:
    """Cancel each task by its handle, which lets the body go on, as a supervisor does."""
    sleepers = Sleepers(sample.size, anyio)
    async with anyio.create_task_group() as group:
        handles = [group.start_soon(sleepers.run, index) for index in range(sample.size)]
        await sleepers.all_begun()
        sample.start()
        for handle in handles:
            handle.cancel()
    sample.results = sleepers.ended
    sample.stop()


@CANCEL_GROUP.by("portable Supervisor", driven=True)
async def group_with_supervisor(sample: Sample) -> None:
    """Cancel the supervisor, whose body goes on."""
    supervisor = portable.Supervisor
    await cancel_from_inside(sample, asyncio, supervisor, create_task, supervisor.cancel)


@CANCEL_GROUP.by("asyncer", needs="asyncer:create_task_group", peer=True)
async def group_with_asyncer(sample: Sample, make_group: Callable[[], Any]) -> None:
    """Cancel the scope of asyncer's group."""
    await cancel_from_inside(sample, anyio, make_group, soonify, cancel_scope)


@CANCEL_GROUP.by("anyioutils", needs="anyioutils:TaskGroup", peer=True)
async def group_with_anyioutils(sample: Sample, make_group: Callable[[], Any]) -> None:
    """Cancel the scope of anyioutils' group."""
    await cancel_from_inside(sample, anyio, make_group, create_task, cancel_scope)


class Chain:
    """A task inside nested scopes, which counts the scopes that it leaves.

    Attributes:
        left: the depths of the scopes that it has left.
    """

    def __init__(self, library: Sleeping, scope: Callable[[], Any]):
        self.left: list[int] = []
        self.begun: bool = False
        self._sleep = library.sleep
        self._scope = scope

    async def nest(self, depth: int) -> None:
        """Sleep until cancelled, inside `depth` scopes."""
        if depth == 0:
            self.begun = True
            await self._sleep(LONG)
        try:
            with self._scope():
                await self.nest(depth - 1)
        finally:
            self.left.append(depth - 1)

    async def has_begun(self) -> None:
        """Wait until the innermost sleeps."""
        while not self.begun:
            await self._sleep(0)


class AsyncChain(Chain):
    """The same where scopes are entered by `async with`."""

    async def nest(self, depth: int) -> None:
        """Sleep until cancelled, inside `depth` scopes."""
        if depth == 0:
            self.begun = True
            await self._sleep(LONG)
        try:
            async with self._scope():
                await self.nest(depth - 1)
        finally:
            self.left.append(depth - 1)


@CANCEL_NESTED.by_asyncio
async def nested_with_asyncio(sample: Sample) -> None:
    """Nest `asyncio.timeout(None)`, which is what comes nearest to a scope."""
    chain = AsyncChain(asyncio, lambda: asyncio.timeout(None))
    task = asyncio.create_task(chain.nest(sample.size))
    await chain.has_begun()
    sample.start()
    task.cancel()
    await asyncio.wait([task])
    sample.results = chain.left
    sample.stop()


async def cancel_chain(
    sample: Sample, library: Sleeping, make_group: Callable[[], Any], scope: Callable[[], Any]
) -> None:
    """Nest scopes in a task of a group, and cancel the group's own scope."""
    chain = Chain(library, scope)
    async with make_group() as group:
        group.start_soon(chain.nest, sample.size)
        await chain.has_begun()
        sample.start()
        group.cancel_scope.cancel()
    sample.results = chain.left
    sample.stop()


@CANCEL_NESTED.by("native", "trio", needs="trio")
async def nested_with_trio(sample: Sample, trio: Any) -> None:
    """Nest trio's scopes."""
    await cancel_chain(sample, trio, trio.open_nursery, trio.CancelScope)


@CANCEL_NESTED.by("anyio")
async def nested_with_anyio(sample: Sample) -> None:
    """Nest AnyIO's scopes."""
    await cancel_chain(sample, anyio, anyio.create_task_group, anyio.CancelScope)


@CANCEL_NESTED.by("quattro", "asyncio", "uvloop", needs="quattro:CancelScope", peer=True)
async def nested_with_quattro(sample: Sample, scope: Callable[[], Any]) -> None:
    """Nest quattro's scopes in a task, and cancel that."""
    chain = Chain(asyncio, scope)
    task = asyncio.create_task(chain.nest(sample.size))
    await chain.has_begun()
    sample.start()
    task.cancel()
    await asyncio.wait([task])
    sample.results = chain.left
    sample.stop()
