"""Step 4: lay two traces side by side and say what they have in common.

How it works. Observations carry their virtual time, so two traces that hold the same
observations, however often each, hold the same ones at every instant; what is left to judge
is the order within instants. Between the tasks of two programs that order is free: a port need
not wait as often as its original. Lines that *one* task wrote have their order in both traces,
whichever side it was that wrote them from one task. The same program on two backends may be
held to more: `ordered_until` says until when the order counts between tasks, too.
Declared differences are taken out of both sides first, and each must have been there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from portable._differences import DIFFERENCES

from .trace import Observation, Trace

_DIFFERENT_THINGS = "the two sides show different things"

OWN = "own"
"""The id of a difference that is the program's own, and not one of the closed list."""


class Verdict(StrEnum):
    """What a comparison comes to."""

    SAME = "same"
    """The same observations at the same times in the same order."""
    REORDERED = "reordered"
    """What the original shows as well when its tasks take turns in another order."""
    DECLARED = "declared"
    """Differs exactly as declared."""
    DIFFERENT = "different"
    """Differs."""

    @property
    def equivalent(self) -> bool:
        """Whether a port with this verdict may stand for its original."""
        return self is not Verdict.DIFFERENT


@dataclass(frozen=True, slots=True)
class DeclaredDifference:
    """A difference between an original and its port that is meant, and why.

    It must occur: one that does not makes the comparison `different`, so that a list of
    declared differences cannot outlive what it describes.

    Args:
        id: the entry of the closed list of differences it falls under, such as `"T2"`, which
            is one of trio's alone; or `"own"`, for one that belongs to the program.
        reason: why it is there.
        original: what the original alone shows.
        port: what the port shows, in its place or in addition.
        backends: which backends it holds for; none named: all, or trio where the id is trio's.

    Raises:
        ValueError: the id is unknown, or is trio's and other backends are named; the reason
            is empty, or nothing is declared.

    Example:
        >>> DeclaredDifference(
        ...     "own",
        ...     "the port tells how long it took",
        ...     port=(Observation(1.0, "stdout", "took a second"),),
        ... ).holds_on("trio")
        True
    """

    id: str
    reason: str
    original: tuple[Observation, ...] = ()
    port: tuple[Observation, ...] = ()
    backends: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.id not in (*DIFFERENCES, OWN):
            raise ValueError(
                f"id: {self.id!r} is no entry of the list of differences: "
                f"{', '.join(DIFFERENCES)}; write DeclaredDifference('T2', ...), or "
                f"{OWN!r} for one of the program's own"
            )
        if self.id in DIFFERENCES and not set(self.backends) <= {"trio"}:
            raise ValueError(
                f"backends: {self.id} is a difference on trio alone, got "
                f"{', '.join(self.backends)}; use {OWN!r} for one of the program's own"
            )
        if not self.reason.strip():
            raise ValueError(f"reason: {self.id} needs a sentence that says why")
        if not (self.original or self.port):
            raise ValueError(
                f"original, port: {self.id} declares nothing; pass the observations that "
                "either side alone shows, as original=(Observation(...),), port=(...)"
            )

    def holds_on(self, backend: str) -> bool:
        """Return whether it is declared for that backend."""
        if self.id in DIFFERENCES:
            return backend == "trio"
        return not self.backends or backend in self.backends

    def found_in(self, original: Trace, port: Trace) -> DeclaredDifference:
        """Return it as it is: its times are known."""
        return self


