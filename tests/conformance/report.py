"""Judges modules and renders what came out, one line a module."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from . import verdicts
from .judging import Outcome, list_tests, run_tests

#: Of the tests that apply, so many have to pass.
LEAST_SHARE = 0.97


@dataclass
class Result:
    """What came of one module, or of all.

    Attributes:
        module: its name.
        counts: how many tests were counted as what.
        outcomes: how each test ended on asyncio and on trio, and what it is counted as.
        faults: what is not as the table says.
        names: `module.Class.method` of all its tests, those that are left out as well.
    """

    module: str
    counts: Counter[str]
    outcomes: dict[str, tuple[Outcome, Outcome, str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """The share of passes among the tests that apply."""
        passed, failed = self.counts[verdicts.PASSED], self.counts[verdicts.FAILED]
        return passed / (passed + failed) if passed + failed else 1.0


def full_name(module: str) -> str:
    return module if "." in module else f"test.test_asyncio.{module}"


def judge_module(module: str, part: str, table: verdicts.Table, log: Path | None) -> Result:
    """Run the tests of one module on both loops."""
    prefix = f"{module}."
    every = list_tests(full_name(module))
    tests = [test for test in every if part in test and not table.left_out(prefix + test)]
    controls = run_tests("asyncio", full_name(module), tests)
    passing = [test for test in tests if controls[test].verdict == "passed"]
    if log is None:
        trios = run_tests("trio", full_name(module), passing)
    else:
        with open(log / f"{module}.log", "w") as file:
            trios = run_tests("trio", full_name(module), passing, file)
    outcomes = {}
    for test in tests:
        trio = trios.get(test, Outcome("skipped"))
        kind = verdicts.count(prefix + test, controls[test], trio, table)
        outcomes[test] = (controls[test], trio, kind)
    named_controls = {prefix + test: outcome for test, outcome in controls.items()}
    named_trios = {prefix + test: outcome for test, outcome in trios.items()}
    return Result(
        module,
        Counter(kind for _, _, kind in outcomes.values()),
        outcomes,
        verdicts.faults(named_controls, named_trios, table),
        [prefix + test for test in every],
    )


def modules_here(table: verdicts.Table) -> list[str]:
    """Return the judged modules that this Python has."""
    return [
        module for module in table.judged + table.network + table.beside if _is_here(module)
    ]


def _is_here(module: str) -> bool:
    try:
        return find_spec(full_name(module)) is not None
    except ModuleNotFoundError:  # nor is the package it would be in
        return False


def judge_modules(
    modules: Iterable[str] | None = None, part: str = "", log: Path | None = None, jobs: int = 2
) -> Generator[Result, None, None]:
    """Run the tests of all modules that this Python has, or of these."""
    table = verdicts.read()
    wanted = modules_here(table) if modules is None else list(modules)
    if log is not None:
        log.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda module: judge_module(module, part, table, log), wanted)


def total(results: Iterable[Result], network: bool = False) -> Result:
    """Return the sum of CPython's modules about tasks and the loop, or about the network."""
    table = verdicts.read()
    modules = table.network if network else table.judged
    counts = [result.counts for result in results if result.module in modules]
    return Result("network" if network else "tasks and loop", sum(counts, Counter()))


HEADING = f"{'':<40}" + "".join(f"{count:>16}" for count in verdicts.COUNTS)


def line(result: Result) -> str:
    counts = "".join(f"{result.counts[count]:>16}" for count in verdicts.COUNTS)
    return f"{result.module:<40}{counts}{result.share:>9.1%}"


def details(result: Result) -> Iterator[str]:
    """Yield a line for each test that did not pass on trio."""
    for test, (_, trio, kind) in result.outcomes.items():
        if kind in (verdicts.FAILED, verdicts.NOT_APPLICABLE):
            yield f"{test}: {kind}: {trio.detail.splitlines()[0] if trio.detail else ''}"
