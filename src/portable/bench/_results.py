"""What a benchmark says: a ratio with its quartiles, and the row that it stands in.

A row survives the way through pytest-benchmark's JSON (`as_dict` and `from_dict`), so that
whatever is shown at the end of a run can be shown again from its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from typing import Any

from ._measure import Pair

NATIVE = "native"
PORTABLE = "portable"
#: The native way once more, priced against itself: what it strays from 1 is noise.
NATIVE_AGAIN = "native again"
#: How far that may stray before the other ratios beside it are not to be quoted.
NOISE_LIMIT = 0.05


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as much as its control something took, over many rounds.

    Attributes:
        median: the middle of the rounds' ratios.
        lower: the first quartile.
        upper: the third quartile.
    """

    median: float
    lower: float
    upper: float

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> Ratio:
        """Return the ratio that these rounds say, each weighing the same."""
        if not pairs:
            raise ValueError("pairs: a ratio needs at least one measured round")
        ratios = [pair.ratio for pair in pairs]
        if len(ratios) == 1:
            return cls(*ratios * 3)
        lower, middle, upper = quantiles(ratios, n=4, method="inclusive")
        return cls(middle, lower, upper)


@dataclass(frozen=True, slots=True)
class Row:
    """One implementation's price for one operation on one backend.

    Attributes:
        operation: the operation's name, as `spawn`.
        job: the kind of job, as `noop`.
        size: how many jobs a sample ran.
        backend: `asyncio`, `uvloop` or `trio`.
        implementation: who did it: `native`, `anyio`, `portable`, or a peer.
        ratio: how many times as much as the native way it took.
        amount: the median of what it took itself, per job.
        least: the least of what it took itself, per job.
        native: the least that the native way took beside it, per job.
        unit: what that is in: `s` for seconds, `B` for bytes, nothing for a count.
        rounds: how many rounds were measured.
    """

    operation: str
    job: str
    size: int
    backend: str
    implementation: str
    ratio: Ratio
    amount: float
    least: float
    native: float
    unit: str
    rounds: int

    @property
    def best(self) -> float:
        """The ratio with all disturbance left out that can be, for it only ever adds."""
        return self.least / self.native

    @property
    def noisy(self) -> bool:
        """Whether this is a control whose ratio to itself is too far from 1."""
        return self.implementation == NATIVE_AGAIN and abs(self.ratio.median - 1) > NOISE_LIMIT

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it, which is all."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Row:
        """Return the row that `as_dict()` made this of."""
        return cls(**{**saved, "ratio": Ratio(**saved["ratio"])})


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A row that there is not, and why.

    Attributes:
        operation: the operation's name.
        job: the kind of job.
        size: how many jobs a sample was to run.
        backend: `asyncio`, `uvloop` or `trio`.
        implementation: who was to do it.
        reason: why it was not measured, as `aiometer is not installed: pip install …`.
        failed: whether it was tried.
    """

    operation: str
    job: str
    size: int
    backend: str
    implementation: str
    reason: str
    failed: bool = False


def by_place(rows: Iterable[Row]) -> dict[tuple[str, str], Row]:
    """Return rows of one operation, job and size by implementation and backend.

    On asyncio and uvloop asyncio's names are asyncio's own objects in portable. What is made of
    them is measured once, as the native way; that row is portable's there, too.
    """
    found = {(row.implementation, row.backend): row for row in rows}
    for backend in ("asyncio", "uvloop"):
        native = found.get((NATIVE, backend))
        if native is not None:
            found.setdefault((PORTABLE, backend), native)
    return found


def row_of(pairs: Sequence[Pair], **place: Any) -> Row:
    """Return the row that these rounds make; `place` names where it stands, and its unit."""
    return Row(
        **place,
        ratio=Ratio.of(pairs),
        amount=median(pair.subject for pair in pairs),
        least=min(pair.subject for pair in pairs),
        native=min(pair.control for pair in pairs),
        rounds=len(pairs),
    )


def costs(rows: Iterable[Row]) -> dict[Row, float]:
    """Return what each row costs, in a way that can be compared from loop to loop.

    Loops and sizes are measured one after the other, on a machine that may be busier with
    one than with the next. So a cost is the least that the native way took there in any
    round, times the row's ratio to it.
    """
    least: dict[tuple[str, str, int, str], float] = {}
    found = list(rows)
    for row in found:
        place = (row.operation, row.job, row.size, row.backend)
        least[place] = min(row.native, least.get(place, row.native))
    return {
        row: least[row.operation, row.job, row.size, row.backend]
        * (1.0 if row.implementation == NATIVE else row.ratio.median)
        for row in found
    }
