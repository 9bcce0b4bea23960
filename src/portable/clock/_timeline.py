"""The virtual time of one run: one number, moved by whoever steers the run.

A backend's steering (a loop, or trio's clock) asks it for the time and moves it; the wall
clock, where there is one, is told of each move and shows the same instant.
"""

from __future__ import annotations

from ._wall import WallClock


class Timeline:
    """Virtual seconds since the run began.

    Attributes:
        now: the time; only `move_to` changes it.
        threshold: real seconds of silence to wait for, with real I/O under way, before
            the time may jump.
    """

    __slots__ = ("_wall", "now", "threshold")

    def __init__(self, wall: WallClock | None, threshold: float) -> None:
        self._wall = wall
        self.threshold = threshold
        self.now = 0.0

    def move_to(self, when: float) -> None:
        """Make it `when`, which is never earlier than now."""
        self.now = when
        if self._wall is not None:
            self._wall.show(when)
