"""The wall clock under virtual time: `time.time()`, `datetime.now()` and the like.

time-machine replaces these functions in the whole process; its time stands still until it is
moved. `WallClock` moves it by differences of whole microseconds, which add up without rounding.
A move to a new destination would set the process's time zone at every jump. The clocks that
count seconds (`_seconds.py`) are replaced along with the wall clock.
"""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from portable._errors import MissingDependencyError

from . import _seconds

if TYPE_CHECKING:
    from ._timeline import Timeline


class _Traveller(Protocol):
    def shift(self, delta: timedelta) -> None: ...


def load_time_machine() -> Any:
    """Return the library that replaces the process's clocks.

    Raises:
        MissingDependencyError: it is not installed.
    """
    try:
        import time_machine
    except ImportError:
        raise MissingDependencyError(
            "VirtualClock needs time-machine to move the wall clock along; install it "
            "with pip install 'portable-tasks[clock]', or leave the wall clock alone "
            "with VirtualClock(start=None)"
        ) from None
    return time_machine


class WallClock:
    """Shows `start` at virtual time 0 and follows a timeline, from `start()` to `stop()`.

    Attributes:
        timeline: the timeline, which sets this attribute itself.
    """

    timeline: Timeline

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._room = datetime.max.replace(tzinfo=UTC) - start.astimezone(UTC)
        self._shown = timedelta()
        self._due = timedelta()
        self._traveller: _Traveller | None = None
        self._stack = ExitStack()

    def start(self) -> None:
        """Take over the process's wall clock.

        Raises:
            MissingDependencyError: time-machine is not installed.
        """
        time_machine = load_time_machine()
        self._traveller = self._stack.enter_context(
            time_machine.travel(self._start, tick=False)
        )
        self._follow()
        _seconds.show(self.timeline)
        self._stack.callback(_seconds.hide, self.timeline)

    def stop(self) -> None:
        """Give the wall clock back."""
        self._traveller = None
        self._stack.close()

    def show(self, seconds: float) -> None:
        """Show the instant that lies `seconds` after the start."""
        try:
            self._due = min(timedelta(seconds=seconds), self._room)
        except OverflowError:  # the calendar ends in the year 9999; virtual time does not
            self._due = self._room
        self._follow()

    def _follow(self) -> None:
        if self._traveller is not None and self._due != self._shown:
            self._traveller.shift(self._due - self._shown)
            self._shown = self._due
