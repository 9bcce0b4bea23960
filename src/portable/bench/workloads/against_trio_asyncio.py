"""asyncio's tasks on trio by portable and by trio-asyncio, and on asyncio's own loop.

Each loop runs in a child process of its own (`_child.py`), because trio-asyncio changes asyncio
when it is imported. A round asks two of the processes in turn. The time is the CPU time of the
child's loop thread, read inside the loop.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache, partial

from portable.bench._child import Child
from portable.bench._measurement import Sample
from portable.bench._operations import PROGRAMS, Operation, Workload, not_installed
from portable.bench._results import NATIVE, PORTABLE

JOBS = ("noop", "sleep_once", "sleep_five_times", "call_soon")

AGAINST_TRIO_ASYNCIO = Operation(
    "against_trio_asyncio",
    "Tasks in asyncio.TaskGroup on trio, against trio-asyncio",
    {
        "smoke": tuple(Workload(job, 100) for job in JOBS),
        "small": tuple(Workload(job, 1_000) for job in JOBS),
        "full": (
            *(Workload(job, 1_000) for job in JOBS),
            *(Workload(job, 10_000) for job in JOBS[:2]),
        ),
    },
    loops=False,
    elsewhere=True,
    theme=PROGRAMS,
)


@cache
def child(name: str) -> Child:
    """Return the child process of that name; start it at the first call."""
    return Child(name)


@cache
def obstacle() -> str | None:
    """Say why trio-asyncio cannot be used here, by importing it in another process."""
    if missing := not_installed("trio_asyncio"):
        return missing
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import trio_asyncio"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    *_, reason = done.stderr.strip().splitlines()
    return f"trio-asyncio does not work on this Python: {reason}"


async def asked(sample: Sample, *_needed: object, name: str) -> None:
    """Let a child process run the sample."""
    seconds, done = child(name).run(sample.job, sample.size)
    sample.results = range(done)
    sample.record(seconds)


AGAINST_TRIO_ASYNCIO.by(NATIVE, check=obstacle)(partial(asked, name="trio-asyncio"))
AGAINST_TRIO_ASYNCIO.by(PORTABLE, needs="trio")(partial(asked, name="portable"))
AGAINST_TRIO_ASYNCIO.by("asyncio's own loop")(partial(asked, name="asyncio"))
