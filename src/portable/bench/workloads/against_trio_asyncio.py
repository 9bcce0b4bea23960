"""asyncio's tasks on trio: ours, trio-asyncio's, and asyncio's own loop.

trio-asyncio changes asyncio when it is imported, so each has a process of its own (`_child`),
which waits for orders; a round asks two of them in turn. The time is what the child's thread
computed, read inside its loop.
"""

from __future__ import annotations

import subprocess
import sys
from functools import cache, partial

from portable.bench._child import Child
from portable.bench._measure import Sample
from portable.bench._operations import Operation, Workload
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
)


@cache
def child(name: str) -> Child:
    """Return the process of that name, which is started when it is first asked."""
    return Child(name)


@cache
def obstacle() -> str | None:
    """Say why trio-asyncio cannot be used here; ask in another process, as importing tells."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import trio_asyncio"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return None
    *_, reason = done.stderr.strip().splitlines()
    if "No module named 'trio_asyncio'" in reason:
        return "trio_asyncio is not installed: pip install 'portable-tasks[bench]'"
    return f"trio-asyncio does not work on this Python: {reason}"


async def asked(sample: Sample, *_needed: object, name: str) -> None:
    """Let a process run the sample."""
    seconds, done = child(name).run(sample.job, sample.size)
    sample.results = range(done)
    sample.record(seconds)


AGAINST_TRIO_ASYNCIO.by(NATIVE, check=obstacle)(partial(asked, name="trio-asyncio"))
AGAINST_TRIO_ASYNCIO.by(PORTABLE, needs="trio")(partial(asked, name="portable"))
AGAINST_TRIO_ASYNCIO.by("asyncio's own loop")(partial(asked, name="asyncio"))
