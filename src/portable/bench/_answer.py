"""What the figures mean, in words: what a task costs, which loop to take, what is added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from ._meters import shown
from ._operations import LOOPS
from ._results import NATIVE, Row, by_place, costs

#: Loops whose prices differ by less than this are called equally fast.
TIE = 1.1


class Kind(NamedTuple):
    """A kind of work that a loop is chosen for, and the row that speaks for it."""

    work: str
    operation: str
    job: str


KINDS = (
    Kind("spawn-heavy", "spawn", "noop"),
    Kind("cancel-heavy", "cancel_group", "sleeper"),
)


Rows: TypeAlias = Mapping[tuple[str, str], Row]


def answer(rows: Sequence[Row]) -> list[str]:
    """Return what is to be concluded from a run, a sentence each; nothing from no rows."""
    said = []
    spawned = _of(rows, "spawn", "noop")
    prices = _prices(spawned, NATIVE)
    if prices:
        size = f"{next(iter(spawned.values())).size:,}"
        said.append(
            f"A task, started among {size} and its result collected, costs {_told(prices)} "
            "by the loop's own means."
        )
    for implementation, name in (("anyio", "AnyIO"), ("portable", "portable")):
        prices = _prices(spawned, implementation)
        if prices:
            said.append(f"Written once for every loop, with {name}: {_told(prices)}.")
    for kind in KINDS:
        said += _choice(kind, _of(rows, kind.operation, kind.job))
    for kind in KINDS:
        said += _addition(kind, _of(rows, kind.operation, kind.job))
    noisy = sorted({row.backend for row in rows if row.noisy})
    if noisy:
        said.append(
            f"The machine was not quiet: on {_list(noisy)} the same program differed from "
            "itself by more than 5 % in some rows. Run it again before you quote them."
        )
    return said


def _of(rows: Sequence[Row], operation: str, job: str) -> Rows:
    """Return an operation's rows by implementation and backend, for the size next to 1,000."""
    found = [row for row in rows if (row.operation, row.job) == (operation, job)]
    sizes = sorted({row.size for row in found}, key=lambda size: abs(size - 1_000))
    return by_place(row for row in found if row.size == sizes[0])


def _prices(rows: Rows, implementation: str) -> dict[str, float]:
    """Return what an implementation costs on each loop."""
    all_costs = costs(rows.values())
    return {
        backend: all_costs[row]
        for backend in LOOPS
        if (row := rows.get((implementation, backend)))
    }


def _told(prices: Mapping[str, float]) -> str:
    return _list([f"{shown(price, 's')} on {backend}" for backend, price in prices.items()])


def _choice(kind: Kind, rows: Rows) -> Iterator[str]:
    """Say which loop to take for a kind of work; best for a program that runs on all."""
    for implementation in ("portable", "anyio", NATIVE):
        prices = _prices(rows, implementation)
        if len(prices) > 1:
            break
    else:
        return
    best = min(prices.values())
    fastest = [loop for loop, price in prices.items() if price < best * TIE]
    slower = [
        f"{loop} takes {price / best:.1f} times as long"
        for loop, price in prices.items()
        if loop not in fastest
    ]
    means = "the loop's own means" if implementation == NATIVE else implementation
    begin = f"For {kind.work} work, with {means}"
    if not slower:
        yield f"{begin}, it does not matter which loop you take."
        return
    several = " (equally fast)" if len(fastest) > 1 else ""
    yield f"{begin}, take {_list(fastest, 'or')}{several}: {_list(slower)}."


def _addition(kind: Kind, rows: Rows) -> Iterator[str]:
    """Say what portable costs beside AnyIO, which is the least that any port costs."""
    factors = [
        f"{ours.ratio.median / theirs.ratio.median:.2f} on {backend}"
        for backend in LOOPS
        if (ours := rows.get(("portable", backend)))
        and (theirs := rows.get(("anyio", backend)))
    ]
    if factors:
        yield (
            f"In {kind.work} work portable costs, in times of AnyIO's price, {_list(factors)}."
        )


def _list(parts: Sequence[str], last: str = "and") -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"
