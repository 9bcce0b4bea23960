"""Limits: ratios that rows of a run must not exceed.

They stand in a TOML file. A table names the operation, the kind of job and the implementation;
its keys are backends: `[spawn.noop.portable]`, `asyncio = 8.0`. A limit holds for all sizes.
Ratios are limited and not times, because times differ between machines. The ratio is that of
the best rounds: a busy machine slows some rounds down, but a dearer program is slower in all.
On a machine that is busy all the time none of a few rounds may be good, so measure a row again
before you believe that it exceeds its limit.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ._measurement import NO_LOOP
from ._operations import Operation
from ._results import PORTABLE, Row

#: A limit is the measured ratio times this. It has to hold on every machine, and to catch a
#: price that has doubled.
MARGIN = 1.5
#: The margin where each side runs in a process of its own: that ratio differs more between
#: machines.
MARGIN_APART = 2.0
_HEAD = f"""\
# How many times its control portable may cost: {MARGIN} times what it did, and {MARGIN_APART}
# times where each side has a process of its own.
# Made by `portable bench-report FILE.json --limits benchmarks/limits.toml`, and checked by
# `--bench-max-ratio`. On asyncio and uvloop asyncio's names have no row: they are asyncio's.
"""

Limits: TypeAlias = Mapping[tuple[str, str, str, str], float]


class LimitsError(ValueError):
    """A file of limits cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Excess:
    """A row that exceeds its limit.

    Attributes:
        row: the row.
        limit: the ratio that it must not exceed.
    """

    row: Row
    limit: float

    def __str__(self) -> str:
        row = self.row
        return (
            f"{row.operation} ({row.job}, N={row.size:,}) by {row.implementation} on "
            f"{row.backend}: {row.best:.2f} times native at best "
            f"(median {row.ratio.median:.2f}), limit {self.limit:.2f}"
        )


def read_limits(file: Path, operations: Mapping[str, Operation]) -> Limits:
    """Return the limits that a file sets.

    Args:
        file: the TOML file.
        operations: the operations that are measured, by name.

    Raises:
        LimitsError: the file is missing or no TOML, a limit is no number above 0, or it
            names something that is not measured.
    """
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LimitsError(f"{file}: {error}") from error
    limits = {}
    for key, limit in _flat(content, ()):
        problem = _problem(key, limit, operations)
        if problem:
            raise LimitsError(f"{file}: {'.'.join(key)}: {problem}")
        name, job, implementation, backend = key
        limits[name, job, implementation, backend] = limit
    return limits


def _flat(
    table: Mapping[str, Any], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, (*path, key))
        else:
            yield (*path, key), value


def _problem(
    key: tuple[str, ...], limit: object, operations: Mapping[str, Operation]
) -> str | None:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or limit <= 0:
        return f"a limit is a ratio above 0, not {limit!r}"
    if len(key) != 4:
        return "write [operation.job.implementation], and below it backend = ratio"
    name, job, implementation, backend = key
    operation = operations.get(name)
    if operation is None:
        return f"no operation {name!r}; there are: {', '.join(operations)}"
    jobs = {each.job for effort in operation.workloads.values() for each in effort}
    if job not in jobs:
        return f"{name} has no job {job!r}; it has: {', '.join(sorted(jobs))}"
    if (implementation, backend) not in operation.ways:
        return f"{name} is not done by {implementation!r} on {backend!r}"
    return None


def exceeded(rows: Iterable[Row], limits: Limits) -> list[Excess]:
    """Return the rows that exceed their limit."""
    found = []
    for row in rows:
        limit = limits.get((row.operation, row.job, row.implementation, row.backend))
        if limit is not None and row.best > limit:
            found.append(Excess(row, limit))
    return found


def limits_of(rows: Iterable[Row]) -> str:
    """Return a file with limits for portable's rows.

    Args:
        rows: the rows of a run; of several sizes the dearest counts.
    """
    dearest: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in rows:
        if row.implementation.startswith(PORTABLE):
            limits = dearest.setdefault((row.operation, row.job, row.implementation), {})
            margin = MARGIN_APART if row.backend == NO_LOOP else MARGIN
            limits[row.backend] = max(row.best * margin, limits.get(row.backend, 0.0))
    lines = [_HEAD]
    for key, limits in dearest.items():
        lines += [f"[{'.'.join(map(_toml_key, key))}]"]
        lines += [f"{name} = {_rounded_up(limit)}" for name, limit in limits.items()]
        lines += [""]
    return "\n".join(lines)


def _toml_key(word: str) -> str:
    return word if word.replace("_", "").isalnum() and word.isascii() else json.dumps(word)


def _rounded_up(limit: float) -> float:
    """Round up to two digits."""
    scale = 10.0 ** (1 - math.floor(math.log10(limit)))
    return math.ceil(limit * scale) / scale
