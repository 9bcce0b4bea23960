"""The benchmarks' side of pytest: options, cases, and the tables beneath pytest-benchmark's.

What is measured, and how, lives in `portable.bench`. Here each test function prices the
operation of its own name (`test_spawn` prices `spawn`); its cases are parameters, so that
`-k` chooses among them. pytest-benchmark gets the amounts that were measured inside the
loop, per job, and keeps the statistics, the JSON and the comparisons; the ratios travel in
its `extra_info`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from portable._pytest._selection import select
from portable.bench import (
    CLOCKS,
    DEFAULT_CLOCK,
    EFFORTS,
    LOOPS,
    OPERATIONS,
    Case,
    Effort,
    Excess,
    Limits,
    LimitsError,
    Operation,
    Row,
    Run,
    Unmeasured,
    Workload,
    about,
    advance,
    cases,
    exceeded,
    in_loop_seconds,
    measure,
    obstacles,
    quiet_collector,
    read_limits,
    row_of,
    summary,
)

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PARAMETERS = ("job", "size", "backend", "implementation")
#: How wide tables are in a file or a pipe, which has no width of its own.
WIDTH_IN_FILES = 110
#: How often a row that exceeds its limit is measured again before that is believed.
FURTHER_CHANCES = 4


@dataclass
class Session:
    """What a run of pytest was asked for, and has measured so far."""

    effort: Effort
    clock: str
    backends: Sequence[str]
    command: str
    peers: bool
    limits: Limits | None = None
    rows: list[Row | Unmeasured] = field(default_factory=list)
    excesses: list[Excess] = field(default_factory=list)
    within: int = 0

    @property
    def measured(self) -> list[Row]:
        """The rows that there are."""
        return [row for row in self.rows if isinstance(row, Row)]

    def guard(self, case: Case, row: Row) -> None:
        """Hold a row against its limit; one that exceeds it gets further chances."""
        place = (row.operation, row.job, row.implementation, row.backend)
        if self.limits is None or place not in self.limits:
            return
        for chances in reversed(range(FURTHER_CHANCES + 1)):
            excess = exceeded([row], self.limits)
            if not excess:
                self.within += 1
                return
            if chances:
                again = measure(case, self.effort.name, self.clock)
                row = again if isinstance(again, Row) else row
        self.excesses += excess


SESSION = pytest.StashKey[Session]()


def operation_of(test: Callable[..., object]) -> Operation:
    """Return the operation that a test function prices: the one of its name."""
    return OPERATIONS[test.__name__.removeprefix("test_")]


def pytest_addoption(parser: pytest.Parser) -> None:
    if find_spec("pytest_benchmark") is None:
        raise pytest.UsageError(
            "the benchmarks need pytest-benchmark: pip install 'portable-tasks[bench]'"
        )
    group = parser.getgroup("benchmark")
    group.addoption(
        "--bench-size",
        choices=tuple(EFFORTS),
        default="small",
        help="How thorough: smoke (does it work?), small (under 90 s) or full (under 20 min). "
        "Default: %(default)s.",
    )
    group.addoption(
        "--bench-clock",
        choices=tuple(CLOCKS),
        default=DEFAULT_CLOCK,
        help="What to take the time by: wall, or cpu, the time that the loop's own thread "
        "computes, which holds on a busy machine. Default: %(default)s.",
    )
    group.addoption(
        "--bench-peers",
        action="store_true",
        help="Measure other libraries as well, as `portable bench --peers` does.",
    )
    group.addoption(
        "--bench-max-ratio",
        type=Path,
        metavar="FILE",
        help="Fail if the ratio of a row exceeds its limit in this TOML file.",
    )


def pytest_configure(config: pytest.Config) -> None:
    option = config.option
    if option.benchmark_columns is None:
        option.benchmark_columns = ["min", "median", "iqr", "rounds"]
    named = option.anyio_backends or config.getini("anyio_backends")
    session = config.stash[SESSION] = Session(
        effort=EFFORTS[option.bench_size],
        clock=option.bench_clock,
        backends=select(named, "--anyio-backends").names if named else LOOPS,
        command=f"pytest {shlex.join(map(str, config.invocation_params.args))}",
        peers=option.bench_peers,
    )
    if option.bench_max_ratio is not None:
        try:
            session.limits = read_limits(option.bench_max_ratio, OPERATIONS)
        except LimitsError as error:
            raise pytest.UsageError(f"--bench-max-ratio: {error}") from None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "price" not in metafunc.fixturenames:
        return
    session = metafunc.config.stash[SESSION]
    operation = operation_of(metafunc.function)
    found = [
        case
        for case in cases(operation, session.effort.name, session.backends)
        if session.peers or not case.way.peer
    ]
    metafunc.parametrize(
        PARAMETERS,
        [(c.workload.job, c.workload.size, c.backend, c.implementation) for c in found],
        ids=[case.name for case in found],
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "price" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.benchmark(timer=in_loop_seconds))


def pytest_report_collectionfinish(
    config: pytest.Config, items: list[pytest.Item]
) -> list[str]:
    """Say what is not here before the work begins."""
    chosen = []
    for item in items:
        if isinstance(item, pytest.Function) and "price" in item.fixturenames:
            job, size, backend, by = (item.callspec.params[name] for name in PARAMETERS)
            if isinstance(backend, str):  # else pytest stands in for a set without a case
                workload = Workload(job, size)
                chosen.append(Case(operation_of(item.function), workload, backend, by))
    return [f"not here: {obstacle}" for obstacle in obstacles(chosen)]


@pytest.fixture(scope="session", autouse=True)
def _quiet_collector() -> Iterator[None]:
    with quiet_collector():
        yield


@pytest.fixture
def case(
    request: pytest.FixtureRequest, job: str, size: int, backend: str, implementation: str
) -> Case:
    """Return the case that the parameters name."""
    return Case(operation_of(request.function), Workload(job, size), backend, implementation)


@pytest.fixture
def price(
    case: Case,
    benchmark: BenchmarkFixture,
    pytestconfig: pytest.Config,
) -> Callable[[], None]:
    """Return what measures a case beside its native control, and keeps its row."""
    session = pytestconfig.stash[SESSION]

    def give_up(reason: str, *, failed: bool = False) -> None:
        session.rows.append(case.unmeasured(reason, failed=failed))
        pytest.skip(reason)

    def measure() -> None:
        if case.obstacle:
            give_up(case.obstacle)
        try:
            row = measure_with(benchmark, case, session.effort, session.clock)
        except Exception as error:
            if not case.way.peer:
                raise
            give_up(f"{case.implementation} fails on {case.backend}: {error!r}", failed=True)
        if benchmark.enabled:
            session.rows.append(row)
            session.guard(case, row)

    return measure


def measure_with(benchmark: BenchmarkFixture, case: Case, effort: Effort, clock: str) -> Row:
    """Measure a case by way of pytest-benchmark."""
    pairing = case.pairing(CLOCKS[clock])
    rounds = pairing.warm_up(effort)
    counted = list(pairing.pairs)  # rounds that warmed up and count nevertheless

    def one_round() -> None:
        pair = counted.pop(0) if counted else pairing()
        advance(pair.subject)

    benchmark.group = case.group
    benchmark.pedantic(  # type: ignore[no-untyped-call]
        one_round, rounds=len(counted) + rounds
    )
    row = row_of(pairing.pairs, **case.place)
    benchmark.extra_info.update(row.as_dict())
    return row


def pytest_benchmark_scale_unit(
    unit: str, benchmarks: Sequence[dict[str, Any]]
) -> tuple[str, float] | None:
    """Have memory shown as memory: the table's heading is “time in …s” whatever one does."""
    bytes_measured = benchmarks[0]["extra_info"].get("unit") == "B"
    return ("kB, not ", 1e-3) if unit == "seconds" and bytes_measured else None


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Add what the report says beside the figures, and the rows that are missing."""
    session = config.stash[SESSION]
    told = about(session.command, session.effort.name, session.clock)
    run = Run(tuple(session.rows), told)
    output_json["portable"] = run.as_dict()["portable"]


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.stash[SESSION].excesses:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)  # pytest-benchmark's own table comes first
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    session = config.stash[SESSION]
    if session.measured and not config.getoption("benchmark_quiet"):
        color = terminalreporter.hasmarkup
        width = None if color else WIDTH_IN_FILES
        console = Console(force_terminal=color, width=width, highlight=False)
        with console.capture() as shown:
            console.print(*summary(session.rows), sep="\n")
        terminalreporter.section("price of an operation, relative to the native way")
        terminalreporter.write(shown.get())
    if session.limits is None:
        return
    terminalreporter.section("limits")
    for excess in session.excesses:
        terminalreporter.write_line(str(excess), red=True)
    terminalreporter.write_line(f"{session.within} rows within their limits", green=True)
