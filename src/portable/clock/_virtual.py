"""`VirtualClock`: what a program or a test holds to run under virtual time.

The clock owns the timeline and hands it to one backend's steering, which is imported only
then: neither trio nor uvloop has to be installed to use the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from math import isfinite
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, TypeVarTuple

from portable._backends import require_backend

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

    When every task waits, the time moves to the next deadline at once; a deadline is met
    exactly. Calls in threads are waited for, and real I/O gets `threshold` seconds of
    silence before a jump. Time does not move for a program that never waits, however long
    it yields in a loop. asyncio has no such thing; the nearest is a loop with its own
    `time()`.

    Use it as a context manager around the run, which steers the wall clock, too. The time
    zone is then that of `start`: UTC, unless you say otherwise.

    Args:
        start: what `datetime.now()` and `time.time()` show at virtual time 0, with a time
            zone; `None` leaves the wall clock alone, and time-machine is not needed.
        threshold: real seconds of silence to wait for before a jump, while a task awaits
            I/O or a thread of the program's own runs.
        seed: names the schedule: the order in which tasks that are ready at once take
            their turns. `None`: the backend's own order.

    Raises:
        TypeError: `start` is no datetime, `threshold` no number, or `seed` no integer.
        ValueError: `start` has no time zone, or `threshold` is negative, infinite or NaN.

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
        seed: int | None = None,
    ) -> None:
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise TypeError(
                f"seed: expected an integer, got {seed!r}; as in VirtualClock(seed=7)"
            )
        self._seed = seed
        self._wall = None if start is None else WallClock(_checked_start(start))
        self._timeline = Timeline(self._wall, _checked_threshold(threshold))
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
        self._timeline.move_to(self._timeline.now + seconds)
        if self._loop is not None and self._loop.due_is_ready:
            self._loop.steering.release()

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

    def _new_trio_clock(self) -> VirtualTrioClock:
        from ._trio import VirtualTrioClock

        self._trio = VirtualTrioClock(self._timeline, self._seed)
        return self._trio

    def _new_trio_loop(self) -> asyncio.AbstractEventLoop:
        from portable.asyncio_on_trio import EventLoop

        if self._loop_made:
            raise RuntimeError(_ONE_RUN)
        self._loop_made = True
        assert self._trio is not None
        loop = EventLoop()
        loop.clock = self._trio
        loop.instruments = (self._trio,)
        return loop

    def _new_asyncio(self) -> asyncio.AbstractEventLoop:
        from ._asyncio import ShuffledAsyncioLoop, VirtualAsyncioLoop

        return self._new_loop(VirtualAsyncioLoop, ShuffledAsyncioLoop)

    def _new_uvloop(self) -> asyncio.AbstractEventLoop:
        from ._uvloop import ShuffledUvloop, VirtualUvloop

        return self._new_loop(VirtualUvloop, ShuffledUvloop)

    def _new_loop(
        self,
        plain: Callable[[Timeline], VirtualLoop],
        shuffled: Callable[[Timeline, int], VirtualLoop],
    ) -> VirtualLoop:
        if self._loop is not None:
            raise RuntimeError(_ONE_RUN)
        if self._seed is None:
            self._loop = plain(self._timeline)
        else:
            self._loop = shuffled(self._timeline, self._seed)
        return self._loop

    async def guard(self, main: Callable[[*Args], Awaitable[T]], *args: *Args) -> T:
        """Run `await main(*args)` so that a deadlock ends it.

        If every task waits, with no timer set and no input or thread under way, what main
        started is cancelled and gets to clean up, shielded or not; then the error is
        raised. A run of asyncio's raises it without a guard as well, on every backend; in a
        run of trio's that asyncio did not start nothing else can.

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


def _checked_threshold(threshold: float) -> float:
    _check_seconds("threshold", threshold, "VirtualClock(threshold=0.05)")
    return float(threshold)


def _check_seconds(name: str, seconds: float, right: str) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)):
        raise TypeError(f"{name}: expected a number of seconds, got {seconds!r}; as in {right}")
    if not isfinite(seconds) or seconds < 0:
        raise ValueError(
            f"{name}: must be finite and not negative, got {seconds!r}; as in {right}"
        )
