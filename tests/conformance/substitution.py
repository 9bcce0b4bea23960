"""Puts the loop on trio where CPython's tests expect asyncio's.

The tests make their loops in a handful of ways: `asyncio.run()`, `asyncio.new_event_loop()` and
`IsolatedAsyncioTestCase`, which ask the event loop policy; the classes `asyncio.EventLoop`,
`asyncio.SelectorEventLoop` and `asyncio.BaseEventLoop`; and `test.test_asyncio.utils.TestLoop`,
a loop with a time of its own. Each of these is given our loop. Nothing else is touched: tasks,
futures and everything built on them are asyncio's.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable, Generator
from contextvars import Context
from typing import Any

import trio
from test.test_asyncio import utils  # type: ignore[import-not-found]

from portable.asyncio_on_trio import EventLoop

#: How many loops of ours were made, to tell a test that ran on one from a test that did not.
made = 0


class Loop(EventLoop):
    """Our loop, counted, and with the two private names by which the tests run it step by step.

    `_run_once()` runs one iteration; `_ready` is whether there is anything to run.
    """

    def __init__(self, selector: object = None) -> None:
        global made
        made += 1
        super().__init__()

    def _run_once(self) -> None:
        self.call_soon(self.stop)
        self.run_forever()

    @property
    def _ready(self) -> Any:
        return self.queue

    @_ready.setter
    def _ready(self, ready: object) -> None:
        """asyncio's base class makes its own, which nobody uses."""

    def _collect_events(self) -> None:
        # What asyncio puts into `_ready` for a ready socket is in the queue at once.
        self._process_events(self._sockets.select(0))  # type: ignore[attr-defined]


class ManualClock(trio.abc.Clock):
    """trio's clock for a loop that decides by itself what time it is."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time

    def start_clock(self) -> None:
        """It stands until somebody moves it."""

    def current_time(self) -> float:
        return self._time()

    def deadline_to_sleep_time(self, deadline: float) -> float:
        # Nothing but a thread can move the time of an idle loop: look again soon.
        return 0.0 if deadline <= self._time() else 0.01


def _keep_time() -> Generator[Any, Any, None]:
    yield


class TestLoop(Loop):
    """Stands for the tests' own loop, whose time a generator moves.

    The generator is sent the time of each new timer after the iteration that set it, and
    answers with the seconds to move on by.
    """

    __test__ = False

    def __init__(self, gen: Callable[[], Generator[Any, Any, None]] | None = None):
        self._generator: Generator[Any, Any, None] = (gen or _keep_time)()
        next(self._generator)
        self._has_generator = gen is not None
        self._time = 0.0
        self._whens: list[float] = []
        super().__init__()
        self.clock = ManualClock(self.time)

    def time(self) -> float:
        return self._time

    def advance_time(self, advance: float | None) -> None:
        if advance:
            self._time += advance

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        self._whens.append(when)
        return super().call_at(when, callback, *args, context=context)

    def _collect_timers(self) -> None:
        # The loop has no public place between two iterations.
        self._move_on()
        super()._collect_timers()

    def run_forever(self) -> None:
        super().run_forever()
        self._move_on()

    def _move_on(self) -> None:
        whens, self._whens = self._whens, []
        for when in whens:
            self.advance_time(self._generator.send(when))

    def close(self) -> None:
        super().close()
        if self._has_generator:
            self._has_generator = False
            try:
                self._generator.send(0)
            except StopIteration:
                pass
            else:
                raise AssertionError("Time generator is not finished")


def substitute() -> None:
    """Let everything that makes a loop make ours, in this process, from now on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        policy: Any = asyncio.get_event_loop_policy()
    # set_event_loop_policy() would not do: the tests reset it to the default.
    type(policy)._loop_factory = Loop
    for name in ("EventLoop", "SelectorEventLoop", "BaseEventLoop"):
        if hasattr(asyncio, name):
            setattr(asyncio, name, Loop)
    asyncio.base_events.BaseEventLoop = Loop  # type: ignore[misc]
    utils.TestLoop = TestLoop
