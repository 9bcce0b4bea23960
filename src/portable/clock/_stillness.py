"""The decision when virtual time may jump: the same on every backend.

A backend asks as soon as none of its tasks is ready. The first rule that applies decides:

1. A pool's thread works for a task: wait for it in real time, as long as it takes. If each such
   thread waits for another thread, this rule does not apply. If each stands still, be it in C
   code, time passes as in reality until the timer is due, but for a second at least.
2. No timer is set: this is a deadlock if nothing can come from outside and someone waits for
   the run to end. Otherwise wait in real time, without end.
3. A task awaits a child process or another thread's future, or a thread of the program can call
   into the run, as the main thread can if a portal is open: time passes as in reality until the
   timer is due.
4. A task awaits a signal or I/O from outside of the run: the same, but for at most `io_limit`
   real seconds of silence. The jump that follows is recorded (`CutOff`), for reports.
5. A task awaits other I/O, or another thread of the program runs: jump after `threshold` real
   seconds of silence. For a thread, this is recorded, too.
6. A timer is set and nothing else is awaited: jump at once.

So everything real gets the time that it would have without virtual time, up to the limits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from ._threads import Standstill, ThreadWatch
from ._timeline import CutOff, Timeline

# Real seconds between two looks at the stacks of threads; and how long a stack must not have
# changed before that is called a deadlock, which cannot be taken back.
_LOOK_AGAIN = 0.05
_STANDS_FOR_GOOD = 1.0

# How often, and at which intervals in real seconds, to look for threads at work.
_LOOKS, _A_MOMENT = 5, 0.001

# A run that never waits is called a livelock after as many real seconds as the next timer
# would have taken, but after at least and at most these.
_BUSY_AT_LEAST, _BUSY_AT_MOST = 5.0, 60.0


@dataclass(frozen=True)
class Awaited:
    """What the tasks of a run await, as its backend knows it.

    Attributes:
        threads: returns how many threads of a pool work for a task.
        elsewhere: says whether a task awaits another thread's future.
        children: says whether a task awaits a child process.
        io: says whether any I/O is awaited.
        outside: names the awaited signals and the awaited I/O from outside of the run. Its
            argument says whether threads run that may hold the other end of a connection.
        home: returns the object that a thread needs to call into the run: loop or token.
        portal: says whether a task waits for calls from other threads.
    """

    threads: Callable[[], int]
    elsewhere: Callable[[], bool]
    children: Callable[[], bool]
    io: Callable[[], bool]
    outside: Callable[[bool], list[str]]
    home: Callable[[], object]
    portal: Callable[[], bool]


class Stillness:
    """Decides how long to wait in real time before virtual time may move.

    Args:
        timeline: has the time, the threshold and the limit.
        awaited: what the tasks await.
    """

    def __init__(self, timeline: Timeline, awaited: Awaited) -> None:
        self._timeline = timeline
        self._awaited = awaited
        self._watch = ThreadWatch(timeline.asleep)
        self._since: float | None = None
        self._standstill: Standstill | None = None
        self._stands_since = 0.0
        self._busy_since: float | None = None

    def busy(self) -> None:
        """Note that something happened: the silence begins anew."""
        self._since = None
        self._standstill = None
        self._timeline.cutting_off = None

    def spins(self, next_timer: Callable[[], float]) -> bool:
        """Say whether a run has not waited for so long that it may be a livelock.

        Args:
            next_timer: returns when the next timer is due, or infinity.
        """
        now = time.monotonic()
        if self._busy_since is None:
            self._busy_since = now
        seconds = now - self._busy_since
        if seconds < _BUSY_AT_LEAST:
            return False
        return seconds > min(next_timer() - self._timeline.now, _BUSY_AT_MOST)

    def threads_at_work(self) -> bool:
        """Say whether other threads of the program seem to be at work.

        It looks several times: a thread that has just started, or was just given its work,
        waits for another one for a moment.
        """
        for _ in range(_LOOKS):
            if threading.active_count() == 1:
                return False
            if self._watch.at_work():
                return True
            time.sleep(_A_MOMENT)
        return False

    def waited(self) -> None:
        """Note that the run waits, or stands still between two calls."""
        self._busy_since = None

    def wait(self, next_timer: float, deadlock_counts: Callable[[], bool]) -> float:
        """Return the real seconds to wait before asking again.

        Args:
            next_timer: when the next timer is due, or infinity.
            deadlock_counts: says whether someone waits for the run to end, and neither a
                signal handler nor anything else could end it.

        Returns:
            0.0: go on now, to the next timer or, without one, to the deadlock.
        """
        self.waited()
        if next_timer == inf and not deadlock_counts():
            return inf
        seconds = self._threads_wait(next_timer) or self._outside_wait(next_timer)
        if seconds == 0.0:
            cut_off = self._timeline.cutting_off
            self.busy()
            self._timeline.cutting_off = cut_off
        return seconds

    def _threads_wait(self, next_timer: float) -> float:
        """Return the real seconds to wait for threads that work or may call (rules 1 and 3)."""
        working, home = self._awaited.threads(), self._awaited.home()
        if not working and threading.active_count() == 1:
            return 0.0
        lent = bool(working) and not self._watch.all_asleep(working)
        callers = self._watch.callers(home)
        if self._awaited.portal():
            callers |= self._watch.main()
        elsewhere = self._awaited.elsewhere() and (callers or self._watch.anyone())
        if not (lent or callers or elsewhere):
            return 0.0
        pause = max(self._timeline.threshold, _LOOK_AGAIN)
        before, self._standstill = self._standstill, self._watch.standstill(callers)
        now, delay = time.monotonic(), next_timer - self._timeline.now
        if self._standstill is None or self._standstill != before:
            self._stands_since = now
            return pause if lent else min(pause, self._left(delay))
        stood = now - self._stands_since
        if self._standstill.for_threads:
            enough = _STANDS_FOR_GOOD if next_timer == inf else pause
            return max(0.0, enough - stood)
        if not lent:
            return min(pause, self._left(delay))
        # Look again now and then: it may have begun to move.
        return min(pause, max(0.0, max(delay, _STANDS_FOR_GOOD) - stood))

    def _outside_wait(self, next_timer: float) -> float:
        """Return the real seconds to wait for what comes from elsewhere (rules 2 to 5)."""
        io = self._awaited.io()
        if next_timer == inf:
            return inf if io else _LOOK_AGAIN if self._watch.foreign() else 0.0
        delay = next_timer - self._timeline.now
        if self._awaited.children():
            return self._left(delay)
        outside = self._awaited.outside(io and self._watch.anyone())
        if outside:
            limit = self._timeline.io_limit
            seconds = self._left(max(self._timeline.threshold, min(limit, delay)))
            if seconds == 0.0 and limit < delay:
                self._cut_off(next_timer, limit, outside)
            return seconds
        threads, threshold = self._watch.foreign(), self._timeline.threshold
        if not io and not threads:
            return 0.0
        seconds = self._left(threshold)
        if seconds == 0.0 and threads and threshold < delay:
            self._cut_off(next_timer, threshold, [f"the thread {name!r}" for name in threads])
        return seconds

    def _cut_off(self, next_timer: float, waited: float, silent: Iterable[str]) -> None:
        names = tuple(dict.fromkeys(silent))
        self._timeline.cutting_off = CutOff(self._timeline.now, next_timer, waited, names)

    def _left(self, seconds: float) -> float:
        """Return how many of these real seconds of silence are left."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
        return max(0.0, self._since + seconds - now)
