"""Schedules in tests: one variant of a test for each seed, and a summary of those that fail.

A test with the marker `schedules` is parametrised by seed, so the id of a failing variant
names its schedule. The seed goes to the virtual clock of the test's event loop.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from portable._command_line import without_options
from portable.clock._taken import Seed, parse_seed, schedules

from ._items import SCHEDULES_MARKER, SEED_FIXTURE

OPTION = "--schedules"
SEED_OPTION = "--schedule-seed"
STRETCH_OPTION = "--schedule-stretch"
_OPTIONS = (OPTION, SEED_OPTION, STRETCH_OPTION)
_ATTRIBUTE = "portable_schedule_seed"
SHRUNK = "portable_schedule_shrunk"
"""The attribute of a report for the shrunk schedule: headline, sentence, replay string."""
_SHOWN = 8
_REPLAY = "replay"
_SEED = re.compile(rf"-?\b(?:seed(?:walk-)?-?\d+(?:~[\d.]+(?:e-?\d+)?)?|{_REPLAY})(?![\w.~])-?")


def seeds_of(count: int | None, first: str | None, stretch: float) -> tuple[Seed, ...]:
    """Return the seeds that the options ask for: `count` from the first on, or the first alone.

    Raises:
        pytest.UsageError: the count is below 1, or a seed names no schedule.
    """
    if count is not None and count < 1:
        raise pytest.UsageError(f"{OPTION}: must be at least 1, got {count}")
    try:
        return schedules(count, first, stretch)
    except ValueError as error:
        raise pytest.UsageError(f"--schedule-{error}") from None


def test_of(nodeid: str) -> str:
    """Return the node id without the seed: the same for all variants of a test."""
    return _SEED.sub("", nodeid).replace("[]", "")


def repeat(metafunc: pytest.Metafunc, seeds: Sequence[Seed]) -> None:
    """Collect a marked test once for each seed."""
    if metafunc.definition.get_closest_marker(SCHEDULES_MARKER) is None:
        return
    if SEED_FIXTURE not in metafunc.fixturenames:
        metafunc.fixturenames.append(SEED_FIXTURE)
    ids = [_id_of(seed) if parse_seed(seed)[0] is not None else _REPLAY for seed in seeds]
    metafunc.parametrize(SEED_FIXTURE, seeds, indirect=True, ids=ids, scope="function")


def _id_of(seed: Seed) -> str:
    return f"seed{seed}".replace(" ", "-")  # of `walk 17`


def note_seed(report: pytest.TestReport, seed: Seed) -> None:
    """Write the seed into a test's report, which may be sent to another process."""
    vars(report)[_ATTRIBUTE] = seed


def summary(
    stats: Mapping[str, Iterable[Any]], config: pytest.Config
) -> Iterator[tuple[str, bool]]:
    """Yield the lines of the summary, each with whether it is shown in red.

    They name the schedules that fail, and the command that repeats one.

    Args:
        stats: the reports of the run by outcome, as in pytest's terminal reporter.
        config: has the command line of this run.
    """
    ran: dict[str, set[Seed]] = {}
    failing: dict[str, dict[Seed, str]] = {}
    shrunk: dict[str, tuple[str, str, str]] = {}
    for outcome, reports in stats.items():
        for report in reports:
            seed = getattr(report, _ATTRIBUTE, None)
            if seed is None or outcome in ("", "skipped"):
                continue
            test = test_of(report.nodeid)
            ran.setdefault(test, set()).add(seed)
            if outcome in ("failed", "error"):
                failing.setdefault(test, {})[seed] = report.nodeid
                if hasattr(report, SHRUNK):
                    shrunk[test] = getattr(report, SHRUNK)
    for test, nodes in failing.items():
        seeds = sorted(nodes, key=lambda seed: (parse_seed(seed)[0] or 0, str(seed)))
        names = ", ".join(map(str, seeds[:_SHOWN]))
        more = f" and {len(seeds) - _SHOWN} more" if len(seeds) > _SHOWN else ""
        counted = f"{len(seeds)} of {len(ran[test])} schedules failed"
        yield f"{test}: {counted}; seeds: {names}{more}", True
        yield f"  once more: {_again(config, nodes[seeds[0]], seeds[0])}", False
        if test in shrunk:
            headline, words, replay = shrunk[test]
            node = re.sub(
                rf"\b{re.escape(_id_of(seeds[0]))}(?![\w.~])", _REPLAY, nodes[seeds[0]]
            )
            yield f"  {headline}:", False
            yield f"    {words}", False
            yield f"  this alone: {_again(config, node, replay)}", False
    if not ran:
        yield "no test ran: mark those that are meant with @pytest.mark.schedules", True
    elif not failing:
        tests = "1 test" if len(ran) == 1 else f"{len(ran)} tests"
        runs = sum(map(len, ran.values()))
        yield f"{runs} schedules of {tests}, none failed", False


def _again(config: pytest.Config, node: str, seed: Seed) -> str:
    """Return the command that runs one test under one schedule, with the run's options."""
    words = map(os.fspath, config.invocation_params.args)
    kept = [word for word in without_options(words, _OPTIONS) if word not in config.args]
    where: Any = config.cwd_relative_nodeid
    return shlex.join(["pytest", str(where(node)), f"{SEED_OPTION}={seed}", *kept])
