"""A pytest plugin that decides which loop a suite runs on, and notes how its tests ended.

`pytest -p which_loop` with the environment variables `STRANGERS_LOOP` (`asyncio` or `trio`) and
`STRANGERS_OUTCOMES` (the file to write). It sets asyncio's event loop policy: pytest-asyncio,
`IsolatedAsyncioTestCase`, `asyncio.run()`, `Runner` and `new_event_loop()` all ask that.
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import warnings
from collections import Counter

import pytest

BACKEND = os.environ["STRANGERS_LOOP"]

outcomes: dict[str, str] = {}
details: dict[str, str] = {}
loops: Counter[str] = Counter()

with warnings.catch_warnings():
    # Since 3.14 policies are deprecated; they are what all of the above have in common.
    warnings.simplefilter("ignore", DeprecationWarning)

    class Policy(asyncio.DefaultEventLoopPolicy):
        """Makes the loops, and counts them."""

        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            if BACKEND == "trio":
                from portable.asyncio_on_trio import EventLoop

                loop: asyncio.AbstractEventLoop = EventLoop()
            else:
                loop = super().new_event_loop()
            loops[f"{type(loop).__module__}.{type(loop).__qualname__}"] += 1
            return loop

    asyncio.set_event_loop_policy(Policy())


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the worst outcome of a test's three phases."""
    if report.failed:
        outcome = "failed"
    elif report.skipped:
        outcome = "skipped"  # an expected failure, too
    elif report.when == "call":
        outcome = "passed"
    else:
        return
    if outcomes.get(report.nodeid) != "failed":
        outcomes[report.nodeid] = outcome
    if report.failed:
        details[report.nodeid] = f"{report.when}: {report.longreprtext}"


def pytest_runtest_logfinish() -> None:
    """Write what was noted; after each test, as a suite may be ended in the midst of one."""
    answer = {"outcomes": outcomes, "details": details, "loops": loops}
    pathlib.Path(os.environ["STRANGERS_OUTCOMES"]).write_text(json.dumps(answer))
