"""A user's own two programs: run each in processes of its own, on every backend, and judge.

Like is compared with like: a port on uvloop with the original on uvloop. The original is run on
trio as well, on asyncio's loop there, and what differs is told. Under schedules the port runs
once more for each seed; each of those runs has to do what the original did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from portable._backends import BACKENDS, get_backend

from .causes import Cause, causes
from .comparison import Comparison, Verdict
from .declaring import Declaration
from .isolated import Isolated, Run
from .reading import Reading, in_any_time
from .target import Role, Target, TargetError
from .worker import Failure


@dataclass(frozen=True, slots=True)
class Judged:
    """A run of one of the programs, and what it came to.

    Attributes:
        program: `original` or `port`.
        run: the run.
        comparison: with what it was compared; `None` if there was nothing to compare.
        causes: what may be behind a difference.
        note: why there is no comparison, if there should be one.
    """

    program: str
    run: Run
    comparison: Comparison | None = None
    causes: tuple[Cause, ...] = ()
    note: str | None = None

    @property
    def verdict(self) -> str:
        """The comparison's verdict; or `reference`, `skipped`, or what kind of failure."""
        if self.run.failure is not None:
            return self.run.failure.kind
        if self.comparison is not None:
            return self.comparison.verdict.value
        if self.run.trace is None:
            return "skipped"
        return "reference" if self.note is None else "unjudged"

    @property
    def equivalent(self) -> bool:
        """Whether nothing speaks against the port.

        What becomes of the original on uvloop and trio is told, and held against nobody: the
        port is judged by the original on asyncio, and on uvloop by that on uvloop.
        """
        if self.program == "original" and self.run.backend != "asyncio":
            return self.verdict != "unloadable"
        return self.verdict not in ("different", "unjudged", "hang", "crash", "unloadable")


@dataclass(frozen=True, slots=True)
class Explored:
    """What schedules of a port on one backend came to.

    Attributes:
        backend: the backend.
        schedules: how many were run.
        distinct: how many traces were seen that differ from each other.
        failing: those that differ from the original or failed; the shortest way to a
            difference comes first.
    """

    backend: str
    schedules: int
    distinct: int
    failing: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All that came out of comparing two programs.

    Attributes:
        original: the target that is right by definition.
        port: the target that is judged.
        rows: a row for each program and backend.
        explored: what schedules came to, for each backend.
    """

    original: str
    port: str
    rows: tuple[Judged, ...]
    explored: tuple[Explored, ...] = field(default=())

    @property
    def equivalent(self) -> bool:
        """Whether the port may stand for its original."""
        return all(row.equivalent for row in self.rows) and not any(
            found.failing for found in self.explored
        )

    @property
    def loadable(self) -> bool:
        """Whether both programs could be loaded."""
        return all(row.verdict != "unloadable" for row in self.rows)


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
    seeds: Sequence[int] = (),
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
        seeds: the schedules to run the port under as well.
        progress: called after each run.

    Returns:
        A row for each program and backend, and what the schedules came to.

    Raises:
        UnknownBackendError: there is no backend of one of the names.
        ValueError: schedules are asked for in real time.
    """
    if real_time and seeds:
        raise ValueError(
            "schedules: the order of real time cannot be chosen; leave out one of both"
        )
    reading = reading or Reading()
    if real_time:
        reading = in_any_time(reading)
    chosen = [get_backend(name) for name in dict.fromkeys(backends)]
    isolated = Isolated(args=args, real_time=real_time, time_limit=time_limit)
    # Real programs use real ports and files: one at a time.
    pool = ThreadPoolExecutor(max_workers=1 if real_time else 2)
    pending: dict[tuple[Role, str], Future[list[Run]]] = {}
    targets: dict[Role, str] = {"original": original, "port": port}
    try:
        for role, text in targets.items():
            for backend in chosen if role == "port" else (BACKENDS["asyncio"], *chosen):
                if (role, backend.name) not in pending:
                    pending[role, backend.name] = pool.submit(
                        _runs,
                        isolated,
                        text,
                        role,
                        backend.name,
                        seeds if role == "port" else (),
                        args,
                        progress,
                    )
        runs = {key: future.result() for key, future in pending.items()}
    except BaseException:
        isolated.stop()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return _judged(original, port, runs, [one.name for one in chosen], tuple(declared), reading)


