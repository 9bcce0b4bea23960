"""A fan-out: ten calls at once, each with a time limit; one of them never answers."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio

from portable.bench._measurement import Sample
from portable.bench._operations import PROGRAMS, Operation, Workload

from ._jobs import LONG, Sleeping

ASKED = 10
SILENT = ASKED - 1

FAN_OUT = Operation(
    "fan_out",
    f"A fan-out: {ASKED} calls at once with a time limit each, one of which runs out; per call",
    {
        "smoke": (Workload("calls", 10 * ASKED),),
        "small": (Workload("calls", 50 * ASKED, peers=False),),
        "full": (Workload("calls", 500 * ASKED),),
    },
    theme=PROGRAMS,
)


async def answer(library: Sleeping, call: int) -> int:
    """Answer after two turns; one of ten does not."""
    if call % ASKED == SILENT:
        await library.sleep(LONG)
    await library.sleep(0)
    await library.sleep(0)
    return call


def limit(call: int) -> float:
    """Return how many seconds a call gets: more than enough, or none at all."""
    return 0.0 if call % ASKED == SILENT else LONG


def asked(sample: Sample, first: int) -> range:
    """Return the calls that are made at once."""
    return range(first, min(first + ASKED, sample.size))


@FAN_OUT.by_asyncio
async def with_asyncio(sample: Sample) -> None:
    """Use a group and `asyncio.timeout`."""

    async def ask(call: int) -> int:
        try:
            async with asyncio.timeout(limit(call)):
                return await answer(asyncio, call)
        except TimeoutError:
            return call

    results: list[int] = []
    sample.start()
    for first in range(0, sample.size, ASKED):
        async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
            calls = [group.create_task(ask(call)) for call in asked(sample, first)]
        results += [call.result() for call in calls]
    sample.results = results
    sample.stop()


async def in_scopes(
    sample: Sample, library: Any, make_group: Any, timeout: type[Exception]
) -> None:
    """Use a group and `fail_after`, as trio and AnyIO have it."""
    results: list[int] = []

    async def ask(call: int) -> None:
        try:
            with library.fail_after(limit(call)):
                results.append(await answer(library, call))
        except timeout:
            results.append(call)

    sample.start()
    for first in range(0, sample.size, ASKED):
        with library.fail_after(LONG):
            async with make_group() as group:
                for call in asked(sample, first):
                    group.start_soon(ask, call)
    sample.results = results
    sample.stop()


@FAN_OUT.by("native", "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use a nursery."""
    await in_scopes(sample, trio, trio.open_nursery, trio.TooSlowError)


@FAN_OUT.by("anyio")
async def with_anyio(sample: Sample) -> None:
    """Use AnyIO's group."""
    await in_scopes(sample, anyio, anyio.create_task_group, TimeoutError)
