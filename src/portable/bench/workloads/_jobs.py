"""The jobs that the measured tasks do, and how groups start and cancel tasks.

A program is priced with the jobs that its author would write: with asyncio it uses asyncio's
`sleep`, with trio that of trio. So jobs are made from a library, a module that has a `sleep`.
Each job returns its index.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeAlias

Job: TypeAlias = Callable[[int], Coroutine[Any, Any, int]]
#: Starts a function with an index as a task of a group; returns the task, or its handle.
Start: TypeAlias = Callable[[Any, Callable[[int], Coroutine[Any, Any, object]], int], Any]

#: Longer than any measurement: such a sleep ends by being cancelled.
LONG = 3600.0


class Sleeping(Protocol):
    """A library: a module with a `sleep` for jobs to use."""

    @property
    def sleep(self) -> Callable[[float], Awaitable[object]]:
        """Wait for some seconds; 0 gives the other tasks a turn."""
        ...


def job(kind: str, library: Sleeping) -> Job:
    """Return a job: `noop`, `checkpoint` (one turn for the others), or `sleep` (1 ms)."""
    sleep = library.sleep

    async def noop(index: int) -> int:
        return index

    async def checkpoint(index: int) -> int:
        await sleep(0)
        return index

    async def nap(index: int) -> int:
        await sleep(0.001)
        return index

    return {"noop": noop, "checkpoint": checkpoint, "sleep": nap}[kind]


def create_task(group: Any, function: Callable[[int], Any], index: int) -> Any:
    """Start a task in a group that takes coroutines, as asyncio's does."""
    return group.create_task(function(index))


def start_soon(group: Any, function: Callable[[int], Any], index: int) -> Any:
    """Start a task in a group that takes functions, as AnyIO's and trio's do."""
    return group.start_soon(function, index)


def soonify(group: Any, function: Callable[[int], Any], index: int) -> Any:
    """Start a task in asyncer's group."""
    return group.soonify(function)(index)


def cancel_scope(group: Any) -> None:
    """Cancel the scope of a group, as AnyIO's and trio's have one."""
    group.cancel_scope.cancel()


class Sleepers:
    """Tasks that sleep until they are cancelled, and count that they began and ended.

    Attributes:
        size: how many tasks there will be.
        begun: how many have begun to sleep.
        ended: the indices of the tasks whose sleep has ended.
    """

    def __init__(self, size: int, library: Sleeping) -> None:
        self.size = size
        self.begun: int = 0
        self.ended: list[int] = []
        self._sleep = library.sleep

    async def run(self, index: int) -> None:
        """Sleep until cancelled."""
        try:
            self.begun += 1
            await self._sleep(LONG)
        finally:
            self.ended.append(index)

    async def all_begun(self) -> None:
        """Wait until all of them sleep."""
        while self.begun < self.size:
            await self._sleep(0)

    @property
    def asleep(self) -> Sequence[int]:
        """As many indices as tasks have begun; a range, which takes little memory."""
        return range(self.begun)
