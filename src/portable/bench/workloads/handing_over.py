"""Hand a job to a thread; shield one from a cancellation. One after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio.to_thread

import portable
from portable.bench._measure import Sample
from portable.bench._operations import Operation, Workload

from ._jobs import Sleeping, job

TO_THREAD = Operation(
    "to_thread",
    "Hand a job to a thread, await its result",
    {
        "smoke": (Workload("noop", 10),),
        "small": (Workload("noop", 100),),
        "full": (Workload("noop", 300),),
    },
    elsewhere=True,
)
SHIELD = Operation(
    "shield",
    "Shield a job from cancellation",
    {
        "smoke": (Workload("noop", 100),),
        "small": (Workload("noop", 1_000),),
        "full": (Workload("noop", 1_000), Workload("checkpoint", 1_000)),
    },
)


def returned(index: int) -> int:
    """Be the job of a thread."""
    return index


async def in_thread(sample: Sample, to_thread: Callable[..., Any]) -> None:
    """Hand over one job after the other."""
    results = []
    await to_thread(returned, 0)  # starts the thread, which the next one finds idle
    sample.start()
    for index in range(sample.size):
        results.append(await to_thread(returned, index))
    sample.results = results
    sample.stop()


@TO_THREAD.by("native", "asyncio", "uvloop")
async def in_thread_with_asyncio(sample: Sample) -> None:
    """Use `asyncio.to_thread`."""
    await in_thread(sample, asyncio.to_thread)


@TO_THREAD.by("native", "trio", needs="trio")
async def in_thread_with_trio(sample: Sample, trio: Any) -> None:
    """Use `trio.to_thread.run_sync`."""
    await in_thread(sample, trio.to_thread.run_sync)


@TO_THREAD.by("anyio")
async def in_thread_with_anyio(sample: Sample) -> None:
    """Use `anyio.to_thread.run_sync`."""
    await in_thread(sample, anyio.to_thread.run_sync)


@TO_THREAD.by("portable", needs="portable:to_thread")
async def in_thread_with_portable(sample: Sample, to_thread: Callable[..., Any]) -> None:
    """Use `portable.to_thread`."""
    await in_thread(sample, to_thread)


@TO_THREAD.by("asyncer", needs="asyncer:asyncify", peer=True)
async def in_thread_with_asyncer(sample: Sample, asyncify: Callable[..., Any]) -> None:
    """Use asyncer's `asyncify`."""
    await in_thread(sample, lambda function, index: asyncify(function)(index))


async def shielded(sample: Sample, words: Sleeping, shield: Callable[..., Any]) -> None:
    """Await one job after the other through a function that shields it."""
    work = job(sample.job, words)
    results = []
    sample.start()
    for index in range(sample.size):
        results.append(await shield(work(index)))
    sample.results = results
    sample.stop()


async def in_shielded_scope(sample: Sample, words: Sleeping, scope: Callable[..., Any]) -> None:
    """Await one job after the other inside a scope that shields it."""
    work = job(sample.job, words)
    results = []
    sample.start()
    for index in range(sample.size):
        with scope(shield=True):
            results.append(await work(index))
    sample.results = results
    sample.stop()


@SHIELD.by("native", "asyncio", "uvloop")
async def shielded_with_asyncio(sample: Sample) -> None:
    """Use `asyncio.shield`, which makes the job a task."""
    await shielded(sample, asyncio, asyncio.shield)


@SHIELD.by("native", "trio", needs="trio")
async def shielded_with_trio(sample: Sample, trio: Any) -> None:
    """Use a shielded scope: whoever waits has to stay, and no task is made."""
    await in_shielded_scope(sample, trio, trio.CancelScope)


@SHIELD.by("anyio")
async def shielded_with_anyio(sample: Sample) -> None:
    """Use a shielded scope: whoever waits has to stay, and no task is made."""
    await in_shielded_scope(sample, anyio, anyio.CancelScope)


@SHIELD.by("portable", needs="portable:shield")
async def shielded_with_portable(sample: Sample, shield: Callable[..., Any]) -> None:
    """Use `portable.shield`, which lets whoever waits leave, as asyncio's does."""
    await shielded(sample, portable, shield)


@SHIELD.by("aiotools", "asyncio", "uvloop", needs="aiotools:ShieldScope", peer=True)
async def shielded_with_aiotools(sample: Sample, scope: Callable[[], Any]) -> None:
    """Use aiotools' `ShieldScope`."""
    work = job(sample.job, asyncio)
    results = []
    sample.start()
    for index in range(sample.size):
        async with scope():
            results.append(await work(index))
    sample.results = results
    sample.stop()
