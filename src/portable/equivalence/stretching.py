"""What an original shows when its sleeps take longer: in another order, at other times.

Under a stretch only the order counts in which things come that came at different times, as
times themselves are other ones. The original may rely on no such order either. So it is run
under the same stretched schedules, and what it shows in any of them is right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from .comparison import Comparison, Verdict
from .reading import Reading, in_any_time
from .trace import Observation, Trace, contents


def for_stretched(reading: Reading) -> Reading:
    """Return a reading for runs whose sleeps are stretched."""
    return replace(in_any_time(reading), in_turn=True)


class StretchedOriginal:
    """The traces of an original whose sleeps take longer.

    Args:
        plain: the trace in which they do not.
        reading: what counts.
        runs: runs the original under stretched schedules, and returns the traces.
    """

    def __init__(
        self, plain: Trace, reading: Reading, runs: Callable[[], Sequence[Trace]]
    ) -> None:
        self._plain = plain
        self._reading = for_stretched(reading)
        self._runs = runs
        self._shown: list[Counter[Observation]] | None = None

    def judged(self, found: Comparison) -> Comparison:
        """Return a comparison with the verdict that counts what the original shows, too."""
        if found.verdict is not Verdict.DIFFERENT:
            return found
        if self._shown is None:
            self._shown = [
                Counter(self._reading.compare(self._plain, trace).port.observations)
                for trace in self._runs()
            ]
        if Counter(found.port.observations) in self._shown:
            return replace(found, verdict=Verdict.REORDERED, reasons=())
        mine, theirs = found.port.observations, found.original.observations
        if contents(mine) == contents(theirs):  # the times are not what is wrong
            return replace(
                found,
                reasons=("the original never comes to this order under the same stretch",),
            )
        return found
