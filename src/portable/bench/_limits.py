"""The guard: a file of limits that the ratios of some rows are not to exceed.

The file is TOML; a table names the operation, the kind of job and the implementation, its
keys are backends: `[spawn.noop.portable]`, `asyncio = 8.0`. A limit holds for all sizes.
Only ratios are limited, never times: those belong to a machine. And it is the ratio of the
best rounds that is: a busy machine makes some rounds slower, but what has become dearer is
so in all. On a machine that is busy throughout there may be no good round among a few, so
whoever measures does well to measure such a row again before believing it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ._operations import Operation
from ._results import Row

Limits: TypeAlias = Mapping[tuple[str, str, str, str], float]


class LimitsError(ValueError):
    """A file of limits cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Excess:
    """A row that is dearer than it may be.

    Attributes:
        row: the row.
        limit: the ratio that it was to stay below.
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
        operations: by name, what limits may speak of.

    Raises:
        LimitsError: the file is missing or no TOML, a limit is no number above 0, or it
            speaks of something that is not measured.
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
