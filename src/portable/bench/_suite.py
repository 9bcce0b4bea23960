"""`bench()`: a whole run without pytest, in a given time; and the summary of any run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn

from portable._backends import BACKENDS, require_backend
from portable._errors import did_you_mean

from ._budget import Budget
from ._measurement import quiet_collector
from ._meters import CLOCKS, DEFAULT_CLOCK
from ._operations import EFFORTS, Case, Operation, cases
from ._results import NO_TIME, Prices, Row, Unmeasured, row_of
from ._run import Run, about
from ._tables import LEGEND, as_rich, detail_tables, question_tables
from ._verdict import verdict
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
    raise UnknownOperationError(message + did_you_mean(name.lower(), OPERATIONS))


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
    operations = [get_operation(name) for name in dict.fromkeys(names)] or OPERATIONS.values()
    loops = [require_backend(name).name for name in dict.fromkeys(backends)] or BACKENDS
    return [
        case
        for operation in operations
        for case in cases(operation, effort, loops)
        if peers or not case.way.peer
    ]


def measure(case: Case, effort: str, clock: str = DEFAULT_CLOCK) -> Row | Unmeasured:
    """Measure a case with as many rounds as an effort gives it.

    Args:
        case: the case.
        effort: `smoke`, `small` or `full`.
        clock: `wall` or `cpu`.
    """
    if case.obstacle is not None:
        return case.unmeasured(case.obstacle)
    pairing = case.pairing(CLOCKS[clock])
    for _ in range(pairing.warm_up(EFFORTS[effort])):
        pairing()
    return row_of(pairing.pairs, **case.place)


def obstacles(chosen: Sequence[Case]) -> list[str]:
    """Return what is missing here, each thing once, with the command that installs it."""
    missing: Mapping[str, None] = dict.fromkeys(
        case.obstacle for case in chosen if case.obstacle is not None
    )
    return [*missing]


def summary(rows: Sequence[Row | Unmeasured]) -> Iterator[RenderableType]:
    """Yield the summary of a run: the questions, the other tables by theme, the verdict.

    Args:
        rows: the rows, with those that were not measured.
    """
    prices = Prices(rows)
    answers = [part for table in question_tables(prices) for part in (as_rich(table), "")]
    if answers:
        yield "[bold underline]What a task costs[/]\n"
        yield from answers
    for theme, tables in detail_tables(rows).items():
        yield f"[bold underline]{theme}[/]\n"
        for table in tables:
            yield from (as_rich(table), "")
    yield from (LEGEND, "")
    conclusions = verdict(prices)
    if conclusions:
        yield "[bold underline]Which loop to take[/]\n"
        yield from conclusions
    left_out = sum(isinstance(row, Unmeasured) and row.reason == NO_TIME for row in rows)
    if left_out:
        yield (
            f"\nThere was time for {len(rows) - left_out} of {len(rows)} prices. "
            "Give more by --time, or name what you want to know."
        )


def bench(
    names: Sequence[str] = (),
    *,
    effort: str = "small",
    backends: Sequence[str] = (),
    peers: bool = False,
    clock: str = DEFAULT_CLOCK,
    seconds: float = 60.0,
    command: str = "portable bench",
    console: Console | None = None,
) -> Run:
    """Measure for a time, with a progress bar on a terminal, and print the summary.

    After Ctrl-C the summary shows what was measured so far.

    Args:
        names: the operations; none named: all of them.
        effort: which workloads: `smoke`, `small` or `full`.
        backends: the event loops; none named: all that portable knows.
        peers: whether other libraries are priced too.
        clock: `wall`, or `cpu`: the time that the loop's own thread computes, which holds
            on a machine that is busy with other things.
        seconds: how long it may take. Prices that are still noisy at the end are marked.
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
    output = console or Console(highlight=False)
    chosen = suite(names, effort=effort, backends=backends, peers=peers)
    bar = Progress(
        TextColumn("{task.description:<40.40}"),
        BarColumn(),
        TextColumn("{task.fields[left]:.0f} s left"),
        console=output,
        transient=True,
        disable=not output.is_terminal,
    )
    task = bar.add_task("", total=seconds, left=seconds)

    def tell(case: Case, left: float) -> None:
        left = max(left, 0.0)
        bar.update(task, description=case.group, completed=seconds - left, left=left)

    budget = Budget(chosen, EFFORTS[effort], seconds, CLOCKS[clock], tell)
    for obstacle in obstacles(chosen):
        output.print(f"Not here: {obstacle}", soft_wrap=True, markup=False)
    details = about(command, effort, clock)
    try:
        with bar, quiet_collector():
            budget.spend()
    except KeyboardInterrupt:
        details["interrupted"] = f"with {budget.left:.0f} of {seconds:.0f} s left"
        output.print(f"Interrupted {details['interrupted']}. This is what there is:\n")
    run = Run(budget.rows(), details)
    for part in summary(run.rows):
        output.print(part)
    return run
