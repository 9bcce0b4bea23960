"""The jobs that the measured tasks do, in the words of the library that is priced.

A program is priced with the jobs that its author would write: one that uses asyncio sleeps
with asyncio's `sleep`, and so on. So a module that has a `sleep` is what makes a set of
jobs. Each job returns its index.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeAlias

Job: TypeAlias = Callable[[int], Coroutine[Any, Any, int]]

#: Longer than any measurement: such a sleep ends by being cancelled.
LONG = 3600.0


class Sleeping(Protocol):
    """A module whose `sleep` jobs are to use."""

    @property
    def sleep(self) -> Callable[[float], Awaitable[object]]:
        """Wait for so many seconds; 0 lets the other tasks have a turn."""
        ...


def job(kind: str, words: Sleeping) -> Job:
    """Return a job: `noop`, or `checkpoint` (one turn to the others), or a 1 ms `sleep`."""
    sleep = words.sleep

    async def noop(index: int) -> int:
        return index

    async def checkpoint(index: int) -> int:
        await sleep(0)
        return index

    async def nap(index: int) -> int:
        await sleep(0.001)
        return index

    return {"noop": noop, "checkpoint": checkpoint, "sleep": nap}[kind]


class Sleepers:
    """Tasks that sleep until they are cancelled, and tell that they began and ended.

    Attributes:
        size: how many there are to be.
        begun: how many have begun to sleep.
        ended: the indices of those whose sleep was ended.
    """

    def __init__(self, size: int, words: Sleeping) -> None:
        self.size = size
        self.begun = 0
        self.ended: list[int] = []
        self._sleep = words.sleep

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
        """The indices of as many as have begun; takes no memory to speak of."""
        return range(self.begun)
