"""A time budget that spends rounds where prices are least sure.

First each case gets the few rounds that a price needs; cases that answer a question come first.
The time that is left goes to the case that gains most by more rounds: it is noisy, has had few
rounds, and a round takes little time. Rounds come in twos, because the order of a program and
its control is swapped from one to the next. The budget ends early when every price is sure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ._measurement import Effort, Pairing
from ._meters import Meter
from ._operations import Case
from ._results import ACROSS, NATIVE, NO_TIME, PORTABLE, Prices, Row, Unmeasured, row_of

#: A price with an uncertainty below this is sure.
SURE = 0.02
#: How many rounds each case gets at first, unless they are very long: three in each order.
FEWEST = 6
#: The weight of a case that answers a question; others have 1.
_WEIGHT = 3.0
#: The part of the time that is spent on questions before anything else is measured.
_QUESTIONS_SHARE = 0.4
_MAIN = (NATIVE, ACROSS, PORTABLE, "anyio")


@dataclass(slots=True)
class _Measured:
    """A case, what was measured of it, and how many seconds a round takes."""

    case: Case
    pairing: Pairing
    seconds: float = 0.0
    row: Row | Unmeasured | None = None


class Budget:
    """Measures cases within a time, and has rows at each moment.

    Args:
        cases: what to measure.
        effort: how many rounds warm a case up, and how many it gets at first.
        seconds: how long all of it may take.
        meter: the clock that prices work by time, unless others do a part of the work.
        tell: called before each case is measured, with the case and the seconds that are left.
        clock: returns seconds; for the time that has passed.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        effort: Effort,
        seconds: float,
        meter: Meter,
        tell: Callable[[Case, float], object] = lambda case, left: None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._cases = cases
        self._effort = effort
        self._seconds = seconds
        self._meter = meter
        self._tell = tell
        self._clock = clock
        self._begin = clock()
        self._measured: dict[Case, _Measured] = {}

    @property
    def left(self) -> float:
        """How many seconds are left."""
        return self._seconds - (self._clock() - self._begin)

    def rows(self) -> tuple[Row | Unmeasured, ...]:
        """Return the rows so far, in the order in which the cases were given."""
        return tuple(self._row(case) for case in self._cases)

    def _row(self, case: Case) -> Row | Unmeasured:
        found = self._measured.get(case)
        if found is None:
            return case.unmeasured(case.obstacle or NO_TIME)
        if found.row is None:
            if not found.pairing.pairs:
                return case.unmeasured(NO_TIME)
            found.row = row_of(found.pairing.pairs, **case.place)
        return found.row

    def spend(self) -> None:
        """Measure until the time is over, or every price is sure."""
        possible = [case for case in self._cases if case.obstacle is None]
        possible.sort(key=self._rank)
        asked = [case for case in possible if self._rank(case) == 0]
        for group, share in ((asked, _QUESTIONS_SHARE), (possible, 1.0)):
            until = self._seconds * (1 - share)
            for case in group:
                if case not in self._measured and self._affordable(case):
                    self._first(case)
            while self.left > until:
                best = self._most_to_gain(group, self.left - until)
                if best is None:
                    break
                self._rounds(best, 2)

    def _rank(self, case: Case) -> int:
        """Return when a case's turn comes, from 0 to 4.

        0: it answers a question. 1: it is the headline of another operation. 2: it shows how
        the price of a question grows. 3: other jobs and sizes. 4: other implementations.
        """
        if case.implementation not in _MAIN:
            return 4
        head = case.operation.headline(self._effort.name)
        if case.workload == head:
            return 0 if case.operation.question else 1
        return 2 if case.operation.question and case.workload.job == head.job else 3

    def _affordable(self, case: Case) -> bool:
        """Whether there is time for a first look, judged by the same case in another size."""
        size = case.workload.size
        alike = [
            found.seconds * size / other.workload.size
            for other, found in self._measured.items()
            if (other.operation, other.workload.job, other.backend, other.implementation)
            == (case.operation, case.workload.job, case.backend, case.implementation)
        ]
        if not alike:
            return self.left > 0
        few = alike[-1] > self._effort.patience
        return self.left > alike[-1] * (2 if few else FEWEST + self._effort.warm_up)

    def _first(self, case: Case) -> None:
        found = self._measured[case] = _Measured(case, case.pairing(self._meter))
        self._tell(case, self.left)
        try:
            rounds = found.pairing.warm_up(self._effort)
            self._rounds(found, rounds if rounds < self._effort.fewest else FEWEST)
        except Exception as error:
            if not case.way.peer:
                raise
            reason = f"{case.implementation} fails on {case.backend}: {error!r}"
            found.row = case.unmeasured(reason, failed=True)

    def _rounds(self, found: _Measured, count: int) -> None:
        self._tell(found.case, self.left)
        found.row = None
        begin = self._clock()
        for _ in range(count):
            found.pairing()
        if count:
            found.seconds = (self._clock() - begin) / count

    def _most_to_gain(self, cases: Sequence[Case], seconds: float) -> _Measured | None:
        rows = {case: self._row(case) for case in cases if case in self._measured}
        prices = Prices(rows.values())
        best, most = None, 0.0
        for case, row in rows.items():
            found = self._measured[case]
            done = len(found.pairing.pairs)
            if isinstance(row, Unmeasured) or done >= self._effort.most:
                continue
            noise = row.uncertainty
            if case.implementation == NATIVE:
                noise = prices.noise(row)
            if noise <= SURE or 2 * found.seconds > seconds:
                continue
            weight = _WEIGHT if self._rank(case) == 0 else 1.0
            gain = weight * noise / (done * max(found.seconds, 1e-6))
            if gain > most:
                best, most = found, gain
        return best
