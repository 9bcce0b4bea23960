"""Both traces in columns, around the first instant where they part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from textwrap import wrap

from .comparison import Comparison
from .trace import Observation

LINES_BEFORE = 3
"""How many shared lines are shown for orientation."""
LINES_AFTER = 12
"""How many lines of each side are shown from the instant on where they part."""
_TASK = 4
_LINES = 8
"""How many lines a text may have in a column; longer ones are cut to where the two differ."""

Row = tuple[str, str]
"""A mark (` ` the same, `-` the original alone, `+` the port alone, `|` both) and a line."""


def side_by_side(comparison: Comparison, width: int = 100, program: str = "port") -> list[Row]:
    """Return the lines of a table: what both show, with its task, in columns.

    Args:
        comparison: two traces that part.
        width: how many characters a line may have.
        program: whose trace is judged: the port's, or the original's on another backend.
    """
    parting = comparison.parting
    if parting is None:
        return []
    same = _same_until(parting.original, parting.port)
    before = (*parting.before, *parting.original[:same])[-LINES_BEFORE:]
    left, right = (side[same : same + LINES_AFTER] for side in (parting.original, parting.port))
    times = [f"{seen.time:g} s" for seen in (*before, *left, *right)]
    layout = _Layout.of(width, max(map(len, times), default=0))
    head = [
        f"{'time':>{layout.time}} {'task':<{_TASK}} {side}"
        for side in (
            f"original on {comparison.original.backend}",
            f"{program} on {comparison.port.backend}",
        )
    ]
    rows: list[Row] = [(" ", layout.joined(head[0], head[1]))]
    for seen in before:
        rows += _row(" ", seen, seen, layout)
    for mark, one, other in aligned(left, right):
        rows += _row(mark, one, other, layout)
    more = [max(0, len(side) - same - LINES_AFTER) for side in (parting.original, parting.port)]
    if any(more):
        words = [f"({count} more)" if count else "" for count in more]
        rows.append((" ", layout.joined(words[0], words[1])))
    return rows


@dataclass(frozen=True)
class _Layout:
    """How wide the parts of a side are: time, task, and `column` for the text."""

    time: int
    column: int

    @classmethod
    def of(cls, width: int, longest_time: int) -> _Layout:
        time = max(len("time"), longest_time)
        return cls(time, max(20, (width - 2 * (time + _TASK + 2) - len(" | ")) // 2))

    def joined(self, left: str, right: str) -> str:
        return f"{left:<{self.time + _TASK + 2 + self.column}} | {right}".rstrip()


def aligned(
    left: Sequence[Observation], right: Sequence[Observation]
) -> Iterator[tuple[str, Observation | None, Observation | None]]:
    """Yield both sides in pairs, each with its mark; `None` stands where one has nothing."""
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
    mark: str, one: Observation | None, other: Observation | None, layout: _Layout
) -> Iterator[Row]:
    lines = _LINES if mark != " " else 2
    cells = [_cell(one, other, layout, lines), _cell(other, one, layout, lines)]
    for place in range(max(map(len, cells))):
        left, right = (cell[place] if place < len(cell) else "" for cell in cells)
        yield mark, layout.joined(left, right)


def _cell(
    seen: Observation | None, beside: Observation | None, layout: _Layout, lines: int
) -> list[str]:
    if seen is None:
        return [""]
    text = _excerpt(seen.text, None if beside is None else beside.text, lines * layout.column)
    if seen.stream != "stdout":
        text = f"[{seen.stream}] {text}"
    if not seen.ended:
        text += " (no newline)"
    task = "" if seen.writer is None else f"#{seen.writer}"
    rows = [part for line in text.split("\n") for part in (wrap(line, layout.column) or [""])]
    first = f"{f'{seen.time:g} s':>{layout.time}} {task:<{_TASK}} {rows[0]}"
    return [first, *(f"{'':{layout.time + _TASK + 2}}{row}" for row in rows[1:])]


def _excerpt(text: str, other: str | None, room: int) -> str:
    """Return so much of a long text as there is room for, from where it differs on."""
    if len(text) <= room:
        return text
    differs = _same_until(text, other or "")
    start = max(0, differs - room // 4) if other not in (None, text) else 0
    left_out = "..." if start else ""
    return f"{left_out}{text[start : start + room]}... ({len(text)} characters)"


def _same_until(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how much two sequences have in common at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
