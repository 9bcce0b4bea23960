"""What happened, in a line: the facts that a report begins with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from .comparison import Comparison
from .trace import ChildExit, Observation, Outcome, contents, rounded, shortened


def sides(comparison: Comparison) -> tuple[list[Observation], list[Observation]]:
    """Return what the original alone shows, and what the port alone shows; undeclared alone."""
    surplus = Counter(comparison.original.observations)
    surplus.subtract(comparison.port.observations)
    for one in comparison.declared:
        surplus.subtract(one.original)
        surplus.update(one.port)
    return list((+surplus).elements()), list((-surplus).elements())


def what_happened(comparison: Comparison) -> str:
    """Return in a line what a port did otherwise than its original.

    Args:
        comparison: two traces that part.
    """
    gone, new = sides(comparison)
    said = _outcomes(comparison, gone, new)
    schedule = comparison.port.schedule
    stretched = schedule is not None and bool(schedule.stretches)  # its times mean nothing
    if said is None:
        said = (
            (_turned(comparison) if stretched else _times(gone, new))
            or _exits(comparison, gone, new)
            or _lines(gone, new)
            or _order(comparison)
        )
    return said


def _outcomes(
    comparison: Comparison, gone: Sequence[Observation], new: Sequence[Observation]
) -> str | None:
    left, right = comparison.original.outcome, comparison.port.outcome
    if (left.result, left.exception) == (right.result, right.exception):
        return None
    if not any(seen.stream == "outcome" for seen in (*gone, *new)):
        return None  # it is not counted
    error = right.exception
    if error is not None and error.name == "DeadlockError":
        who = "; ".join(detail for detail in error.details[1:] if "wait" in detail)
        return f"waits for ever: {who}" if who else "waits for ever"
    if error is not None and _said(right) == _said(left):  # what lies below it differs
        mine, theirs = _below(right, left)
        return f"{_ended(right)} with {mine}, where the original's has {theirs}"
    return f"{_ended(right)}, where the original {_ended(left)}"


def _below(*outcomes: Outcome) -> list[str]:
    """Return the first lines of causes, notes and members that are not the same."""
    lines = zip_longest(*(str(one).split("\n") for one in outcomes), fillvalue="nothing")
    first = next((line for line in lines if len(set(line)) > 1), ("nothing",) * len(outcomes))
    return [shortened(text.strip()) for text in first]


def _ended(outcome: Outcome) -> str:
    error = outcome.exception
    said = _said(outcome)
    if outcome.otherwise is not None or error is None or error.name == "DeadlockError":
        return said
    return f"{said} at {error.where}" if error.where else said


def _said(outcome: Outcome) -> str:
    if outcome.otherwise is not None:
        return outcome.otherwise
    error = outcome.exception
    if error is None:
        return f"returned {shortened(outcome.result or 'None')}"
    if error.name == "DeadlockError":
        return "waits for ever"
    text = f"raised {error.name}({shortened(', '.join(error.args))})"
    if error.members:
        text += f" of {', '.join(member.name for member in error.members)}"
    return text


def _times(gone: Sequence[Observation], new: Sequence[Observation]) -> str | None:
    if not gone or contents(gone) != contents(new):
        return None
    left, right = (
        sorted(side, key=lambda seen: (seen.what, seen.time)) for side in (gone, new)
    )
    shifts = {rounded(b.time - a.time) for a, b in zip(left, right, strict=True)}
    first = min(seen.time for seen in (*gone, *new))
    if len(shifts) == 1:
        [shift] = shifts
        when = "later" if shift > 0 else "earlier"
        return f"the same lines, {abs(shift):g} s {when}, from {first:g} s on"
    return f"the same lines at other times, from {first:g} s on"


def _turned(comparison: Comparison) -> str | None:
    """Return which line comes before its turn, if both sides show the same ones at any time."""
    parting = comparison.parting
    if parting is None or contents(parting.original) != contents(parting.port):
        return None
    pairs = zip(parting.original, parting.port, strict=True)
    for one, other in pairs:
        if one.what != other.what:
            return (
                f"another order from {parting.time:g} s on: {other.quoted} before {one.quoted}"
            )
    return None


def _exits(
    comparison: Comparison, gone: Sequence[Observation], new: Sequence[Observation]
) -> str | None:
    """Return which child ended with another exit code, if nothing else differs."""
    left, right = Counter(comparison.original.exits), Counter(comparison.port.exits)
    codes = {one.text for one in (*left, *right)}
    if not (gone or new) or any(seen.text not in codes for seen in (*gone, *new)):
        return None
    theirs, mine = list((left - right).elements()), list((right - left).elements())
    one = _exit(mine, new, None) if new else None
    other = _exit(theirs, gone, one)
    one = one or _exit(mine, new, other)
    if one is None:
        return f"no child ended as the original's: {other}"
    if other is None:
        return f"{one}, none of the original's"
    return f"{one}, the original's with {other.code}"


def _exit(
    exits: Sequence[ChildExit], shown: Sequence[Observation], beside: ChildExit | None
) -> ChildExit | None:
    """Return the child that belongs beside another one, or whose code is shown."""
    texts = {seen.text for seen in shown}
    return min(
        exits,
        key=lambda one: (beside is not None and one.name != beside.name, one.text not in texts),
        default=None,
    )


def _lines(gone: Sequence[Observation], new: Sequence[Observation]) -> str | None:
    lines = [[seen for seen in side if seen.stream != "outcome"] for side in (gone, new)]
    if any(lines):  # when it ended follows from these
        gone, new = lines
    if gone and not new:
        return f"{_count(gone)} missing, first at {_first(gone)}"
    if new and not gone:
        return f"{_count(new)} more than in the original, first at {_first(new)}"
    if not gone:
        return None
    one, other = (min(side, key=lambda seen: seen.time) for side in (gone, new))
    if one.time == other.time:
        return f"at {one.time:g} s {other.quoted}, where the original shows {one.quoted}"
    return (
        f"{_count(gone)} missing, first at {_first(gone)}; "
        f"{_count(new)} more, first at {_first(new)}"
    )


def _order(comparison: Comparison) -> str:
    parting = comparison.parting
    if parting is None:
        return "what is declared does not occur"
    pairs = zip(parting.original, parting.port, strict=False)
    one, other = next(((a, b) for a, b in pairs if a != b), (None, None))
    if one is None or other is None:
        return f"another order at {parting.time:g} s"
    return f"another order at {parting.time:g} s: {other.quoted} before {one.quoted}"


def _count(lines: Sequence[Observation]) -> str:
    return "1 line is" if len(lines) == 1 else f"{len(lines)} lines are"


def _first(lines: Sequence[Observation]) -> str:
    first = min(lines, key=lambda seen: seen.time)
    return f"{first.time:g} s: {first.quoted}"