def _runs(
    isolated: Isolated,
    text: str,
    role: Role,
    backend: str,
    seeds: Sequence[int],
    args: Sequence[str],
    progress: Callable[[], object],
) -> list[Run]:
    if not BACKENDS[backend].installed:
        return [Run(backend, None)]
    try:
        target = Target.find(text, args)
    except TargetError as error:
        return [Run(backend, None, failure=Failure("unloadable", str(error)))]
    own = None
    if backend == "trio" and target.starter(role) == "anyio" and not isolated.real_time:
        own = 0  # trio draws lots: the same ones each time
    return isolated.run(target, role, backend, (own, *seeds), progress)


def _judged(
    original: str,
    port: str,
    runs: dict[tuple[Role, str], list[Run]],
    chosen: list[str],
    declared: tuple[Declaration, ...],
    reading: Reading,
) -> Report:
    reference = runs["original", "asyncio"][0]
    rows = [Judged("original", reference)]
    found = []
    beside = {"asyncio": reference}
    for backend in chosen:
        if backend == "asyncio":
            continue
        [run] = runs["original", backend]
        rows.append(_judge("original", reference, run, (), reading))
        if backend == "uvloop" and run.trace is not None:
            beside["uvloop"] = run
    source = _source(port)
    for backend in chosen:
        plain, *others = runs["port", backend]
        right = beside.get(backend, reference)
        rows.append(_judge("port", right, plain, declared, reading, source))
        if others:
            found.append(_explored(backend, right, others, declared, reading, source))
    return Report(original, port, tuple(rows), tuple(found))


def _judge(
    program: str,
    original: Run,
    run: Run,
    declared: Sequence[Declaration],
    reading: Reading,
    source: str | None = None,
    *,
    stale_counts: bool = True,
) -> Judged:
    if run.trace is None:
        return Judged(program, run)
    if original.trace is None:
        return Judged(program, run, note="the original has no trace to compare it with")
    left, right = reading.read(original.trace), reading.read(run.trace)
    meant = [one.found_in(left, right) for one in declared if program == "port"]
    meant = [one for one in meant if one.holds_on(run.backend)]
    # The original on trio has asyncio's order there, until trio has a say in it.
    same_order = program == "original" and run.backend == "trio"
    found = reading.compare(
        original.trace,
        run.trace,
        meant,
        stale_counts=stale_counts,
        ordered_until=run.trace.ordered_until if same_order else 0.0,
    )
    return Judged(program, run, found, causes(found, source))


def _explored(
    backend: str,
    original: Run,
    runs: Sequence[Run],
    declared: Sequence[Declaration],
    reading: Reading,
    source: str | None,
) -> Explored:
    judged = [
        _judge("port", original, run, declared, reading, source, stale_counts=False)
        for run in runs
    ]
    return explored(backend, judged)


def explored(backend: str, judged: Sequence[Judged]) -> Explored:
    """Return what a port under schedules came to, the shortest failing run first."""
    traces = {one.run.trace.observations for one in judged if one.run.trace is not None}
    failing = sorted((one for one in judged if not one.equivalent), key=_length)
    return Explored(backend, len(judged), len(traces), tuple(failing))


def _length(judged: Judged) -> tuple[int, int]:
    """Say how much happened until the traces part: less is easier to understand."""
    found = judged.comparison
    if found is None or found.parting is None or found.verdict is not Verdict.DIFFERENT:
        return (0, judged.run.seed or 0)
    return (len(found.parting.before), judged.run.seed or 0)


def _source(text: str) -> str | None:
    try:
        return Target.find(text).file.read_text("utf-8")
    except (TargetError, OSError, UnicodeDecodeError):
        return None
