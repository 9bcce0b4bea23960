"""Tables of a run, as words, and how a terminal and Markdown render them.

`question_tables()` has the prices that come first: what it costs to spawn a task and to cancel
one, on each loop. `detail_tables()` has the rest, a table for each operation, with a line for
each implementation and a column for each backend. `as_rich()` renders a table for a terminal,
`as_markdown()` for a file; the HTML page is made of the Markdown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group
from rich.table import Table as RichTable
from rich.text import Text

from ._measurement import NO_LOOP
from ._meters import shown
from ._operations import ASYNCIO, LOOPS, OTHER, Operation
from ._results import ACROSS, NATIVE, NO_TIME, NOISE_LIMIT, PORTABLE, Prices, Row, Unmeasured
from .workloads import OPERATIONS

NOISE_MARK = "?"
#: Shown in place of portable's price if its names are asyncio's own objects.
SAME = "= native"
#: The implementations whose prices answer a question.
COMPARED = (NATIVE, "anyio", PORTABLE)
_WHO = (
    "native: asyncio's names, and on trio a nursery and its scopes. anyio: AnyIO's names. "
    "portable: asyncio's names, on trio too."
)
_TO = "\N{EN DASH}"
_TIMES = "\N{MULTIPLICATION SIGN}"
LEGEND = (
    f"{_TIMES} is how many times the native way's price on the same loop, the two measured in "
    "turn inside one run of the loop: median (quartiles). The native way's own line tells how "
    f"it differs from itself. {NOISE_MARK} marks what may be off by more than "
    f"{NOISE_LIMIT:.0%}: run it again, or longer, before you quote it. "
    f"“{SAME}”: portable's names are asyncio's own objects there. "
    f"“{ACROSS}” compares loops: the native way with asyncio's on asyncio's own loop."
)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words.

    Attributes:
        title: the title.
        head: the head line, a text for each column.
        body: the lines, a text for each column.
        notes: notes to stand below the table.
        key: the operation, job and size that it is about.
    """

    title: str
    head: Sequence[str]
    body: Sequence[Sequence[str]]
    notes: Sequence[str] = ()
    key: tuple[str, str, int] = ("", "", 0)


def question_tables(prices: Prices) -> Iterator[Table]:
    """Yield a table for each question that a run answers: cost and ratio on each loop."""
    for operation in questions():
        rows = headline(prices, operation)
        if not rows:
            continue
        first = rows[0]
        backends = [name for name in LOOPS if prices.beside(first, NATIVE, name)]
        body = [
            [
                by,
                *(
                    _price(prices, prices.beside(first, by, backend), by, backend)
                    for backend in backends
                ),
            ]
            for by in COMPARED
        ]
        title = f"{operation.question} ({first.job}, one of {first.size:,})"
        yield Table(
            title, ["", *backends], body, [_WHO], key=(first.operation, first.job, first.size)
        )


def questions() -> Iterator[Operation]:
    """Yield the operations that answer a question."""
    return (operation for operation in OPERATIONS.values() if operation.question)


def headline(prices: Prices, operation: Operation) -> list[Row]:
    """Return the rows that represent an operation: its first job, in the size nearest 1,000."""
    job = operation.workloads["small"][0].job
    sizes = prices.sizes(operation.name, job)
    if not sizes:
        return []
    size = min(sizes, key=lambda each: abs(each - 1_000))
    return [row for row in prices if row.place[:3] == (operation.name, job, size)]


def _price(prices: Prices, row: Row | None, by: str, backend: str) -> str:
    if row is None:
        return ""
    if by != NATIVE and row.implementation == NATIVE:
        return SAME
    mark = f" {NOISE_MARK}" if prices.noisy(row) else ""
    cost = shown(prices.cost(row), row.unit)
    return (
        f"{cost}{mark}" if by == NATIVE else f"{cost}, {_TIMES}{figure(row.ratio.median)}{mark}"
    )


