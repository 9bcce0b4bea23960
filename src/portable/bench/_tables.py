"""The tables that end a run: one for each operation, implementation by backend.

A cell shows the ratio to the native way on the same backend, with its quartiles, and the
amount per job as an aside: ratios are what holds on another machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ._measure import NO_LOOP
from ._meters import shown
from ._operations import LOOPS, Operation
from ._results import NATIVE, NATIVE_AGAIN, NOISE_LIMIT, PORTABLE, Row, Unmeasured

NOISE_MARK = "?"
#: In place of portable's price where its names are asyncio's own objects.
SAME = "native"
_TO = "\N{EN DASH}"
LEGEND = (
    "Times the native way on the same backend, in the same rounds: median (quartiles), "
    f"then the amount per job. “{NATIVE_AGAIN}” is the native way priced against itself; "
    f"{NOISE_MARK} marks a backend where that strays by more than {NOISE_LIMIT:.0%}: "
    "too noisy here to be quoted. "
    f"“{PORTABLE}” is “{SAME}” where its names are asyncio's own objects."
)


def tables(
    rows: Iterable[Row | Unmeasured], operations: Mapping[str, Operation]
) -> Iterator[Group]:
    """Yield a titled table for each operation and workload that has rows.

    Args:
        rows: the rows, those that are missing among them, in the order to show them in.
        operations: by name, where the titles are.
    """
    together: dict[tuple[str, str, int], list[Row | Unmeasured]] = {}
    for row in rows:
        together.setdefault((row.operation, row.job, row.size), []).append(row)
    order = list(operations)
    for (name, job, size), group in sorted(
        together.items(),
        key=lambda item: order.index(item[0][0]) if item[0][0] in order else -1,
    ):
        title = operations[name].title if name in operations else name
        yield _table(f"{title} ({job}, N={size:,})", group)


def _table(title: str, rows: Sequence[Row | Unmeasured]) -> Group:
    told_of = {row.backend for row in rows}
    backends = [backend for backend in (*LOOPS, NO_LOOP) if backend in told_of]
    noisy = {row.backend for row in rows if isinstance(row, Row) and row.noisy}
    table = Table()
    table.add_column("", no_wrap=True)
    for backend in backends:
        mark = f" {NOISE_MARK}" if backend in noisy else ""
        table.add_column(backend + mark, justify="right")
    cells = {(row.implementation, row.backend): row for row in rows}
    for implementation in dict.fromkeys(row.implementation for row in rows):
        words = [
            cell(row)
            if (row := cells.get((implementation, backend)))
            else missing_cell(implementation, backend)
            for backend in backends
        ]
        table.add_row(implementation, *words)
    # Not the table's own title, which would be no wider than the table.
    return Group(Text(title, style="bold"), table, *map(Text, reasons(rows)))


def reasons(rows: Iterable[Row | Unmeasured]) -> list[str]:
    """Return what is to be said of rows that are missing, each thing once."""
    missing = (row for row in rows if isinstance(row, Unmeasured))
    return list(dict.fromkeys(row.reason for row in missing))


def cell(row: Row | Unmeasured) -> str:
    """Return what a table says of one row."""
    if isinstance(row, Unmeasured):
        return "fails" if row.failed else "not here"
    # A narrow terminal breaks the line between the ratio and the amount, not within: to Rich
    # a no-break space is one to break at.
    amount = shown(row.amount, row.unit, glue="")
    if row.implementation == NATIVE:
        return f"1 {amount}"
    lower, upper = figure(row.ratio.lower), figure(row.ratio.upper)
    return f"{figure(row.ratio.median)} ({lower}{_TO}{upper}) {amount}"


def missing_cell(implementation: str, backend: str) -> str:
    """Return what a table says where an implementation has no row on a backend."""
    same = implementation == PORTABLE and backend in ("asyncio", "uvloop")
    return SAME if same else ""


def figure(ratio: float) -> str:
    """Return a ratio with no more digits than it is worth."""
    return f"{ratio:.{2 if ratio < 9.995 else 1 if ratio < 99.95 else 0}f}"
