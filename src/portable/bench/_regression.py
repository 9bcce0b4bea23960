"""Changes between two runs: prices that went up or down by more than the noise of both."""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot

from ._results import ACROSS, NATIVE, NOISE_LIMIT, Prices, Row
from ._tables import figure, title

#: With more noise than this a change that matters could not be seen.
HOPELESS = 0.25


@dataclass(frozen=True, slots=True)
class Change:
    """A price that has changed.

    Attributes:
        row: the row now.
        was: the row in the older run.
        noise: how large a change noise alone may cause, as a part.
    """

    row: Row
    was: Row
    noise: float

    @property
    def factor(self) -> float:
        """How many times its old price it costs now."""
        return self.row.ratio.median / self.was.ratio.median

    @property
    def slower(self) -> bool:
        """Whether it has become dearer."""
        return self.factor > 1

    def __str__(self) -> str:
        row = self.row
        return (
            f"{'slower' if self.slower else 'faster'} by {abs(self.factor - 1):.0%} "
            f"(noise: {self.noise:.0%}): {title(row.operation, row.job, row.size)}, "
            f"{row.implementation} on {row.backend}, "
            f"{figure(self.was.ratio.median)} to {figure(row.ratio.median)} times native"
        )


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes between two runs.

    Attributes:
        changed: the prices that changed by more than the noise, the largest change first.
        compared: how many prices both runs have.
        unclear: how many of these are too noisy in one of the runs to be compared.
    """

    changed: tuple[Change, ...]
    compared: int
    unclear: int

    @property
    def slower(self) -> tuple[Change, ...]:
        """The prices that went up."""
        return tuple(change for change in self.changed if change.slower)

    @property
    def lines(self) -> list[str]:
        """The changes as text, a line each, and a line that counts them."""
        unclear = f"; {self.unclear} are too noisy to tell" if self.unclear else ""
        return [
            *map(str, self.changed),
            f"{len(self.changed)} of {self.compared} prices changed beyond the noise{unclear}",
        ]


def changes(new: Prices, old: Prices) -> Changes:
    """Compare two runs, price by price.

    A price has changed if the difference is larger than the noise of both runs together, and
    larger than 5 %. `Prices.noise()` says what noise is.

    Args:
        new: the run of now.
        old: the run to compare it with.
    """
    changed, compared, unclear = [], 0, 0
    for row in new:
        was = old.at(*row.place)
        if was is None or row.implementation in (NATIVE, ACROSS):
            continue
        compared += 1
        noise = max(NOISE_LIMIT, hypot(new.noise(row), old.noise(was)))
        change = Change(row, was, noise)
        if noise > HOPELESS:
            unclear += 1
        elif max(change.factor, 1 / change.factor) > 1 + noise:
            changed.append(change)
    by_size = sorted(changed, key=lambda change: -max(change.factor, 1 / change.factor))
    return Changes(tuple(by_size), compared, unclear)
