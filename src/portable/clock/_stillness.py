"""When virtual time may jump: the one decision that is the same on every backend.

A backend asks as soon as none of its tasks is ready. In order:

- A thread works for a task: wait for it, in real time, as long as it takes. If every such
  thread waits for another thread itself, time goes on.
- No timer is set: a deadlock, if nothing can come from outside and someone waits for the
  run to end; otherwise wait, in real time, without end.
- A timer is set, and I/O is awaited or a thread of the program's own runs: jump after
  `threshold` real seconds in which nothing happened.
- A timer is set and nothing else: jump at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import inf

from ._threads import Standstill, ThreadWatch
from ._timeline import Timeline

# Real seconds between two looks at threads, which do not say when they wait; and how long
# they must have stood still before that is called a deadlock, which cannot be taken back.
_LOOK_AGAIN = 0.05
_STANDS_FOR_GOOD = 1.0


class Stillness:
    """Tells how long to wait in real time before virtual time may move.

    Args:
        timeline: has the threshold.
        io: says whether a task awaits real I/O.
        threads: says whether a thread works for a task.
    """

    def __init__(
        self, timeline: Timeline, io: Callable[[], bool], threads: Callable[[], bool]
    ) -> None:
        self._timeline = timeline
        self._io = io
        self._threads = threads
        self._watch = ThreadWatch()
        self._since: float | None = None
        self._standstill: Standstill | None = None
        self._stands_since = 0.0

    def busy(self) -> None:
        """Take note that something happened."""
        self._since = None
        self._standstill = None

    def wait(self, next_timer: float, deadlock_counts: Callable[[], bool]) -> float:
        """Return the real seconds to wait before asking again.

        Args:
            next_timer: when the next timer is due, or infinity.
            deadlock_counts: says whether someone waits for the run to end, and no signal
                or other door is open through which an end could come.

        Returns:
            0.0 means: go on now, to the next timer or, without one, to the deadlock.
        """
        if next_timer == inf and not deadlock_counts():
            return inf
        seconds = self._threads_wait(next_timer) or self._outside_wait(next_timer)
        if seconds == 0.0:
            self.busy()
        return seconds

    def _threads_wait(self, next_timer: float) -> float:
        if not self._threads():
            return 0.0
        pause = max(self._timeline.threshold, _LOOK_AGAIN)
        before, self._standstill = self._standstill, self._watch.standstill()
        now = time.monotonic()
        if self._standstill is None or self._standstill != before:
            self._stands_since = now
            return pause
        enough = _STANDS_FOR_GOOD if next_timer == inf else pause
        return max(0.0, self._stands_since + enough - now)

    def _outside_wait(self, next_timer: float) -> float:
        if next_timer == inf:
            return inf if self._io() else _LOOK_AGAIN if self._watch.foreign() else 0.0
        if not (self._io() or self._watch.foreign()):
            return 0.0
        now = time.monotonic()
        if self._since is None:
            self._since = now
        return max(0.0, self._since + self._timeline.threshold - now)
