"""A clock for pytest-benchmark that shows what was measured inside the loop.

pytest-benchmark reads its timer before and after a round and takes the difference for the
round's time. This timer stands still while a round runs; the round then advances it by the
seconds it measured itself. So the table, the statistics, the JSON and the comparisons of
pytest-benchmark are all about the time inside the loop.
"""

from __future__ import annotations

_TICK = 1e-9

_now = 0.0
_advanced = False


def in_loop_seconds() -> float:
    """Return the sum of all seconds that rounds have measured so far.

    Each reading with no round since the one before is a nanosecond later: pytest-benchmark
    asks for the smallest step of its timer, and would ask for ever if there were none.
    """
    global _now, _advanced
    if not _advanced:
        _now += _TICK
    _advanced = False
    return _now


def advance(seconds: float) -> None:
    """Let the timer go on by what a round has measured, in seconds."""
    global _now, _advanced
    _now += seconds
    _advanced = True
