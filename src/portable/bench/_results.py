"""The results of a run: rows, their ratios with quartiles, and the prices made of them.

A row is saved in pytest-benchmark's JSON (`as_dict()`, `from_dict()`), so the report can be
made again from the file. `Prices` holds the rows of a run and computes what needs several of
them: how noisy a row is, and what an operation costs on one loop beside another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import hypot, sqrt
from statistics import median, quantiles
from typing import Any, TypeAlias

from ._measurement import Pair

#: Operation, kind of job, size, backend and implementation.
Place: TypeAlias = tuple[str, str, int, str, str]

#: The loop's own way. It is measured against itself, so what its ratio differs from 1 is noise.
NATIVE = "native"
PORTABLE = "portable"
#: The native way, measured against asyncio's on asyncio's own loop: this compares loops.
ACROSS = "native, to asyncio's"
#: The reason of a row that there was no time for.
NO_TIME = "not measured in the time that there was"
#: A price that may be off by more than this is noisy, and must not be quoted.
NOISE_LIMIT = 0.05
#: From so many rounds on, two rounds in swapped order make one figure.
_SWAPPED_FROM = 4
#: The notch of a box plot: a median lies within this many interquartile ranges, divided by the
#: square root of how many figures it is made of, with a probability of 95 %.
_NOTCH = 1.57


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of a program's price to its control's, over many rounds.

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
        """Return the ratio of these rounds, all with the same weight.

        The order of program and control is swapped from round to round, as the first may have
        an advantage. So two rounds make one figure, their geometric mean, without it.
        """
        if not pairs:
            raise ValueError("pairs: a ratio needs at least one measured round")
        ratios = [pair.ratio for pair in pairs]
        if len(ratios) >= _SWAPPED_FROM:
            ratios = [
                sqrt(one * two) for one, two in zip(ratios[::2], ratios[1::2], strict=False)
            ]
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
        implementation: `native`, `anyio`, `portable`, or a peer.
        ratio: its price, divided by that of the native way.
        amount: the median of its price in all rounds, per job.
        least: the least price in any round, per job.
        native: the least price of the native way in the same rounds, per job.
        unit: the unit of these: `s` for seconds, `B` for bytes, nothing for a count.
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
        """The ratio of the least prices; disturbances affect it least."""
        return self.least / self.native

    @property
    def place(self) -> Place:
        """The attributes that identify it."""
        return (self.operation, self.job, self.size, self.backend, self.implementation)

    @property
    def uncertainty(self) -> float:
        """How far off the ratio may be, as a part of it, judged by its own rounds."""
        figures = self.rounds // 2 if self.rounds >= _SWAPPED_FROM else self.rounds
        spread = self.ratio.upper - self.ratio.lower
        return _NOTCH * spread / sqrt(figures) / self.ratio.median

    def as_dict(self) -> dict[str, Any]:
        """Return the row as plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any]) -> Row:
        """Return the row that `as_dict()` made this of."""
        return cls(**{**saved, "ratio": Ratio(**saved["ratio"])})


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A row that is missing, and why.

    Attributes:
        operation: the operation's name.
        job: the kind of job.
        size: how many jobs a sample was to run.
        backend: `asyncio`, `uvloop` or `trio`.
        implementation: whose way was to be measured.
        reason: why it was not measured, as `aiometer is not installed: pip install …`.
        failed: whether it was tried, and failed.
    """

    operation: str
    job: str
    size: int
    backend: str
    implementation: str
    reason: str
    failed: bool = False


def row_of(pairs: Sequence[Pair], **place: Any) -> Row:
    """Return the row of these rounds; `place` has the attributes that are not measured."""
    return Row(
        **place,
        ratio=Ratio.of(pairs),
        amount=median(pair.subject for pair in pairs),
        least=min(pair.subject for pair in pairs),
        native=min(pair.control for pair in pairs),
        rounds=len(pairs),
    )


class Prices:
    """The rows of a run, by their places.

    On asyncio and uvloop portable's names are asyncio's own objects. So they are measured once,
    as the native way, and that row is portable's, too.
    """

    def __init__(self, rows: Iterable[Row | Unmeasured]) -> None:
        self._rows = {row.place: row for row in rows if isinstance(row, Row)}

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows.values())

    def at(self, operation: str, job: str, size: int, backend: str, by: str) -> Row | None:
        """Return the row of a place, or `None`."""
        found = self._rows.get((operation, job, size, backend, by))
        if found is None and by == PORTABLE and backend in ("asyncio", "uvloop"):
            return self._rows.get((operation, job, size, backend, NATIVE))
        return found

    def beside(self, row: Row, by: str, backend: str | None = None) -> Row | None:
        """Return another implementation's row of the same operation, job and size."""
        return self.at(row.operation, row.job, row.size, backend or row.backend, by)

    def sizes(self, operation: str, job: str) -> list[int]:
        """Return the sizes that an operation was measured in, in order."""
        return sorted(
            {row.size for row in self if (row.operation, row.job) == (operation, job)}
        )

    def noise(self, row: Row) -> float:
        """Return how far off a row's ratio may be, as a part of it.

        It is the larger of two figures: how far the native way, measured against itself, is
        from 1 there, and the uncertainty of the row's own rounds.
        """
        again = self.beside(row, NATIVE)
        stray = abs(again.ratio.median - 1) if again else 0.0
        return max(stray, row.uncertainty)

    def noisy(self, row: Row) -> bool:
        """Whether a row is too far off to be quoted."""
        return self.noise(row) > NOISE_LIMIT

    def cost(self, row: Row) -> float:
        """Return the price of one job, so that loops and sizes can be compared.

        Loops and sizes are measured one after the other, and the machine may be busier during
        one than during the next. So the price is a ratio times the least price of the native
        way: on the same loop, or on asyncio if the two loops were measured in turn.
        """
        ratio = 1.0 if row.implementation == NATIVE else row.ratio.median
        across = self.beside(row, ACROSS)
        on_asyncio = self._least(row, "asyncio") if across else None
        if across and on_asyncio:
            return on_asyncio * across.ratio.median * ratio
        return (self._least(row, row.backend) or row.native) * ratio

    def cost_noise(self, row: Row) -> float:
        """Return how far off a cost may be when loops are compared, as a part of it."""
        across = self.beside(row, ACROSS)
        return hypot(self.noise(row), self.noise(across) if across else 0.0)

    def _least(self, like: Row, backend: str) -> float | None:
        place = (like.operation, like.job, like.size, backend)
        beside = (row for row in self if row.place[:4] == place)
        found = (row.native for row in beside if row.implementation != ACROSS)
        return min(found, default=None)
