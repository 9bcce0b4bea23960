"""A supervisor, whose tasks fail alone, against `asyncio.TaskGroup` on the same loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import portable
from portable.bench._measurement import Sample
from portable.bench._operations import TASKS, Operation, Workload
from portable.bench._results import NATIVE, PORTABLE

from .spawn import in_group, with_anyio, with_trio

SUPERVISOR = Operation(
    "supervisor",
    "Spawn, join, collect the result, against asyncio.TaskGroup",
    {
        "smoke": (Workload("noop", 100),),
        "small": (Workload("noop", 1_000), Workload("checkpoint", 1_000, peers=False)),
        "full": (
            *(Workload("noop", size) for size in (10, 1_000)),
            Workload("noop", 10_000, peers=False),
            Workload("checkpoint", 1_000),
        ),
    },
    theme=TASKS,
)

SUPERVISOR.by("anyio")(with_anyio)
SUPERVISOR.by("trio nursery", "trio", needs="trio")(with_trio)


@SUPERVISOR.by(NATIVE, driven=True)
async def with_task_group(sample: Sample) -> None:
    """Use asyncio's group."""
    await in_group(sample, asyncio, asyncio.TaskGroup)


@SUPERVISOR.by(PORTABLE, driven=True)
async def with_supervisor(sample: Sample) -> None:
    """Use portable's supervisor."""
    await in_group(sample, asyncio, portable.Supervisor)


@SUPERVISOR.by("aiotools", "asyncio", "uvloop", needs="aiotools:Supervisor", peer=True)
async def with_aiotools(sample: Sample, supervisor: Callable[[], Any]) -> None:
    """Use aiotools' supervisor."""
    await in_group(sample, asyncio, supervisor)
