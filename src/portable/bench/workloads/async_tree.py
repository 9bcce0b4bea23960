"""A tree of tasks, each of which starts six more and waits for them; its leaves do the work.

The workload `async_tree` of pyperformance in its four kinds, with its constants but for a
shorter sleep and fewer levels: the leaves do nothing (`none`), sleep as if for input (`io`), do
so unless the answer is known from before, as it may be for nine questions out of ten
(`memoization`), or compute in every second case (`cpu_io_mixed`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from math import factorial
from random import Random
from typing import Any

import anyio

from portable.bench._measure import Sample
from portable.bench._operations import Operation, Workload

from ._jobs import Sleeping

BRANCHES = 6
#: How long a leaf sleeps, in seconds.
IO_SECONDS = 0.005
#: How many different questions the leaves ask, and up to which one answers are kept.
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
)


class Leaves:
    """The work at the ends of the tree.

    Attributes:
        done: the indices of the leaves whose work is done.
    """

    def __init__(self, kind: str, words: Sleeping) -> None:
        self.done: list[int] = []
        self._work: Callable[[], Awaitable[None]] = getattr(self, f"_{kind}")
        self._sleep = words.sleep
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
    sample: Sample, words: Sleeping, make_group: Callable[[], Any], start: str
) -> None:
    """Grow a tree with as many leaves as the sample has jobs, a group at each fork."""
    leaves = Leaves(sample.job, words)

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
