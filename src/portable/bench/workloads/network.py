"""Sockets, HTTP and subprocesses in asyncio's names: on asyncio's loop, uvloop's, two on trio.

Each loop runs in a child process of its own (`_child.py`), because trio-asyncio changes asyncio
when it is imported. A round asks two of the processes in turn. The time is the CPU time of the
child's loop thread.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from portable.bench._network import ECHOES
from portable.bench._operations import PROGRAMS, Operation, Workload, not_installed
from portable.bench._results import NATIVE, PORTABLE

from .against_trio_asyncio import asked, obstacle

Check: TypeAlias = Callable[[], str | None]

ECHO = Operation(
    "echo",
    "A message to a server over streams, and its echo",
    {
        "smoke": tuple(Workload(job, 20) for job in ECHOES),
        "small": tuple(Workload(job, 1_000 if "kB" in job else 100) for job in ECHOES),
        "full": tuple(Workload(job, 5_000 if "kB" in job else 200) for job in ECHOES),
    },
    loops=False,
    elsewhere=True,
    theme=PROGRAMS,
)
HTTP = Operation(
    "http",
    "A page of 1 kB by aiohttp, server and client, ten clients at once",
    {
        "smoke": (Workload("get", 20),),
        "small": (Workload("get", 300),),
        "full": (Workload("get", 1_000),),
    },
    loops=False,
    elsewhere=True,
    theme=PROGRAMS,
)
SUBPROCESS = Operation(
    "subprocess",
    "A process that does nothing, until it has ended",
    {
        "smoke": (Workload("start", 3),),
        "small": (Workload("start", 10),),
        "full": (Workload("start", 50),),
    },
    loops=False,
    elsewhere=True,
    theme=PROGRAMS,
)


def _enter(operation: Operation, *needed: str) -> None:
    """Enter the four loops as ways of an operation."""

    def by(implementation: str, process: str, check: Check, peer: bool = False) -> None:
        operation.by(implementation, check=check, peer=peer)(partial(asked, name=process))

    by(NATIVE, "asyncio", partial(not_installed, *needed))
    by(PORTABLE, "portable", partial(not_installed, "trio", *needed))
    by("uvloop", "uvloop", partial(not_installed, "uvloop", *needed))
    by("trio-asyncio", "trio-asyncio", lambda: not_installed(*needed) or obstacle(), peer=True)


_enter(ECHO)
_enter(HTTP, "aiohttp")
_enter(SUBPROCESS)
