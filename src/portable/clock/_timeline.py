"""The timeline: the virtual time of one run, a single number.

The steering of a backend (`_steering.py`, or trio's clock in `_trio.py`) moves it. Each move
also moves the wall clock, if there is one, and is reported to whoever records the run.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import sleep as _real_sleep

from ._threads import stands_still
from ._wall import WallClock


@dataclass(frozen=True, slots=True)
class CurrentRun:
    """The event loop, or trio run, that is running on a timeline.

    Attributes:
        thread: the thread that it runs in.
        call_at: schedules a call at a virtual time; may be called from any thread.
        release: hands the timers that are due to the loop.
        threads_at_work: says whether other threads of the program are at work.
    """

    thread: int
    call_at: Callable[[float, Callable[[], object]], object]
    release: Callable[[], object]
    threads_at_work: Callable[[], bool]


@dataclass(frozen=True)
class CutOff:
    """A jump of virtual time past something real that was under way.

    Attributes:
        start: the time before the jump, in virtual seconds.
        end: the time after the jump.
        waited: the real seconds of silence before it.
        awaited: names of what was silent: I/O from outside, threads of the program's own.
    """

    start: float
    end: float
    waited: float
    awaited: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"virtual time jumped from {self.start:g} s to {self.end:g} s after "
            f"{self.waited:g} real seconds of silence from {', '.join(self.awaited)}"
        )


class Timeline:
    """Virtual seconds since the run began.

    Attributes:
        now: the time; only `move_to()` changes it.
        threshold: real seconds of silence before a jump while I/O is awaited.
        io_limit: the same for I/O whose other end is outside of the run.
        cutting_off: the next jump, if it goes past something real.
        cut_off: the past jumps that did.
        run: the loop or trio run that is running on it; `None`: none.
        asleep: the threads that wait in `time.sleep()` for the time to move.
        before_move: called with the new time before each move.
        blocked: called with the seconds when the run's own thread has slept.
        alarm: a virtual time, and the call that each run is to make then.
    """

    def __init__(self, wall: WallClock | None, threshold: float, io_limit: float) -> None:
        self._wall = wall
        self._home = threading.get_ident()
        self.threshold = threshold
        self.io_limit = io_limit
        self.now = 0.0
        self.run: CurrentRun | None = None
        self.alarm: tuple[float, Callable[[], object]] | None = None
        self.asleep: set[int] = set()
        self.before_move: Callable[[float], object] | None = None
        self.blocked: Callable[[float], object] | None = None
        if wall is not None:
            wall.timeline = self
        self.cutting_off: CutOff | None = None
        self.cut_off: list[CutOff] = []

    def set_run(self, run: CurrentRun | None) -> None:
        """Set the run that is running on the timeline; set its alarm."""
        self.run = run
        if run is not None and self.alarm is not None:
            run.call_at(*self.alarm)

    def move_to(self, when: float) -> None:
        """Move the time to `when`, which must not be earlier than now."""
        if self.before_move is not None:
            self.before_move(when)
        self.now = when
        if self.cutting_off is not None:
            self.cut_off.append(self.cutting_off)
            self.cutting_off = None
        if self._wall is not None:
            self._wall.show(when)

    def advance(self, seconds: float) -> None:
        """Move the time by hand, from inside the program."""
        self.move_to(self.now + seconds)
        if self.run is not None:
            self.run.release()

    def sleep(self, seconds: float) -> None:
        """Let the calling thread sleep in virtual time.

        In the run's own thread a sleep blocks the loop: the time moves at once, and all timers
        in between are late. But other threads at work get the real time, up to the limit for
        I/O: mostly it sleeps for them. Any other thread waits until the run has moved the time.
        """
        run, thread = self.run, threading.get_ident()
        if thread == (self._home if run is None else run.thread):
            if run is not None:
                self._sleep_for_others(run, seconds)
            self.advance(seconds)
            if run is not None and self.blocked is not None:
                self.blocked(seconds)
        elif run is None:
            _real_sleep(seconds)
        else:
            self._sleep_beside(run, thread, seconds)

    def _sleep_for_others(self, run: CurrentRun, seconds: float) -> None:
        """Sleep in reality while other threads are at work."""
        left = min(seconds, self.io_limit)
        while left > 0 and run.threads_at_work():
            _real_sleep(min(left, _LOOK_FOR_WORK))
            left -= _LOOK_FOR_WORK

    def _sleep_beside(self, run: CurrentRun, thread: int, seconds: float) -> None:
        when = self.now + seconds
        awake = threading.Event()

        def wake() -> None:
            self.asleep.discard(thread)  # it counts as at work again
            awake.set()
            self._let_go_first(thread)

        self.asleep.add(thread)
        try:
            run.call_at(when, wake)
            while not awake.wait(_LOOK_AGAIN):
                if self.run is not run:  # nobody moves the time any more
                    _real_sleep(max(0.0, when - self.now))
                    break
        except RuntimeError:  # the loop was closed
            _real_sleep(seconds)
        finally:
            self.asleep.discard(thread)

    def _let_go_first(self, thread: int) -> None:
        """Wait, for a short time at most, until a thread that was woken waits again or ends.

        Else the thread and the loop would both go on at this instant, in any order.
        """
        here = Timeline._sleep_beside.__code__
        for _ in range(_LOOKS):
            if thread in self.asleep or stands_still(thread, here):
                return
            _real_sleep(_A_LOOK)


# How often, and at intervals of how many real seconds, to look at a thread that was woken.
_LOOKS, _A_LOOK = 50, 0.001

# Real seconds between two looks for threads at work.
_LOOK_FOR_WORK = 0.01

# Real seconds between two checks that the run still moves the time.
_LOOK_AGAIN = 0.05
