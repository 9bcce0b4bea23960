"""Check two programs of this process: run both on every backend, and judge the port.

Each run may have a fork of its own, so that it finds the process as it was before the others.
Programs in files are compared by `comparing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from portable._backends import BACKENDS
from portable.clock._taken import Seed

from .comparison import DeclaredDifference
from .forked import forked
from .judging import Batch, Measure, judge
from .program import Program
from .reading import Reading
from .recording import record
from .report import Report
from .run import Failure, Run


def check(
    original: Program,
    port: Program,
    *,
    backends: Iterable[str] = tuple(BACKENDS),
    seeds: Iterable[Seed] = (),
    declared: Iterable[DeclaredDifference] = (),
    reading: Reading | None = None,
    progress: Callable[[], object] = lambda: None,
    fork: bool = False,
) -> Report:
    """Run an original and its port on every backend, and judge the port.

    Args:
        original: the raw asyncio program that is right by definition.
        port: the program to judge.
        backends: what to judge it on. One that is not installed is `skipped` in the report.
            The original runs on asyncio in any case.
        seeds: the schedules to run the port under as well.
        declared: the differences that are meant; each holds for the backends it names.
        reading: what counts, and how exactly.
        progress: called after each run.
        fork: whether each run has a fork of this process, and finds its state as it is now.

    Returns:
        A row for each program and backend, and what the schedules came to.

    Raises:
        UnknownBackendError: there is no backend of one of the names.

    Example:
        >>> import asyncio, anyio
        >>> async def original():
        ...     await asyncio.sleep(3)
        ...     print("done")
        >>> async def port():
        ...     await anyio.sleep(3)
        ...     print("done")
        >>> report = check(
        ...     Program("original", original, starter="asyncio"),
        ...     Program("port", port, starter="anyio"),
        ...     backends=["asyncio"],
        ... )
        >>> for row in report.rows:
        ...     print(row.program, row.verdict)
        original reference
        port same
    """
    programs = {"original": original, "port": port}

    def run(program: Program, backend: str, seed: Seed | None) -> Run:
        make = partial(record, program, backend, seed=seed)
        found = forked(make) if fork else make()
        progress()
        if isinstance(found, Failure):
            return Run(backend, seed, failure=found)
        return Run(backend, seed, found)

    def runs(batches: Sequence[Batch]) -> list[list[Run]]:
        return [
            [run(programs[batch.role], batch.backend, seed) for seed in batch.seeds]
            for batch in batches
        ]

    measure = Measure(tuple(declared), reading or Reading())
    return judge(original.name, port.name, runs, measure, backends=backends, seeds=seeds)
