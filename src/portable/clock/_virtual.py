"""`VirtualClock`: the public object by which a program or a test runs under virtual time.

The clock owns the timeline and hands it to the steering of one backend. It imports that only
then, so a user of trio does not need uvloop, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from copy import copy
from datetime import UTC, datetime
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, TypeVarTuple

from portable._backends import require_backend

from ._schedule import Schedule
from ._taken import Seed, Taken
from ._timeline import Timeline
from ._wall import WallClock

if TYPE_CHECKING:
    import asyncio

    from ._loop import VirtualLoop
    from ._trio import VirtualTrioClock

T = TypeVar("T")
Args = TypeVarTuple("Args")

_ONE_RUN = "a VirtualClock serves one run; make a new one: VirtualClock()"


class VirtualClock:
    """Virtual time for one run: it stands still while tasks work, and jumps while all wait.

    When every task waits, the time moves to the next deadline at once, and exactly to it. Calls
    in threads are waited for, and real I/O gets `threshold` seconds of silence before a jump.
    The time does not move while a program never waits, however often it yields. asyncio has no
    such thing; a loop with its own `time()` comes nearest.

    As a context manager around the run it also moves the wall clock. The time zone is then that
    of `start`: UTC, unless you say otherwise.

    Args:
        start: what `datetime.now()` and `time.time()` show at virtual time 0, with a time
            zone; `None` leaves the wall clock alone, and time-machine is not needed.
        threshold: real seconds of silence to wait for before a jump, while a task awaits
            I/O or a thread of the program's own runs.
        io_limit: the same for I/O whose other end is outside of the run, such as a server, and
            for signals. A timer that is due sooner takes as long as in reality.
        seed: the name of a schedule, the order in which ready tasks take their turns. Even
            numbers shuffle the tasks, odd ones give them priorities that change now and then.
            `"17~0.002"` is seed 17 with sleeps that take up to 2 ms longer. A replay string
            from a report repeats one order. `None`: the backend's own order.

    Raises:
        TypeError: `start` is no datetime, `threshold` no number, or `seed` neither an
            integer nor a string.
        ValueError: `start` has no time zone, `threshold` is negative, infinite or NaN, or
            `seed` names no schedule.

    Example:
        >>> import anyio
        >>> from portable.clock import VirtualClock
        >>> async def main():
        ...     await anyio.sleep(3600)
        ...     return anyio.current_time()
        >>> clock = VirtualClock(start=None)
        >>> with clock:
        ...     anyio.run(main, backend_options=clock.backend_options("asyncio"))
        3600.0
    """

    def __init__(
        self,
        *,
        start: datetime | None = datetime(2000, 1, 1, tzinfo=UTC),
        threshold: float = 0.05,
        io_limit: float = 5.0,
        seed: Seed | Schedule | None = None,
    ) -> None:
        if seed is not None and not isinstance(seed, Schedule):
            seed = Schedule(seed)
        self._schedule = seed
        self._wall = None if start is None else WallClock(_checked_start(start))
        self._timeline = Timeline(
            self._wall, _checked("threshold", threshold), _checked("io_limit", io_limit)
        )
        if self._schedule is not None:
            self._schedule.now = self.now
        self._loop: VirtualLoop | None = None
        self._trio: VirtualTrioClock | None = None
        self._claimed = False
        self._loop_made = False
        self._entered = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.now()!r} s>"

    def now(self) -> float:
        """Return the virtual seconds since the run began; 0.0 at first.

        Example:
            >>> from portable.clock import VirtualClock
            >>> VirtualClock().now()
            0.0
        """
        return self._timeline.now

    def is_running(self) -> bool:
        """Say whether the clock steers the run in which this is called.

        Example:
            >>> from portable.clock import VirtualClock
            >>> VirtualClock().is_running()
            False
        """
        if self._trio is not None and self._trio.inside():
            return True
        return self._loop is not None and self._loop.is_running()

    def advance(self, seconds: float) -> None:
        """Jump ahead by hand, from inside the program, as if its code had taken that long.

        Deadlines that are passed by this are met late, at the new time, as they would be
        behind code that blocks.

        Args:
            seconds: how far; not negative.

        Raises:
            TypeError: `seconds` is not a number.
            ValueError: `seconds` is negative, infinite or NaN.

        Example:
            >>> from portable.clock import VirtualClock
            >>> clock = VirtualClock()
            >>> clock.advance(2.5)
            >>> clock.now()
            2.5
        """
        _check_seconds("seconds", seconds, "clock.advance(1.5)")
        self._timeline.advance(seconds)

    def another_run(self) -> VirtualClock:
        """Return a clock for one more run, which begins at this clock's time.

        It is for a program that starts several loops, one after the other. This clock moves the
        wall clock for all of them.

        Example:
            >>> from portable.clock import VirtualClock
            >>> clock = VirtualClock(start=None)
            >>> clock.advance(2.5)
            >>> clock.another_run().now()
            2.5
        """
        other = copy(self)
        other._loop = other._trio = None
        other._claimed = other._loop_made = False
        other._entered = True
        return other

    def listen(
        self,
        *,
        before_move: Callable[[float], object] | None = None,
        blocked: Callable[[float], object] | None = None,
        alarm: tuple[float, Callable[[], object]] | None = None,
    ) -> None:
        """Set callbacks for the moves of the time, for whoever records the run.

        Args:
            before_move: called with the new time before each move.
            blocked: called with the seconds for which the loop's own thread has slept.
            alarm: a virtual time, and what is called then if a loop runs.

        Example:
            >>> from portable.clock import VirtualClock
            >>> clock = VirtualClock(start=None)
            >>> clock.listen(before_move=print)
            >>> clock.advance(2.5)
            2.5
        """
        self._timeline.before_move, self._timeline.blocked = before_move, blocked
        self._timeline.alarm = alarm

    def taken(self) -> Taken | None:
        """Return what its schedule has done; `None`: it has none.

        Example:
            >>> from portable.clock import VirtualClock
            >>> VirtualClock(seed=7).taken().replay
            'usual'
        """
        return None if self._schedule is None else self._schedule.taken()

    def backend_options(self, backend: str) -> dict[str, Any]:
        """Return what runs a backend under this clock: AnyIO's `backend_options`.

        Args:
            backend: `asyncio`, `uvloop` or `trio`.

        Returns:
            `{"loop_factory": …}` for asyncio and uvloop, which `asyncio.Runner` takes as
            well; `{"clock": …, "instruments": […]}` for trio, which `trio.run` takes.

        Raises:
            UnknownBackendError: there is no backend of that name.
            BackendNotInstalledError: its package is missing.
            RuntimeError: the clock was handed out before.

        Example:
            >>> import asyncio
            >>> from portable.clock import VirtualClock
            >>> async def main():
            ...     await asyncio.sleep(3600)
            ...     return asyncio.get_running_loop().time()
            >>> options = VirtualClock(start=None).backend_options("asyncio")
            >>> with asyncio.Runner(**options) as runner:
            ...     runner.run(main())
            3600.0
        """
        name = require_backend(backend).name
        if self._claimed:
            raise RuntimeError(_ONE_RUN)
        self._claimed = True
        if name == "trio":
            trio_clock = self._new_trio_clock()
            return {"clock": trio_clock, "instruments": [trio_clock]}
        return {"loop_factory": self._new_uvloop if name == "uvloop" else self._new_asyncio}

    def loop_factory(self, backend: str) -> Callable[[], asyncio.AbstractEventLoop]:
        """Return what makes an event loop of asyncio's under this clock, on any backend.

        On asyncio and uvloop it is the one in `backend_options()`. On trio it makes a loop
        as `portable.trio_loop` does, of which trio is a guest.

        Args:
            backend: `asyncio`, `uvloop` or `trio`.

        Raises:
            UnknownBackendError: there is no backend of that name.
            BackendNotInstalledError: its package is missing.
            RuntimeError: the clock was handed out before.

        Example:
            >>> import asyncio
            >>> from portable.clock import VirtualClock
            >>> async def main():
            ...     await asyncio.sleep(3600)
            ...     return asyncio.get_running_loop().time()
            >>> factory = VirtualClock(start=None).loop_factory("trio")
            >>> with asyncio.Runner(loop_factory=factory) as runner:
            ...     runner.run(main())
            3600.0
        """
        options = self.backend_options(backend)
        if self._trio is None:
            return options["loop_factory"]  # type: ignore[no-any-return]
        return self._new_trio_loop

    @property
    def io_limit(self) -> float:
        """The real seconds that I/O from outside is given; may be set while the run goes on.

        Example:
            >>> from portable.clock import VirtualClock
            >>> VirtualClock(io_limit=30).io_limit
            30.0
        """
        return self._timeline.io_limit

    @io_limit.setter
    def io_limit(self, seconds: float) -> None:
        self._timeline.io_limit = _checked("io_limit", seconds)

    @property
    def cut_off(self) -> list[str]:
        """The jumps that went past real work, in sentences.

        That is I/O from outside after `io_limit` seconds of silence, and threads of the
        program's own after `threshold` seconds.

        Example:
            >>> from portable.clock import VirtualClock
            >>> VirtualClock().cut_off
            []
        """
        return [str(jump) for jump in self._timeline.cut_off]

    def _new_trio_clock(self) -> VirtualTrioClock:
        from ._trio import VirtualTrioClock

        self._trio = VirtualTrioClock(self._timeline, self._schedule)
        return self._trio

    def _new_trio_loop(self) -> asyncio.AbstractEventLoop:
        from portable.asyncio_on_trio import EventLoop

        if self._loop_made:
            raise RuntimeError(_ONE_RUN)
        self._loop_made = True
        assert self._trio is not None
        loop = EventLoop()
        loop.use_clock(self._trio)
        loop.instruments = (self._trio,)
        return loop

    def _new_asyncio(self) -> asyncio.AbstractEventLoop:
        from ._asyncio import ScheduledAsyncioLoop, VirtualAsyncioLoop

        return self._new_loop(VirtualAsyncioLoop, ScheduledAsyncioLoop)

    def _new_uvloop(self) -> asyncio.AbstractEventLoop:
        from ._uvloop import ScheduledUvloop, VirtualUvloop

        return self._new_loop(VirtualUvloop, ScheduledUvloop)

    def _new_loop(
        self,
        plain: Callable[[Timeline], VirtualLoop],
        scheduled: Callable[[Timeline, Schedule], VirtualLoop],
    ) -> VirtualLoop:
        if self._loop is not None:
            raise RuntimeError(_ONE_RUN)
        if self._schedule is None:
            self._loop = plain(self._timeline)
        else:
            self._loop = scheduled(self._timeline, self._schedule)
        return self._loop

    async def guard(self, main: Callable[[*Args], Awaitable[T]], *args: *Args) -> T:
        """Run `await main(*args)` so that a deadlock ends it.

        In a deadlock every task waits, no timer is set, and no input or thread is under way.
        Then everything that main has started is cancelled, shielded or not, and may clean up;
        after that the error is raised. A program on asyncio's loop gets the error without a
        guard, too, on every backend. A trio run without asyncio's loop gets it only by a guard.

        Args:
            main: an async function.
            args: what to call it with.

        Returns:
            What `main` returns.

        Raises:
            DeadlockError: every task waited; `.tasks` names them, and a note for each says
                where. If the clean-up failed with an error, that is its cause.
            RuntimeError: the clock does not steer the run this was called in.

        Example:
            >>> import anyio
            >>> from portable.clock import VirtualClock
            >>> async def forgetful():
            ...     await anyio.Event().wait()
            >>> clock = VirtualClock(start=None)
            >>> options = clock.backend_options("asyncio")
            >>> try:
            ...     anyio.run(clock.guard, forgetful, backend_options=options)
            ... except RuntimeError as error:
            ...     print(type(error).__name__)
            DeadlockError
        """
        __tracebackhide__ = True
        if self._trio is not None and self._trio.inside():
            return await self._trio.guard(main, args)
        if self._loop is not None and self._loop.is_running():
            return await self._loop.steering.guard(main, args)
        raise RuntimeError(
            "guard() must run inside the run that its clock steers: "
            "anyio.run(clock.guard, main, backend_options=clock.backend_options('asyncio'))"
        )

    def __enter__(self) -> Self:
        if self._entered:
            raise RuntimeError(_ONE_RUN)
        if self._wall is not None:
            self._wall.start()
        self._entered = True
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._wall is not None:
            self._wall.stop()


def _checked_start(start: datetime) -> datetime:
    right = "VirtualClock(start=datetime(2000, 1, 1, tzinfo=UTC)), or start=None"
    if not isinstance(start, datetime):
        raise TypeError(f"start: expected a datetime, got {start!r}; write {right}")
    if start.utcoffset() is None:
        raise ValueError(f"start: {start!r} has no time zone; write {right}")
    return start


def _checked(name: str, seconds: float) -> float:
    _check_seconds(name, seconds, f"VirtualClock({name}=0.05)")
    return float(seconds)


def _check_seconds(name: str, seconds: float, right: str) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name}: expected a number of seconds, got {seconds!r}; as in {right}")
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(
            f"{name}: must be finite and not negative, got {seconds!r}; as in {right}"
        )