@dataclass(frozen=True, slots=True)
class Parting:
    """The first instant where two traces part; what is declared is left out of both.

    Attributes:
        time: that instant, in virtual seconds.
        before: what the original shows before it (and the port too, maybe in other order).
        original: what the original shows from then on.
        port: what the port shows from then on.
    """

    time: float
    before: tuple[Observation, ...]
    original: tuple[Observation, ...]
    port: tuple[Observation, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two traces side by side.

    Attributes:
        original: the trace that is right by definition.
        port: the trace that is judged.
        verdict: what it comes to.
        reasons: why it is `different`, one sentence each; empty if it is not.
        parting: where the traces part, if they do; a harmless order counts if there is
            nothing worse.
        declared: the declared differences that occur.
        stale: the declared differences that do not.
    """

    original: Trace
    port: Trace
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    parting: Parting | None = None
    declared: tuple[DeclaredDifference, ...] = ()
    stale: tuple[DeclaredDifference, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """The reasons, without the one that `facts.what_happened()` says in detail."""
        return tuple(one for one in self.reasons if not one.endswith(_DIFFERENT_THINGS))


def compare(
    original: Trace,
    port: Trace,
    declared: Iterable[DeclaredDifference] = (),
    *,
    ordered_until: float = 0.0,
) -> Comparison:
    """Compare the trace of a port with the trace of its original.

    Args:
        original: the trace that is right by definition.
        port: the trace to judge.
        declared: the differences that are meant.
        ordered_until: before that time the order between tasks counts as well.

    Returns:
        The comparison, with its verdict.

    Example:
        >>> import asyncio, anyio
        >>> from portable.equivalence import Program, compare, record
        >>> async def original():
        ...     await asyncio.sleep(3)
        ...     print("done")
        >>> async def port():
        ...     await anyio.sleep(4)
        ...     print("done")
        >>> compare(
        ...     record(Program("original", original, starter="asyncio")),
        ...     record(Program("port", port, starter="anyio")),
        ... ).verdict.value
        'different'
    """
    surplus = Counter(original.observations)
    surplus.subtract(port.observations)
    occurring, stale = _settle(surplus, declared)
    left = _without(original.observations, (seen for one in occurring for seen in one.original))
    right = _without(port.observations, (seen for one in occurring for seen in one.port))

    reasons = []
    parts_at = min((seen.time for seen, count in surplus.items() if count), default=None)
    if parts_at is not None:
        reasons.append(f"at {parts_at!r} s {_DIFFERENT_THINGS}")
    else:
        early = _out_of_order(left, right)
        if early is not None:
            parts_at = early.time
            reasons.append(f"at {parts_at!r} s lines of one task come in another order")
        elif left != right:
            parts_at = next(a.time for a, b in zip(left, right, strict=True) if a != b)
            if parts_at < ordered_until:
                reasons.append(f"at {parts_at!r} s things come in another order")
    reasons += [
        f"the declared difference {one.id} does not occur ({one.reason}): it is stale, take "
        "it out of the list"
        for one in stale
    ]

    if reasons:
        verdict = Verdict.DIFFERENT
    elif occurring:
        verdict = Verdict.DECLARED
    else:
        verdict = Verdict.SAME if parts_at is None else Verdict.REORDERED
    parting = None if parts_at is None else _part(left, right, parts_at)
    return Comparison(
        original, port, verdict, tuple(reasons), parting, tuple(occurring), tuple(stale)
    )


def _settle(
    surplus: Counter[Observation], declared: Iterable[DeclaredDifference]
) -> tuple[list[DeclaredDifference], list[DeclaredDifference]]:
    """Take what is declared out of the surplus, and tell what occurs from what does not.

    The surplus counts what the original alone shows; what the port alone shows is below 0.
    """
    occurring, stale = [], []
    for one in declared:
        expected = Counter(one.original)
        expected.subtract(one.port)
        found = all(
            count * surplus[seen] > 0 and abs(count) <= abs(surplus[seen])
            for seen, count in expected.items()
        )
        if found:
            surplus.subtract(expected)
            occurring.append(one)
        else:
            stale.append(one)
    return occurring, stale


def _without(
    observations: Sequence[Observation], taken: Iterable[Observation]
) -> list[Observation]:
    """Return the observations in their order without some of them (the last of equal ones)."""
    gone = Counter(taken)
    kept = []
    for seen in reversed(observations):
        if gone[seen]:
            gone[seen] -= 1
        else:
            kept.append(seen)
    return kept[::-1]


def _part(left: list[Observation], right: list[Observation], time: float) -> Parting:
    return Parting(
        time,
        before=tuple(seen for seen in left if seen.time < time),
        original=tuple(seen for seen in left if seen.time >= time),
        port=tuple(seen for seen in right if seen.time >= time),
    )


def _out_of_order(left: list[Observation], right: list[Observation]) -> Observation | None:
    """Return what comes too early, in either trace, to keep the other's order within tasks."""
    early = (_too_early(left, right), _too_early(right, left))
    return min((seen for seen in early if seen), key=lambda seen: seen.time, default=None)


def _too_early(written: list[Observation], read: list[Observation]) -> Observation | None:
    """Return what stands in `read` before something its task wrote first in `written`.

    Where several tasks wrote equal lines, no one can say which of them a line in `read`
    comes from, and trying all ways takes for ever. So lines are counted: as many as need
    a certain line before them, that many of that line must have been there.
    """
    needs: dict[Observation, Counter[Observation]] = {}
    of_task: dict[int, list[Observation]] = {}
    for seen in written:
        if seen.writer is not None:
            of_task.setdefault(seen.writer, []).append(seen)
    for lines in of_task.values():
        for first, then in pairwise(lines):
            needs.setdefault(then, Counter())[first] += 1

    total, so_far, claimed = Counter(written), Counter[Observation](), Counter[Observation]()
    for seen in read:
        for first, times in needs.get(seen, Counter[Observation]()).items():
            if so_far[seen] >= total[seen] - times:  # those that need nothing are used up
                claimed[first] += 1
                if claimed[first] > so_far[first]:
                    return seen
        so_far[seen] += 1
    return None
