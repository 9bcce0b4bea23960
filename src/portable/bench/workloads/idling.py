"""How often trio goes to sleep while its tasks wait: each time after the first is a wake-up.

Many tasks wait for events that never come, until one timer ends it all: a timer of trio's
(`idle`) or of asyncio's loop (`timer`). It is measured on trio alone, which tells its
instruments when it is about to sleep; asyncio and uvloop tell nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import anyio

from portable.bench._measurement import Sample
from portable.bench._meters import COUNT
from portable.bench._operations import FOOTPRINT, Operation, Workload
from portable.bench._results import NATIVE, PORTABLE

from ._jobs import LONG

#: How many tasks wait, and for how many seconds.
TASK_COUNT, SECONDS = 100, 0.02

IDLE = Operation(
    "idle",
    f"How often trio goes to sleep while {TASK_COUNT} tasks wait for one timer",
    {
        effort: (Workload("idle", 1), Workload("timer", 1))
        for effort in ("smoke", "small", "full")
    },
    meter=COUNT,
    theme=FOOTPRINT,
)


async def count(sample: Sample, trio: Any, wait: Callable[[], Awaitable[object]]) -> None:
    """Count how often trio goes to sleep during a wait."""
    await import_module("trio.testing").wait_all_tasks_blocked()
    naps: list[float] = []

    class Naps(trio.abc.Instrument):  # type: ignore[misc]
        def before_io_wait(self, timeout: float) -> None:
            if timeout > 0:
                naps.append(timeout)

    counting = Naps()
    trio.lowlevel.add_instrument(counting)
    await wait()
    trio.lowlevel.remove_instrument(counting)
    sample.results = [0]
    sample.record(len(naps))


async def in_group(
    sample: Sample, trio: Any, library: Any, make_group: Callable[[], Any]
) -> None:
    """Let children of a group wait for events."""
    async with make_group() as group:
        for _ in range(TASK_COUNT):
            group.start_soon(library.Event().wait)
        await count(sample, trio, lambda: library.sleep(SECONDS))
        group.cancel_scope.cancel()


@IDLE.by(NATIVE, "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use trio's events, and its own timer."""
    await in_group(sample, trio, trio, trio.open_nursery)


@IDLE.by("anyio", "trio", needs="trio")
async def with_anyio(sample: Sample, trio: Any) -> None:
    """Use AnyIO's events and timer."""
    await in_group(sample, trio, anyio, anyio.create_task_group)


@IDLE.by(PORTABLE, "trio", needs="trio", driven=True)
async def with_asyncio(sample: Sample, trio: Any) -> None:
    """Use asyncio's events, a timer far away, and trio's timer or the loop's."""
    alarm = asyncio.get_running_loop().call_later(LONG, lambda: None)
    tasks = [asyncio.create_task(asyncio.Event().wait()) for _ in range(TASK_COUNT)]
    sleep = trio.sleep if sample.job == "idle" else asyncio.sleep
    await asyncio.sleep(0)
    await count(sample, trio, lambda: sleep(SECONDS))
    alarm.cancel()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
