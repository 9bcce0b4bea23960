"""A tree of tasks, each of which starts six more and waits for them; its leaves do the work.

This is pyperformance's workload `async_tree` in its four kinds, with a shorter sleep and fewer
levels. A leaf does nothing (`none`), sleeps as if for I/O (`io`), sleeps unless it has the
answer from an earlier question, as it may have for nine questions out of ten (`memoization`),
or computes half of the time and sleeps otherwise (`cpu_io_mixed`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import factorial
from random import Random
from typing import Any

import anyio

from portable.bench._measurement import Sample
from portable.bench._operations import PROGRAMS, Operation, Workload

from ._jobs import Sleeping

BRANCHES = 6
#: How long a leaf sleeps, in seconds.
IO_SECONDS = 0.005
#: How many different questions the leaves ask, and how many of the answers are kept.
QUESTIONS, MEMOIZABLE = 100, 90
#: How often a leaf computes instead of sleeping, and the factorial of what.
CPU_PROBABILITY, FACTORIAL_N = 0.5, 500

KINDS = ("none", "io", "memoization", "cpu_io_mixed")

ASYNC_TREE = Operation(
    "async_tree",
    "A tree of tasks, six from each",
    {
        "smoke": tuple(Workload(kind, BRANCHES**2) for kind in KINDS),
        "small": tuple(Workload(kind, BRANCHES**3) for kind in KINDS),
        "full": tuple(Workload(kind, BRANCHES**4) for kind in KINDS),
    },
    theme=PROGRAMS,
)


class Leaves:
    """The work at the ends of the tree.

    Attributes:
        done: the indices of the leaves whose work is done.
    """

    def __init__(self, kind: str, library: Sleeping) -> None:
        self.done: list[int] = []
        self._work: Callable[[], Awaitable[None]] = getattr(self, f"_{kind}")
        self._sleep = library.sleep
        self._random = Random(0)
        self._answers: set[int] = set()

    async def run(self, index: int) -> None:
        """Do the work of a leaf."""
        await self._work()
        self.done.append(index)

    async def _none(self) -> None:
        pass

    async def _io(self) -> None:
        await self._sleep(IO_SECONDS)

    async def _memoization(self) -> None:
        question = self._random.randint(1, QUESTIONS)
        if question <= MEMOIZABLE:
            if question in self._answers:
                return
            self._answers.add(question)
        await self._sleep(IO_SECONDS)

    async def _cpu_io_mixed(self) -> None:
        if self._random.random() < CPU_PROBABILITY:
            factorial(FACTORIAL_N)
        else:
            await self._sleep(IO_SECONDS)


async def tree(
    sample: Sample, library: Sleeping, make_group: Callable[[], Any], start: str
) -> None:
    """Grow a tree with as many leaves as the sample has jobs, a group at each fork."""
    leaves = Leaves(sample.job, library)

    async def grow(width: int, index: int) -> None:
        if width == 1:
            await leaves.run(index)
            return
        width //= BRANCHES
        async with make_group() as group:
            for branch in range(BRANCHES):
                if start == "create_task":
                    group.create_task(grow(width, index + branch * width))
                else:
                    group.start_soon(grow, width, index + branch * width)

    sample.start()
    await grow(sample.size, 0)
    sample.results = leaves.done
    sample.stop()


@ASYNC_TREE.by_asyncio
async def with_asyncio(sample: Sample) -> None:
    """Fork with asyncio's group."""
    await tree(sample, asyncio, asyncio.TaskGroup, "create_task")


@ASYNC_TREE.by("native", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Fork with a nursery."""
    await tree(sample, trio, trio.open_nursery, "start_soon")


@ASYNC_TREE.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Fork with AnyIO's group."""
    await tree(sample, anyio, anyio.create_task_group, "start_soon")


@ASYNC_TREE.by("gather", driven=True)
async def with_gather(sample: Sample) -> None:
    """Fork with `asyncio.gather`."""
    leaves = Leaves(sample.job, asyncio)

    async def grow(width: int, index: int) -> None:
        if width == 1:
            await leaves.run(index)
            return
        width //= BRANCHES
        await asyncio.gather(
            *(grow(width, index + branch * width) for branch in range(BRANCHES))
        )

    sample.start()
    await grow(sample.size, 0)
    sample.results = leaves.done
    sample.stop()
