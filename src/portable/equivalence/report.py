"""Step 5: put a comparison into words.

The text is plain ASCII as far as the programs' own output is, so that it reads the same in a
terminal, in a log and in a test's failure. Where the traces part, both sides stand line by
line as in a unified diff: `-` the original alone, `+` the port alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from .comparison import Comparison, Verdict
from .trace import Observation, Trace

LINES_BEFORE = 3
"""How many shared lines are shown for orientation."""
LINES_AFTER = 12
"""How many lines of each side are shown from the instant on where they part."""


def explain(comparison: Comparison) -> str:
    """Return a comparison as text, for people to read.

    Args:
        comparison: what `compare()` returned.

    Returns:
        Lines of text: the verdict, each reason for it, the declared differences that
        occur, and both sides from the first instant on where they part.
    """
    return "\n".join(_lines(comparison))


def _lines(comparison: Comparison) -> Iterator[str]:
    original, port = map(_named, (comparison.original, comparison.port))
    if comparison.verdict is Verdict.SAME:
        yield f"{port}: same as {original}"
        return
    verdict = {
        Verdict.REORDERED: "same within every instant, in another order than",
        Verdict.DECLARED: "differs as declared from",
        Verdict.DIFFERENT: "different from",
    }[comparison.verdict]
    yield f"{port}: {verdict} {original}"
    for reason in comparison.reasons:
        yield f"  {reason}"
    for one in comparison.declared:
        yield f"  {one.id}: {one.reason}"
        yield from _marked("-", one.original)
        yield from _marked("+", one.port)
    parting = comparison.parting
    if parting is not None:
        yield f"  - {original}"
        yield f"  + {port}"
        yield from _marked(" ", parting.before[-LINES_BEFORE:])
        yield from _side_by_side(parting.original, parting.port)


def _named(trace: Trace) -> str:
    return f"{trace.program} on {trace.backend}"


def _side_by_side(
    original: Sequence[Observation], port: Sequence[Observation]
) -> Iterator[str]:
    left, right = original[:LINES_AFTER], port[:LINES_AFTER]
    steps = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for step, from_left, to_left, from_right, to_right in steps:
        if step == "equal":
            yield from _marked(" ", left[from_left:to_left])
        else:
            yield from _marked("-", left[from_left:to_left])
            yield from _marked("+", right[from_right:to_right])
    for mark, side in (("-", original), ("+", port)):
        if len(side) > LINES_AFTER:
            yield f"  {mark} ({len(side) - LINES_AFTER} more)"


def _marked(mark: str, observations: Sequence[Observation]) -> Iterator[str]:
    for seen in observations:
        first, *rest = str(seen.text).split("\n")
        end = "" if seen.ended else " (no newline)"
        yield f"  {mark} {f'{seen.time!r} s':>10}  {seen.stream:<10}  {first}{end}".rstrip()
        if mark != " ":
            rest += [f"({detail})" for detail in seen.details]
        yield from (f"  {mark} {'':10}  {'':10}  {line}".rstrip() for line in rest)
