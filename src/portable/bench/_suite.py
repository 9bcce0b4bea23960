"""The benchmarks without pytest: for whoever has installed the package alone.

The same cases, measured in the same way, one after the other; then the tables, and what
they mean in words. Peers are left out unless asked for: the question here is which loop to
take, and what it costs to be free to take it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from portable._backends import BACKENDS, require_backend

from ._answer import answer
from ._measure import quiet_collector
from ._meters import CLOCKS
from ._operations import EFFORTS, Case, Operation, cases
from ._results import Row, Unmeasured, row_of
from ._run import Run, about
from ._tables import LEGEND, tables
from .workloads import OPERATIONS


class UnknownOperationError(LookupError):
    """An operation was named that is not among those that are priced."""


def get_operation(name: str) -> Operation:
    """Return the operation of that name.

    Raises:
        UnknownOperationError: there is none; the message lists those there are.
    """
    operation = OPERATIONS.get(name)
    if operation is not None:
        return operation
    message = f"unknown operation {name!r}; there are: {', '.join(OPERATIONS)}"
    for close in get_close_matches(name.lower(), OPERATIONS, n=1):
        message += f". Did you mean {close!r}?"
    raise UnknownOperationError(message)


def suite(
    names: Sequence[str] = (),
    *,
    effort: str = "small",
    backends: Sequence[str] = (),
    peers: bool = False,
) -> list[Case]:
    """Return the cases that a run is to measure.

    Args:
        names: the operations; none named: all of them.
        effort: `smoke`, `small` or `full`.
        backends: the event loops; none named: all that portable knows.
        peers: whether other libraries are priced too.

    Raises:
        UnknownOperationError: an operation's name is unknown.
        UnknownBackendError: a backend's name is unknown.
        BackendNotInstalledError: a backend that was named is not installed.
        ValueError: the effort is unknown.
    """
    if effort not in EFFORTS:
        raise ValueError(f"effort: unknown effort {effort!r}; there are: {', '.join(EFFORTS)}")
    operations = [get_operation(name) for name in names] or OPERATIONS.values()
    loops = [require_backend(name).name for name in backends] or BACKENDS
    return [
        case
        for operation in operations
        for case in cases(operation, effort, loops)
        if peers or not case.way.peer
    ]


def measured(
    chosen: Sequence[Case],
    effort: str,
    clock: str = "wall",
    tell: Callable[[Case], object] = lambda _: None,
) -> Iterator[Row | Unmeasured]:
    """Measure cases one after the other, and yield their rows.

    Args:
        chosen: the cases.
        effort: `smoke`, `small` or `full`.
        clock: `wall` or `cpu`.
        tell: is called with each case before it is measured.
    """
    for case in chosen:
        tell(case)
        yield _measured(case, effort, clock)


def _measured(case: Case, effort: str, clock: str) -> Row | Unmeasured:
    if case.obstacle is not None:
        return case.unmeasured(case.obstacle)
    try:
        pairing = case.pairing(CLOCKS[clock])
        for _ in range(pairing.warm_up(EFFORTS[effort])):
            pairing()
    except Exception as error:
        if not case.way.peer:
            raise
        reason = f"{case.implementation} fails on {case.backend}: {error!r}"
        return case.unmeasured(reason, failed=True)
    return row_of(pairing.pairs, **case.place)


def bench(
    names: Sequence[str] = (),
    *,
    effort: str = "small",
    backends: Sequence[str] = (),
    peers: bool = False,
    clock: str = "wall",
    command: str = "portable bench",
    console: Console | None = None,
) -> Run:
    """Measure, with progress shown on a terminal, and print the tables and the answer.

    Args:
        names: the operations; none named: all of them.
        effort: `smoke`, `small` or `full`.
        backends: the event loops; none named: all that portable knows.
        peers: whether other libraries are priced too.
        clock: `wall`, or `cpu`: the time that the loop's own thread computes, which holds
            on a machine that is busy with other things.
        command: what the user typed, for the report.
        console: where to print; standard output by default.

    Returns:
        The run, whose `as_dict()` is what `bench-report` reads.

    Raises:
        UnknownOperationError: an operation's name is unknown.
        UnknownBackendError: a backend's name is unknown.
        BackendNotInstalledError: a backend that was named is not installed.
        ValueError: the effort or the clock is unknown.
    """
    if clock not in CLOCKS:
        raise ValueError(f"clock: unknown clock {clock!r}; there are: {', '.join(CLOCKS)}")
    shown = console or Console(highlight=False)
    chosen = suite(names, effort=effort, backends=backends, peers=peers)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=shown,
        transient=True,
        disable=not shown.is_terminal,
    )
    rows = []
    with bar, quiet_collector():
        task = bar.add_task("", total=len(chosen))
        for row in measured(
            chosen, effort, clock, lambda case: bar.update(task, description=case.group)
        ):
            rows.append(row)
            bar.advance(task)
    run = Run(tuple(rows), about(command, effort, clock))
    shown.print(*tables(run.rows, OPERATIONS), LEGEND, "", sep="\n")
    for sentence in answer(run.measured):
        shown.print(sentence)
    return run
