"""Both traces in columns, around the first instant where they part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from textwrap import wrap

from .comparison import Comparison
from .report import LINES_AFTER, LINES_BEFORE
from .trace import Observation

_TIME = 10
_TASK = 5

Row = tuple[str, str]
"""A mark (` ` the same, `-` the original alone, `+` the port alone, `|` both) and a line."""


def side_by_side(comparison: Comparison, width: int = 100) -> list[Row]:
    """Return the lines of a table: what both show, with its task, in columns.

    Args:
        comparison: two traces that part.
        width: how many characters a line may have.
    """
    parting = comparison.parting
    if parting is None:
        return []
    column = max(20, (width - 2 * (_TIME + _TASK) - 9) // 2)
    original, port = comparison.original, comparison.port
    head = [
        f"{'time':>{_TIME}} {'task':<{_TASK}} {side}"
        for side in (f"original on {original.backend}", f"port on {port.backend}")
    ]
    rows: list[Row] = [(" ", _joined(head[0], head[1], column))]
    for seen in parting.before[-LINES_BEFORE:]:
        rows += _row(" ", seen, seen, column)
    left, right = parting.original[:LINES_AFTER], parting.port[:LINES_AFTER]
    for mark, one, other in _aligned(left, right):
        rows += _row(mark, one, other, column)
    more = [max(0, len(side) - LINES_AFTER) for side in (parting.original, parting.port)]
    if any(more):
        words = [f"({count} more)" if count else "" for count in more]
        rows.append((" ", _joined(words[0], words[1], column)))
    return rows


def _aligned(
    left: Sequence[Observation], right: Sequence[Observation]
) -> Iterator[tuple[str, Observation | None, Observation | None]]:
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for step, a, b, c, d in steps:
        if step == "equal":
            yield from (
                (" ", one, other) for one, other in zip(left[a:b], right[c:d], strict=True)
            )
            continue
        for place in range(max(b - a, d - c)):
            one = left[a + place] if a + place < b else None
            other = right[c + place] if c + place < d else None
            yield "-" if other is None else "+" if one is None else "|", one, other


def _row(
    mark: str, one: Observation | None, other: Observation | None, column: int
) -> Iterator[Row]:
    cells = [_cell(one, column), _cell(other, column)]
    for place in range(max(map(len, cells))):
        left, right = (cell[place] if place < len(cell) else "" for cell in cells)
        yield mark, _joined(left, right, column)


def _cell(seen: Observation | None, column: int) -> list[str]:
    if seen is None:
        return [""]
    text = seen.text if seen.stream == "stdout" else f"[{seen.stream}] {seen.text}"
    if not seen.ended:
        text += " (no newline)"
    task = "" if seen.writer is None else f"#{seen.writer}"
    lines = [part for line in text.split("\n") for part in (wrap(line, column) or [""])]
    first = f"{f'{seen.time:g} s':>{_TIME}} {task:<{_TASK}} {lines[0]}"
    return [first, *(f"{'':{_TIME + _TASK + 2}}{line}" for line in lines[1:])]


def _joined(left: str, right: str, column: int) -> str:
    return f"{left:<{_TIME + _TASK + 2 + column}} | {right}".rstrip()
