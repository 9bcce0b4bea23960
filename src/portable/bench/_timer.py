"""A timer for pytest-benchmark that shows the seconds measured inside the loop.

pytest-benchmark reads its timer before and after a round; the difference is the round's time.
This timer stands still while a round runs, and the round then advances it by the seconds that
it has measured itself. So all tables, statistics and comparisons of pytest-benchmark are about
the time inside the loop.
"""

from __future__ import annotations

_TICK = 1e-9

_now = 0.0
_advanced = False


def in_loop_seconds() -> float:
    """Return the sum of the seconds that all rounds have measured.

    A second reading without a round in between is a nanosecond later. pytest-benchmark looks
    for the smallest step of its timer, and would never find one otherwise.
    """
    global _now, _advanced
    if not _advanced:
        _now += _TICK
    _advanced = False
    return _now


def advance(seconds: float) -> None:
    """Advance the timer by the seconds that a round has measured."""
    global _now, _advanced
    _now += seconds
    _advanced = True
