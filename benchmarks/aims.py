"""What portable's prices shall be, and what they are, as a table for the docs.

    python benchmarks/aims.py prices.json [more.json ...] --into docs/explanation/performance.md

A price is the ratio of two rows of a run: portable's to the native one, or to another's. It is
bold where it misses its aim, and has a question mark where the native way strayed from itself
by more than 5 %, or its rounds are as unsure. “native” is where asyncio's names are asyncio's
own objects. Of several files the last that has a row counts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portable.bench import (
    LOOPS,
    NATIVE,
    NO_LOOP,
    NoPlaceError,
    Prices,
    Run,
    Table,
    as_markdown,
    put_between,
)

#: A price that is shown as its aim is no miss.
ROUNDED = 1.005


@dataclass(frozen=True, slots=True)
class Aim:
    """A price that is not to be exceeded.

    Attributes:
        what: what it is about, and to what it is compared.
        most: the ratio; by backend where it differs. None: it is only told.
        rows: operation, kind of job and size of each row that it is about.
        of: whose price.
        to: to whose.
        column: where the price stands if it is about no loop of the measuring process.
    """

    what: str
    most: float | None
    rows: tuple[tuple[str, str, int], ...]
    of: str = "portable"
    to: str = NATIVE
    column: str = "trio"


def _sizes(operation: str, job: str, *sizes: int) -> tuple[tuple[str, str, int], ...]:
    return tuple((operation, job, size) for size in sizes)


def _jobs(operation: str, size: int, *jobs: str) -> tuple[tuple[str, str, int], ...]:
    return tuple((operation, job, size) for job in jobs)


_echoes = (
    *_jobs("echo", 1_000, "1_client_1_kB", "100_clients_1_kB"),
    *_jobs("echo", 100, "1_client_1_MB", "100_clients_1_MB"),
)
TREE = ("none", "io", "memoization", "cpu_io_mixed")

AIMS = (
    Aim(
        "spawn, join, result, to AnyIO's `start_soon`",
        1.5,
        (
            *_sizes("spawn", "noop", 10, 1_000, 10_000, 100_000),
            *_sizes("spawn", "checkpoint", 1_000, 100_000),
        ),
        to="anyio",
    ),
    Aim(
        "a wait, to trio's `checkpoint()`",
        3.0,
        _jobs("wait", 5_000, "turn", "future", "queue"),
    ),
    Aim(
        "… to trio's own of the kind",
        None,
        _jobs("wait", 5_000, "turn", "future", "queue"),
        to="trio's own",
    ),
    Aim(
        "a wait in trio, to that of a plain task",
        1.15,
        _jobs("wait_in_trio", 5_000, "turn", "future", "queue"),
    ),
    Aim("cancel one task, to the native way", 1.3, _sizes("cancel_one", "sleeper", 1_000)),
    Aim(
        "cancel a group, to the native way",
        1.3,
        _sizes("cancel_group", "sleeper", 1_000, 10_000),
    ),
    Aim(
        "`asyncio.timeout` not reached, to `trio.fail_after`",
        1.0,
        _jobs("timeout_idle", 500, "noop", "checkpoint"),
    ),
    Aim(
        "`Supervisor`, to `asyncio.TaskGroup`",
        1.1,
        _jobs("supervisor", 1_000, "noop", "checkpoint"),
    ),
    Aim("`race`, to `wait()` and cancelling", 1.2, _sizes("race", "sleeper", 200)),
    Aim(
        "`amap(limit=100)`, to a native pool",
        1.5,
        (*_sizes("map", "noop", 1_000, 10_000), *_sizes("map", "checkpoint", 1_000)),
    ),
    Aim(
        "… to a pool of asyncio's tasks on our loop",
        None,
        (*_sizes("map", "noop", 1_000, 10_000), *_sizes("map", "checkpoint", 1_000)),
        to="asyncio pool",
    ),
    Aim("… to aiometer", 1 / 30, _sizes("map", "noop", 1_000), to="aiometer"),
    Aim("… to aiometer", 1 / 10, _sizes("map", "checkpoint", 1_000), to="aiometer"),
    Aim("… to AnyIO with a limiter", 1 / 30, _sizes("map", "noop", 1_000), to="anyio"),
    Aim("… to AnyIO with a limiter", 1 / 10, _sizes("map", "checkpoint", 1_000), to="anyio"),
    Aim(
        "memory per pending task, to AnyIO's",
        1.2,
        _sizes("memory", "sleeper", 1_000),
        to="anyio",
    ),
    Aim("`async_tree`, to AnyIO's", 1.0, _jobs("async_tree", 216, *TREE), to="anyio"),
    Aim("going to sleep while idle, to trio's", 1.0, _jobs("idle", 1, "idle", "timer")),
    Aim(
        "asyncio's tasks on trio, to trio-asyncio's",
        1.0,
        _jobs("against_trio_asyncio", 1_000, "noop"),
    ),
    Aim(
        "… where they wait",
        0.5,
        _jobs("against_trio_asyncio", 1_000, "sleep_once", "sleep_five_times", "call_soon"),
    ),
    Aim(
        "… to asyncio's own loop",
        None,
        _jobs(
            "against_trio_asyncio",
            1_000,
            *("noop", "sleep_once", "sleep_five_times", "call_soon"),
        ),
        to="asyncio's own loop",
    ),
    Aim("an echo, to asyncio's own loop", 1 / 0.6, _echoes),
    Aim("… to trio-asyncio", 1.0, _echoes, to="trio-asyncio"),
    Aim("HTTP by aiohttp, to asyncio's own loop", 1 / 0.6, _sizes("http", "get", 300)),
    Aim("… to trio-asyncio", 1.0, _sizes("http", "get", 300), to="trio-asyncio"),
    Aim("a subprocess, to asyncio's own loop", 1 / 0.6, _sizes("subprocess", "start", 10)),
    Aim("… to trio-asyncio", 1.0, _sizes("subprocess", "start", 10), to="trio-asyncio"),
    Aim(
        "`import portable`, to `import anyio`",
        1.0,
        _sizes("import", "fresh", 1),
        column="asyncio",
    ),
)


def read(files: Sequence[Path]) -> Prices:
    """Return the rows of the files; the last file has the last word."""
    return Prices(row for file in files for row in Run.read(file).measured)


def table(prices: Prices) -> Table:
    """Return the table of aims."""
    body = []
    for aim in AIMS:
        for operation, job, size in aim.rows:
            cells = [_cell(aim, prices, (operation, job, size), backend) for backend in LOOPS]
            what = f"{aim.what}: {job}, {size:,}" if size > 1 else f"{aim.what}: {job}"
            most = "" if aim.most is None else f"≤ {_short(aim.most)}"
            body.append([what, most, *cells, f"`{operation} and {job}-{size}-`"])
    return Table("Aims", ["What", "Aim", *LOOPS, "`-k`"], body)


def _cell(aim: Aim, prices: Prices, place: tuple[str, str, int], backend: str) -> str:
    if backend == aim.column and not any(prices.at(*place, on, aim.of) for on in LOOPS):
        backend = NO_LOOP
    ours = prices.at(*place, backend, aim.of)
    theirs = prices.at(*place, backend, aim.to)
    if ours is not None and ours.implementation == NATIVE:
        return NATIVE
    if ours is None or theirs is None:
        return ""
    ratio = ours.ratio.median / (1.0 if aim.to == NATIVE else theirs.ratio.median)
    text = _short(ratio)
    if aim.most is not None and ratio > aim.most * ROUNDED:
        text = f"**{text}**"
    return f"{text} ?" if prices.noisy(ours) or prices.noisy(theirs) else text


def _short(ratio: float) -> str:
    return f"{ratio:.2f}" if ratio >= 0.2 else f"1/{1 / ratio:.0f}"


def main(words: Sequence[str]) -> None:
    """Print the table, or put it into a file between its marks."""
    into = Path(words[words.index("--into") + 1]) if "--into" in words else None
    files = [Path(word) for word in words if word != "--into" and Path(word) != into]
    lines = as_markdown(table(read(files)))
    if into is None:
        sys.stdout.write("\n".join(lines) + "\n")
        return
    try:
        put_between(into, "aims", lines)
    except NoPlaceError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
