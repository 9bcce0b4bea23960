"""A user's own two programs, in files: each run has a process of its own, and is judged."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import inf
from pathlib import Path

from portable._backends import BACKENDS
from portable.clock._taken import USUAL, Seed

from .declaring import Declaration
from .isolated import Isolated
from .judging import Batch, Measure, judge
from .reading import Reading, in_any_time
from .report import Report
from .run import Failure, Run
from .target import Role, Target, TargetError


def compare_programs(
    original: str,
    port: str,
    *,
    args: Sequence[str] = (),
    backends: Iterable[str] = tuple(BACKENDS),
    declared: Iterable[Declaration] = (),
    reading: Reading | None = None,
    real_time: bool = False,
    time_limit: float = 10.0,
    stdin: Path | None = None,
    until: float | None = None,
    seeds: Sequence[Seed] = (),
    progress: Callable[[], object] = lambda: None,
) -> Report:
    """Run two programs on every backend, each run in a process of its own, and compare them.

    Args:
        original: the raw asyncio program, as `path/file.py[:function]` or
            `package.module[:function]`.
        port: the program to judge.
        args: what to call both with.
        backends: what to judge the port on, and to run the original on as well.
        declared: the differences that are meant.
        reading: what counts, and how exactly.
        real_time: whether time passes as it does outside, for programs with real I/O.
        time_limit: real seconds for each run.
        stdin: the file that both programs read from stdin; `None`: they find nothing there.
        until: virtual seconds after which a program that goes on and on is left.
        seeds: the schedules to run the port under as well.
        progress: called after each run.

    Returns:
        A row for each program and backend, and what the schedules came to.

    Raises:
        UnknownBackendError: there is no backend of one of the names.
        ValueError: schedules are asked for in real time, `until` is not positive, or `stdin`
            is no file.
    """
    if real_time and seeds:
        raise ValueError(
            "schedules: the order of real time cannot be chosen; leave out one of both"
        )
    reading = reading or Reading()
    if real_time:
        reading = in_any_time(reading)
    if until is not None and not 0 < until < inf:
        raise ValueError(f"until: must be positive and finite, got {until!r}")
    if stdin is not None and not stdin.is_file():
        raise ValueError(f"stdin: there is no such file: {stdin}")
    isolated = Isolated(
        args=args, real_time=real_time, time_limit=time_limit, stdin=stdin, until=until
    )
    measure = Measure(tuple(declared), reading, _source(port))
    return judge_programs(
        isolated, original, port, measure, backends=backends, seeds=seeds, progress=progress
    )


def judge_programs(
    isolated: Isolated,
    original: str,
    port: str,
    measure: Measure,
    *,
    backends: Iterable[str] = tuple(BACKENDS),
    seeds: Sequence[Seed] = (),
    progress: Callable[[], object] = lambda: None,
    known: MutableMapping[Batch, list[Run]] | None = None,
) -> Report:
    """Run two programs where runs are made, and compare them.

    Args:
        isolated: where their runs are made.
        original: the raw asyncio program, as for `compare_programs`.
        port: the program to judge.
        measure: by what it is judged.
        backends: what to judge the port on, and to run the original on as well.
        seeds: the schedules to run the port under as well.
        progress: called after each run.
        known: runs of this original, from comparisons with other ports, which are not made
            again; gets the others.

    Returns:
        A row for each program and backend, and what the schedules came to.

    Raises:
        UnknownBackendError: there is no backend of one of the names.
    """
    targets: dict[Role, str] = {"original": original, "port": port}

    def run(batch: Batch) -> list[Run]:
        if known is None or batch.role == "port":
            return _runs_of(batch, targets[batch.role], isolated, progress)
        if batch not in known:
            known[batch] = _runs_of(batch, targets[batch.role], isolated, progress)
        return known[batch]

    # Real programs use real ports and files: one at a time.
    with ThreadPoolExecutor(max_workers=1 if isolated.real_time else 2) as pool:

        def runs(batches: Sequence[Batch]) -> list[list[Run]]:
            try:
                return list(pool.map(run, batches))
            except BaseException:
                isolated.stop()
                raise

        return judge(
            original,
            port,
            runs,
            measure,
            backends=backends,
            seeds=seeds,
            schedulable=not isolated.real_time,
        )


def _runs_of(
    batch: Batch, program: str, isolated: Isolated, progress: Callable[[], object]
) -> list[Run]:
    try:
        target = Target.find(program)
    except TargetError as error:
        return [Run(batch.backend, None, failure=Failure("unloadable", str(error)))]
    seeds = batch.seeds
    native = batch.backend == "trio" and target.starter(batch.role) == "anyio"
    if native and not isolated.real_time:
        # trio's order is random; for a program without asyncio, asyncio's is as good.
        seeds = tuple(USUAL if seed is None else seed for seed in seeds)
    return isolated.run(target, batch.role, batch.backend, seeds, progress)


def _source(text: str) -> str | None:
    try:
        return Target.find(text).file.read_text("utf-8")
    except (TargetError, OSError, UnicodeDecodeError):
        return None
