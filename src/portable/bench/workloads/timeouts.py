"""Time limits: one that is not reached, one that has run out, one that a task sleeps up to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeAlias

import anyio

from portable.bench._measurement import Sample
from portable.bench._meters import CPU
from portable.bench._operations import WAITING, Operation, Workload

from ._jobs import LONG, Sleeping, job

#: In seconds; no whole number of milliseconds, in which uvloop's clock counts.
SHORT = 0.0052

TIMEOUT_IDLE = Operation(
    "timeout_idle",
    "A time limit that is not reached",
    {
        "smoke": (Workload("noop", 100),),
        "small": (Workload("noop", 500), Workload("checkpoint", 500, peers=False)),
        "full": (Workload("noop", 1_000), Workload("checkpoint", 1_000)),
    },
    theme=WAITING,
)
TIMEOUT_FIRES = Operation(
    "timeout_fires",
    "A time limit that has run out at once",
    {
        "smoke": (Workload("sleeper", 50),),
        "small": (Workload("sleeper", 200),),
        "full": (Workload("sleeper", 500),),
    },
    theme=WAITING,
)
TIMEOUT_CPU = Operation(
    "timeout_cpu",
    f"What waiting for a time limit of {SHORT * 1000:.1f} ms takes of the processor",
    {
        "smoke": (Workload("sleeper", 2),),
        "small": (Workload("sleeper", 4),),
        "full": (Workload("sleeper", 10),),
    },
    meter=CPU,
    theme=WAITING,
)

Limit: TypeAlias = Callable[[float], AbstractContextManager[Any]]
AsyncLimit: TypeAlias = Callable[[float], AbstractAsyncContextManager[Any]]


async def idle(sample: Sample, library: Sleeping, limit: Limit) -> None:
    """Do each job under a limit that it does not reach."""
    work = job(sample.job, library)
    results = []
    sample.start()
    for index in range(sample.size):
        with limit(LONG):
            results.append(await work(index))
    sample.results = results
    sample.stop()


async def async_idle(sample: Sample, library: Sleeping, limit: AsyncLimit) -> None:
    """Do the same with a limit that is entered by `async with`."""
    work = job(sample.job, library)
    results = []
    sample.start()
    for index in range(sample.size):
        async with limit(LONG):
            results.append(await work(index))
    sample.results = results
    sample.stop()


async def reached(
    sample: Sample,
    library: Sleeping,
    limit: Limit,
    delay: float = 0,
    error: type[Exception] = TimeoutError,
) -> None:
    """Sleep longer than the limit, again and again."""
    results = []
    sample.start()
    for index in range(sample.size):
        try:
            with limit(delay):
                await library.sleep(LONG)
        except error:
            results.append(index)
    sample.results = results
    sample.stop()


async def async_reached(
    sample: Sample, library: Sleeping, limit: AsyncLimit, delay: float = 0
) -> None:
    """Do the same with a limit that is entered by `async with`."""
    results = []
    sample.start()
    for index in range(sample.size):
        try:
            async with limit(delay):
                await library.sleep(LONG)
        except TimeoutError:
            results.append(index)
    sample.results = results
    sample.stop()


@TIMEOUT_IDLE.by_asyncio
async def idle_with_asyncio(sample: Sample) -> None:
    """Use `asyncio.timeout`."""
    await async_idle(sample, asyncio, asyncio.timeout)


@TIMEOUT_IDLE.by("native", "trio", needs="trio")
async def idle_with_trio(sample: Sample, trio: Any) -> None:
    """Use `trio.fail_after`."""
    await idle(sample, trio, trio.fail_after)


@TIMEOUT_IDLE.by("anyio")
async def idle_with_anyio(sample: Sample) -> None:
    """Use `anyio.fail_after`."""
    await idle(sample, anyio, anyio.fail_after)


@TIMEOUT_IDLE.by("anyio move_on_after")
async def idle_with_anyio_scope(sample: Sample) -> None:
    """Use `anyio.move_on_after`."""
    await idle(sample, anyio, anyio.move_on_after)


@TIMEOUT_IDLE.by("wait_for", driven=True)
async def idle_with_wait_for(sample: Sample) -> None:
    """Use `asyncio.wait_for`."""
    work = job(sample.job, asyncio)
    results = []
    sample.start()
    for index in range(sample.size):
        results.append(await asyncio.wait_for(work(index), LONG))
    sample.results = results
    sample.stop()


@TIMEOUT_IDLE.by("quattro", "asyncio", "uvloop", needs="quattro:fail_after", peer=True)
async def idle_with_quattro(sample: Sample, fail_after: Limit) -> None:
    """Use quattro's `fail_after`."""
    await idle(sample, asyncio, fail_after)


@TIMEOUT_IDLE.by("aiotools", "asyncio", "uvloop", needs="aiotools:timeout", peer=True)
async def idle_with_aiotools(sample: Sample, timeout: AsyncLimit) -> None:
    """Use aiotools' `timeout`."""
    await async_idle(sample, asyncio, timeout)


@TIMEOUT_FIRES.by_asyncio
async def fires_with_asyncio(sample: Sample) -> None:
    """Use `asyncio.timeout`."""
    await async_reached(sample, asyncio, asyncio.timeout)


@TIMEOUT_FIRES.by("native", "trio", needs="trio")
async def fires_with_trio(sample: Sample, trio: Any) -> None:
    """Use `trio.fail_after`."""
    await reached(sample, trio, trio.fail_after, error=trio.TooSlowError)


@TIMEOUT_FIRES.by("anyio")
async def fires_with_anyio(sample: Sample) -> None:
    """Use `anyio.fail_after`."""
    await reached(sample, anyio, anyio.fail_after)


@TIMEOUT_FIRES.by("quattro", "asyncio", "uvloop", needs="quattro:fail_after", peer=True)
async def fires_with_quattro(sample: Sample, fail_after: Limit) -> None:
    """Use quattro's `fail_after`."""
    await reached(sample, asyncio, fail_after)


@TIMEOUT_FIRES.by("aiotools", "asyncio", "uvloop", needs="aiotools:timeout", peer=True)
async def fires_with_aiotools(sample: Sample, timeout: AsyncLimit) -> None:
    """Use aiotools' `timeout`."""
    await async_reached(sample, asyncio, timeout)


@TIMEOUT_CPU.by_asyncio
async def cpu_with_asyncio(sample: Sample) -> None:
    """Use `asyncio.timeout`."""
    await async_reached(sample, asyncio, asyncio.timeout, SHORT)


@TIMEOUT_CPU.by("native", "trio", needs="trio")
async def cpu_with_trio(sample: Sample, trio: Any) -> None:
    """Use `trio.fail_after`."""
    await reached(sample, trio, trio.fail_after, SHORT, trio.TooSlowError)


@TIMEOUT_CPU.by("anyio")
async def cpu_with_anyio(sample: Sample) -> None:
    """Use `anyio.fail_after`."""
    await reached(sample, anyio, anyio.fail_after, SHORT)
