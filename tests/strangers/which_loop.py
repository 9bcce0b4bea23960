"""A pytest plugin that decides which loop a suite runs on, and notes how its tests ended.

`pytest -p which_loop` with the environment variables `STRANGERS_LOOP` (a backend) and
`STRANGERS_OUTCOMES` (the file to write). It sets asyncio's event loop policy: pytest-asyncio,
`IsolatedAsyncioTestCase`, `asyncio.run()`, `Runner` and `new_event_loop()` all ask that. (With
portable's own plugin loops come to be in runs of trio's; they are only counted here.)
"""

from __future__ import annotations

import asyncio
import gc
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


def count_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Note that a loop was made."""
    loops[f"{type(loop).__module__}.{type(loop).__qualname__}"] += 1


if BACKEND == "trio":
    from portable.asyncio_on_trio import EventLoop

    make_loop = EventLoop.__init__

    def make_and_count(self: EventLoop) -> None:
        make_loop(self)
        count_loop(self)

    EventLoop.__init__ = make_and_count  # type: ignore[method-assign]

with warnings.catch_warnings():
    # Since 3.14 policies are deprecated; they are what all of the above have in common.
    warnings.simplefilter("ignore", DeprecationWarning)

    class Policy(asyncio.DefaultEventLoopPolicy):
        """Makes the loops."""

        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            if BACKEND == "trio":
                return EventLoop()
            if BACKEND == "uvloop":
                import uvloop

                loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
            else:
                loop = super().new_event_loop()
            count_loop(loop)
            return loop

    asyncio.set_event_loop_policy(Policy())


def pytest_collection_finish() -> None:
    """Let the garbage collector leave out what is there now, thousands of tests perhaps.

    aiohttp collects garbage after each of its tests. Where the plugin is judged, the collector
    has as much to do as on a user's machine.
    """
    if BACKEND != "as it is":
        gc.collect()
        gc.freeze()


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
    if report.failed or report.skipped:
        notes = [text for title, text in report.sections if title == "virtual time"]
        details[report.nodeid] = "\n".join([f"{report.when}: {report.longreprtext}", *notes])


def pytest_runtest_logfinish() -> None:
    """Write what was noted; after each test, as a suite may be ended in the midst of one."""
    answer = {"outcomes": outcomes, "details": details, "loops": loops}
    pathlib.Path(os.environ["STRANGERS_OUTCOMES"]).write_text(json.dumps(answer))
