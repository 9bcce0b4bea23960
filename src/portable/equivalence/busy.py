"""The longest computing of a program, during which nothing else could run.

Virtual time stands still while a program computes, so no trace shows it. What is measured is
the processor time of the loop's thread within one instant, which another program on the machine
does not add to, without what a schedule takes to choose. It is coarse all the same, and never
the same twice: a port's is reported only if it takes half a second, and ten times as long as
its original's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from time import thread_time

from .trace import Observation, Trace, rounded

_LONG = 0.5
_TIMES_LONGER = 10


class BusyWatch:
    """Measures the instants of a run.

    Args:
        not_its: returns the seconds of processor time so far that are not the program's.

    Attributes:
        longest: the longest of them, as its virtual time and seconds of processor time.
    """

    def __init__(self, not_its: Callable[[], float] = float) -> None:
        self._not_its = not_its
        self.longest: tuple[float, float] = (0.0, 0.0)
        self._since: tuple[int, float] | None = None

    def begin(self) -> None:
        """Begin to measure: a loop starts, or time has moved."""
        self._since = threading.get_ident(), self._its_own()

    def end(self, now: float) -> None:
        """End an instant.

        Args:
            now: its virtual time.
        """
        if self._since is not None and self._since[0] == threading.get_ident():
            took = self._its_own() - self._since[1]
            if took > self.longest[1]:
                self.longest = rounded(now), took
        self._since = None

    def _its_own(self) -> float:
        return thread_time() - self._not_its()


def with_computing(original: Trace, port: Trace) -> Trace:
    """Return a port's trace, with its longest computing as a thing seen, if that is long."""
    time, took = port.busy
    if took < max(_LONG, _TIMES_LONGER * original.busy[1]):
        return port
    text = f"nothing else could run for about {took:.1g} s of real time, for it computed"
    later = [at for at, seen in enumerate(port.observations) if seen.time > time]
    place = later[0] if later else len(port.observations) - 1  # the outcome is the last
    seen = list(port.observations)
    seen.insert(place, Observation(time, "blocking", text))
    return replace(port, observations=tuple(seen))
