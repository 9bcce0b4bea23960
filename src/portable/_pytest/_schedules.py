"""Schedules in tests: one test a seed, and what the run says about those that fail.

A test with the marker `schedules` becomes a parametrisation by seed, so that a failing one
is named by its id. The seed is handed to the virtual clock that the test's loop runs on.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest

from ._use import SCHEDULES_MARKER, SEED_FIXTURE

OPTION = "--schedules"
SEED_OPTION = "--schedule-seed"
_ATTRIBUTE = "portable_schedule_seed"
_SHOWN = 8
_SEED = re.compile(r"-?\bseed-?\d+\b-?")


def seeds_of(count: int | None, first: int | None) -> range:
    """Return the seeds that the options ask for: so many from the first, or that one alone.

    Raises:
        pytest.UsageError: the count is below 1.
    """
    if count is None:
        return range(0) if first is None else range(first, first + 1)
    if count < 1:
        raise pytest.UsageError(f"{OPTION}: must be at least 1, got {count}")
    return range(first or 0, (first or 0) + count)


def repeat(metafunc: pytest.Metafunc, seeds: range) -> None:
    """Collect a marked test once for each seed."""
    if metafunc.definition.get_closest_marker(SCHEDULES_MARKER) is None:
        return
    if SEED_FIXTURE not in metafunc.fixturenames:
        metafunc.fixturenames.append(SEED_FIXTURE)
    ids = [f"seed{seed}" for seed in seeds]
    metafunc.parametrize(SEED_FIXTURE, seeds, indirect=True, ids=ids, scope="function")


def note_seed(report: pytest.TestReport, seed: int | None) -> None:
    """Write the seed into the report of a test, which may go to another process."""
    if seed is not None:
        vars(report)[_ATTRIBUTE] = seed


def summary(
    stats: Mapping[str, Iterable[Any]], config: pytest.Config
) -> Iterator[tuple[str, bool]]:
    """Yield lines that tell which schedules fail and how to repeat one; and if it is bad.

    Args:
        stats: the reports of the run by outcome, as pytest's terminal reporter has them.
        config: what tells how this run was called.
    """
    ran: dict[str, set[int]] = {}
    failing: dict[str, dict[int, str]] = {}
    for outcome, reports in stats.items():
        for report in reports:
            seed = getattr(report, _ATTRIBUTE, None)
            if seed is None or outcome in ("", "skipped"):
                continue
            test = _SEED.sub("", report.nodeid).replace("[]", "")
            ran.setdefault(test, set()).add(seed)
            if outcome in ("failed", "error"):
                failing.setdefault(test, {})[seed] = report.nodeid
    for test, nodes in failing.items():
        seeds = sorted(nodes)
        names = ", ".join(map(str, seeds[:_SHOWN]))
        more = f" and {len(seeds) - _SHOWN} more" if len(seeds) > _SHOWN else ""
        counted = f"{len(seeds)} of {len(ran[test])} schedules failed"
        yield f"{test}: {counted}; seeds: {names}{more}", True
        yield f"  once more: {_again(config, nodes[seeds[0]], seeds[0])}", False
    if not failing:
        tests = "1 test" if len(ran) == 1 else f"{len(ran)} tests"
        runs = sum(map(len, ran.values()))
        yield f"{runs} schedules of {tests}, none failed", not ran


def _again(config: pytest.Config, node: str, seed: int) -> str:
    """Return the command that runs one test under one schedule, with the run's options."""
    kept, skip = [], False
    for word in map(os.fspath, config.invocation_params.args):
        if skip:
            skip = False
        elif word in (OPTION, SEED_OPTION):
            skip = True
        elif not word.startswith((f"{OPTION}=", f"{SEED_OPTION}=")) and word not in config.args:
            kept.append(word)
    where: Any = config.cwd_relative_nodeid
    return shlex.join(["pytest", str(where(node)), f"{SEED_OPTION}={seed}", *kept])
