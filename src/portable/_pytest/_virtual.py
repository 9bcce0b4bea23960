"""Virtual time for tests: options for `anyio_backend` that start a loop on a virtual clock.

A `VirtualClock` serves one run of a loop, and AnyIO decides how many runs there are: one for
each test, one for several tests if an async fixture of higher scope keeps the loop, one for
each example of a Hypothesis test. So the options make a new clock as soon as a run has taken
the last one. The wall clock follows virtual time while a test is set up, runs and is torn
down. Between tests it is real, because pytest measures durations there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from portable.clock import VirtualClock
from portable.clock._taken import Seed

from ._values import NamedOptions, Value, name_of, split

if TYPE_CHECKING:
    import asyncio


class VirtualTime:
    """The virtual time of this process's tests.

    Attributes:
        clock: the clock of the last run, which may be over.
    """

    def __init__(self) -> None:
        self.clock: VirtualClock | None = None
        self._io_limit = 0.0
        self._cut_off = 0
        self._alive: Callable[[], bool] = bool
        self._shown: VirtualClock | None = None
        self._showing = False
        self._values: dict[tuple[str, Seed | None], Value] = {}

    @property
    def running(self) -> VirtualClock | None:
        """The clock of the run that is under way; `None`: there is no such run."""
        return self.clock if self.clock is not None and self._alive() else None

    def begin(self, io_limit: float) -> None:
        """Begin a test.

        Args:
            io_limit: the real seconds of silence that I/O from outside gets in it.
        """
        self._io_limit = io_limit
        clock = self.running
        self._cut_off = 0
        if clock is not None:
            clock.io_limit = io_limit
            self._cut_off = len(clock.cut_off)

    def cut_off(self) -> list[str]:
        """Return the I/O that jumps have cut off since the test began, a sentence for each."""
        return [] if self.clock is None else self.clock.cut_off[self._cut_off :]

    def value(self, real: object, seed: Seed | None = None) -> Value:
        """Return the value of `anyio_backend` for virtual time.

        The same arguments give the same object, so that pytest keeps the fixtures that were
        made with it.

        Args:
            real: the fixture's value for real time.
            seed: the schedule; `None`: the backend's own order.
        """
        parts, name = split(real), name_of(real)
        if parts is None or name is None:
            raise pytest.UsageError(
                f"virtual time: anyio_backend gives {real!r}, which AnyIO cannot run on"
            )
        key = repr(real), seed
        if key not in self._values:
            self._values[key] = (parts[0], _Options(self, name, parts[1], seed))
        if self._showing and self.running is None:
            self._show(VirtualClock())  # the last backend's loop is over
        return self._values[key]

    def started(self, clock: VirtualClock, alive: Callable[[], bool]) -> None:
        """Note that AnyIO has started a run on this clock; `alive` says if it is under way."""
        self.clock, self._alive = clock, alive
        clock.io_limit = self._io_limit
        self._cut_off = 0
        if self._showing:
            self._show(clock)

    @contextmanager
    def steering_the_wall_clock(self) -> Iterator[None]:
        """Let `time.time()`, `datetime.now()` and the like show virtual time in the block.

        Until the loop runs they show the time at which it will begin.
        """
        self._showing = True
        try:
            self._show(self.running or VirtualClock())
            yield
        finally:
            self._showing = False
            self._show(None)

    def _show(self, clock: VirtualClock | None) -> None:
        if clock is self._shown:
            return
        if self._shown is not None:
            _pause_wall(self._shown)
        self._shown = None
        if clock is not None:
            _resume_wall(clock)
            self._shown = clock


class _Options(NamedOptions):
    """Options for AnyIO's runner: those of the project, and a clock for the next run."""

    def __init__(
        self, time: VirtualTime, name: str, options: Mapping[str, Any], seed: Seed | None
    ) -> None:
        super().__init__(name, options)
        self._time = time
        self._seed = seed
        self._own_instruments = list(options.get("instruments", ()))
        if name == "trio":
            self._renew()
        else:
            self["loop_factory"] = self._new_loop

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        clock = VirtualClock(seed=self._seed)
        loop: asyncio.AbstractEventLoop = clock.backend_options(self.backend)["loop_factory"]()
        self._time.started(clock, lambda: not loop.is_closed())
        return loop

    def _renew(self) -> None:
        import trio

        clock = VirtualClock(seed=self._seed)
        virtual_time = self._time
        options = self
        running = False

        class Notice(trio.abc.Instrument):
            def before_run(self) -> None:
                nonlocal running
                running = True
                virtual_time.started(clock, lambda: running)
                options._renew()

            def after_run(self) -> None:
                nonlocal running
                running = False

        self.update(clock.backend_options("trio"))
        self["instruments"] = [*self["instruments"], Notice(), *self._own_instruments]


# Publicly a clock steers the wall clock once, from `__enter__` to `__exit__`. If two tests
# share a loop, its clock has to release the wall clock between them and take it again.
def _resume_wall(clock: VirtualClock) -> None:
    wall = clock._wall
    assert wall is not None
    wall._shown = timedelta()
    wall.start()


def _pause_wall(clock: VirtualClock) -> None:
    assert clock._wall is not None
    clock._wall.stop()


class RunningClock:
    """The value of the fixture `virtual_clock`: the clock of the loop that the test runs on."""

    def __init__(self, time: VirtualTime) -> None:
        self._time = time

    def now(self) -> float:
        """Return the virtual seconds since the loop began; 0.0 until it does.

        If an async fixture of higher scope keeps the loop, the loop is older than the test.
        """
        clock = self._time.running
        return 0.0 if clock is None else clock.now()

    def advance(self, seconds: float) -> None:
        """Jump ahead by hand, as if the code that runs had taken that long.

        Raises:
            RuntimeError: the loop has not begun to run.
        """
        clock = self._time.running
        if clock is None:
            raise RuntimeError(
                "virtual_clock.advance(): the event loop has not begun to run; call it from "
                "an async test or fixture"
            )
        clock.advance(seconds)
