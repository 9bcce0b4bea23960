"""Shrinking the schedule of a failing test: what is the least of it that makes the test fail?

The test is run again and again under smaller schedules, with its fixtures. pytest gets no
reports of those runs; the result is a sentence in the report of the first failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

# Plugins that repeat tests use this function; pytest has no public name for it.
from _pytest.runner import runtestprotocol

from portable.clock._taken import Taken

from ._items import SEED_FIXTURE
from ._schedules import SHRUNK
from ._virtual import VirtualTime

_RUNS = 60


class Shrinker:
    """Runs the variants of tests under schedules; shrinks the first failure of each test.

    Args:
        time: the virtual time of this process's tests.
    """

    def __init__(self, time: VirtualTime) -> None:
        self._time = time
        self._shrunk: set[str] = set()

    def run(self, item: pytest.Item, nextitem: pytest.Item | None, test: str) -> None:
        """Run a variant of a test as pytest does; if it fails, shrink its schedule.

        Args:
            item: the variant.
            nextitem: the item after it.
            test: the node id without the seed, the same for all variants of a test.
        """
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        reports = self._reports(item, nextitem)
        failed = _failed(reports)
        taken = self._taken()
        new = test not in self._shrunk and not item.config.getoption("usepdb", False)
        if failed is not None and taken is not None and new:
            self._shrunk.add(test)
            self._shrink(item, nextitem, failed, taken)
        for report in reports:
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _reports(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Sequence[pytest.TestReport]:
        self._time.clock = None
        return runtestprotocol(item, log=False, nextitem=nextitem)

    def _taken(self) -> Taken | None:
        clock = self._time.clock
        return None if clock is None else clock.taken()

    def _shrink(
        self,
        item: Any,
        nextitem: pytest.Item | None,
        failed: pytest.TestReport,
        taken: Taken,
    ) -> None:
        from portable.equivalence.shrinking import in_words, shrink

        params = item.callspec.params
        seed = params[SEED_FIXTURE]

        def attempt(candidates: Sequence[str]) -> list[Taken | None]:
            return [did(candidate) for candidate in candidates]

        def did(candidate: str) -> Taken | None:
            params[SEED_FIXTURE] = candidate
            again = _failed(self._reports(item, nextitem))
            same = again is not None and _error(again) == _error(failed)
            return self._taken() if same else None

        try:
            found = shrink(taken, attempt, runs=_RUNS)
        finally:
            params[SEED_FIXTURE] = seed
        if found is not None:
            words = found.headline, in_words(found.taken), found.taken.replay
            vars(failed)[SHRUNK] = words


def _failed(reports: Sequence[pytest.TestReport]) -> pytest.TestReport | None:
    return next((report for report in reports if report.failed), None)


def _error(report: pytest.TestReport) -> str:
    """Return the type of the error that a test failed with, as pytest prints it."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(getattr(crash, "message", "")).partition(":")[0].partition("\n")[0]
