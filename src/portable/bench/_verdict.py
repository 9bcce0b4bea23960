"""The verdict: sentences on what a task costs, which loop to take, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ._meters import shown
from ._operations import LOOPS, Operation
from ._results import ACROSS, NATIVE, PORTABLE, Prices, Row
from ._tables import headline, questions

#: Loops whose prices differ by less than this are called equally fast.
TIE = 1.1
#: How many noisy prices are named.
_NAMED = 3
#: The implementations whose prices decide, and which programs they decide for.
NAMES = {PORTABLE: "asyncio's names", "anyio": "AnyIO's names"}


def verdict(prices: Prices) -> list[str]:
    """Return what follows from a run, one or two sentences each; none if there are no rows.

    A price that may be off by more than 5 % takes no part, and is named at the end.
    """
    sentences: list[str] = []
    doubtful: list[Row] = []
    for operation in questions():
        rows = headline(prices, operation)
        if not rows:
            continue
        sentences += _costs(prices, operation, rows)
        sentences += _choices(prices, operation, rows)
        deciding = [row for row in rows if row.implementation in (NATIVE, ACROSS, *NAMES)]
        doubtful += [row for row in deciding if prices.noisy(row)]
    if doubtful:
        named = [
            f"{row.operation} by {row.implementation} on {row.backend}" for row in doubtful
        ]
        named[_NAMED:] = [f"{len(named) - _NAMED} more"] if len(named) > _NAMED else []
        worst = max(map(prices.noise, doubtful))
        sentences.append(
            f"Too noisy to take part (up to ±{worst:.0%}): {_list(named)}. Measure longer "
            "(--time), or when the machine is quieter."
        )
    return sentences


def _sure(prices: Prices, rows: Sequence[Row], by: str) -> dict[str, Row]:
    """Return an implementation's rows by loop, without the noisy ones."""
    found = {backend: prices.beside(rows[0], by, backend) for backend in LOOPS}
    return {name: row for name, row in found.items() if row and not prices.noisy(row)}


def _costs(prices: Prices, operation: Operation, rows: Sequence[Row]) -> Iterator[str]:
    """Yield a sentence on what it costs by the loop's own means, with AnyIO and portable."""
    costs = {
        backend: f"{shown(prices.cost(row), row.unit)} on {backend}"
        for backend, row in _sure(prices, rows, NATIVE).items()
    }
    anyio = {
        backend: f"{row.ratio.median:.1f}"
        for backend, row in _sure(prices, rows, "anyio").items()
    }
    parts = [f"{_list([*costs.values()])} by the loop's own means"] if costs else []
    if anyio.keys() == costs.keys() and anyio:
        parts.append(f"with AnyIO's names {_list([*anyio.values()])} times that")
    elif anyio:
        named = [f"{times} times that on {backend}" for backend, times in anyio.items()]
        parts.append(f"with AnyIO's names {_list(named)}")
    if ours := _sure(prices, rows, PORTABLE).get("trio"):
        parts.append(f"with asyncio's names on trio {ours.ratio.median:.1f} times")
    if parts:
        yield f"{operation.question}: {'; '.join(parts)}."


def _choices(prices: Prices, operation: Operation, rows: Sequence[Row]) -> Iterator[str]:
    """Yield sentences on which loop to take, with asyncio's names and with AnyIO's."""
    advice: dict[str, dict[str, str]] = {}
    for by, name in NAMES.items():
        sure = _sure(prices, rows, by)
        if len(sure) > 1:
            how, why = _choice(prices, sure)
            advice.setdefault(how, {})[name] = why
    much = operation.name.removesuffix("_one")
    for how, reasons in advice.items():
        if len(advice) > 1:  # another loop for each of the two libraries
            ((name, why),) = reasons.items()
            yield f"To {much} many with {name}, {how}: {why}."
        else:
            told = [f"with {name} {why}" for name, why in reasons.items()]
            yield f"To {much} many, {how}: {'; '.join(told)}."


def _choice(prices: Prices, sure: dict[str, Row]) -> tuple[str, str]:
    """Return which loop to take, and how much longer the others take, with its uncertainty."""
    costs = {backend: prices.cost(row) for backend, row in sure.items()}
    best = min(costs, key=lambda backend: costs[backend])
    fastest: list[str] = []
    slower: list[str] = []
    likely = False
    for backend, row in sure.items():
        times = costs[backend] / costs[best]
        if times < TIE:
            fastest.append(backend)
            continue
        error = 1 + prices.cost_noise(row) + prices.cost_noise(sure[best])
        likely |= times < error
        takes = (
            f"{backend} {times:.1f} times" if slower else f"{backend} takes {times:.1f} times"
        )
        long = "" if slower else " as long"
        slower.append(f"{takes}{long} ({times / error:.1f} to {times * error:.1f})")
    if not slower:
        return "take any", f"{_list(fastest)} are equally fast"
    same = " (equally fast)" if len(fastest) > 1 else ""
    how = "probably take" if likely else "take"
    return f"{how} {_list(fastest, 'or')}{same}", _list(slower)


def _list(parts: Sequence[str], last: str = "and") -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {last} {parts[-1]}"