def detail_tables(
    rows: Sequence[Row | Unmeasured], older: Prices | None = None
) -> Mapping[str, list[Table]]:
    """Return tables by theme, one for each operation, job and size of which anything was tried.

    Args:
        rows: the rows, with those that were not measured.
        older: a run to compare them with.
    """
    prices = Prices(rows)
    together: dict[tuple[str, str, int], list[Row | Unmeasured]] = {}
    for row in rows:
        if isinstance(row, Unmeasured) and row.reason == NO_TIME:
            continue
        together.setdefault((row.operation, row.job, row.size), []).append(row)
    order = {name: place for place, name in enumerate(OPERATIONS)}
    themes: dict[str, list[Table]] = {}
    for key in sorted(together, key=lambda key: order.get(key[0], len(order))):
        if all(isinstance(row, Unmeasured) and not row.failed for row in together[key]):
            continue
        known = OPERATIONS.get(key[0])
        themes.setdefault(known.theme if known else OTHER, []).append(
            _table(key, together[key], prices, older)
        )
    return themes


def _table(
    key: tuple[str, str, int],
    rows: Sequence[Row | Unmeasured],
    prices: Prices,
    older: Prices | None,
) -> Table:
    used = {row.backend for row in rows}
    backends = [backend for backend in (*LOOPS, NO_LOOP) if backend in used]
    cells = {(row.implementation, row.backend): row for row in rows}
    body = [
        [
            by,
            *(
                _cell(cells.get((by, backend)), by, backend, prices, older)
                for backend in backends
            ),
        ]
        for by in dict.fromkeys(row.implementation for row in rows)
    ]
    return Table(title(*key), ["", *backends], body, missing(rows), key)


def missing(rows: Iterable[Row | Unmeasured]) -> list[str]:
    """Return the reasons why rows were not measured, each once, except lack of time."""
    reasons = (row.reason for row in rows if isinstance(row, Unmeasured))
    return [reason for reason in dict.fromkeys(reasons) if reason != NO_TIME]


def title(name: str, job: str, size: int | None = None) -> str:
    """Return the title of an operation's table."""
    words = OPERATIONS[name].title if name in OPERATIONS else name
    return f"{words} ({job})" if size is None else f"{words} ({job}, N={size:,})"


def _cell(
    row: Row | Unmeasured | None,
    by: str,
    backend: str,
    prices: Prices,
    older: Prices | None,
) -> str:
    if isinstance(row, Unmeasured):
        return "fails" if row.failed else "not here"
    if row is None:
        return SAME if by == PORTABLE and backend in (ASYNCIO, "uvloop") else ""
    # No space within the amount: a narrow terminal shall break the line before it, and Rich
    # breaks lines at no-break spaces, too.
    amount = shown(row.amount, row.unit, glue="")
    mark = f" {NOISE_MARK}" if prices.noisy(row) else ""
    lower, upper = figure(row.ratio.lower), figure(row.ratio.upper)
    words = f"{_TIMES}{figure(row.ratio.median)} ({lower}{_TO}{upper}){mark} {amount}"
    before = older.at(*row.place) if older else None
    return f"{words}; was {figure(before.ratio.median)}" if before else words


def figure(ratio: float) -> str:
    """Return a ratio as text, with three digits at most."""
    return f"{ratio:.{2 if ratio < 9.995 else 1 if ratio < 99.95 else 0}f}"


def as_rich(table: Table) -> Group:
    """Return a table for a terminal."""
    grid = RichTable()
    for number, words in enumerate(table.head):
        grid.add_column(words, justify="right" if number else "left", no_wrap=not number)
    for line in table.body:
        grid.add_row(*line)
    # A title of Rich's own would be broken to the width of the table.
    return Group(Text(table.title, style="bold"), grid, *map(Text, table.notes))


def as_markdown(table: Table) -> list[str]:
    """Return the lines of a table, without its title."""
    words = [table.head, ["---", *("--:" for _ in table.head[1:])], *table.body]
    lines = [f"| {' | '.join(line)} |" for line in words]
    return [*lines, *(line for note in table.notes for line in ("", note))]
