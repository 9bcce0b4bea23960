"""How traces are read before and after they are compared: what counts, and how exactly.

Everything is done to copies of the traces, so that one recording can be read in several ways.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import get_args

from .comparison import Comparison, DeclaredDifference, compare
from .noise import normalised, without_frames, without_frames_inside
from .trace import Observation, Stream, Trace, Written

STREAMS: Mapping[str, tuple[str, ...]] = {
    "stdout": ("stdout",),
    "stderr": ("stderr",),
    "logging": ("log",),
    "warnings": ("warning",),
    "unraisable": ("unraisable",),
    "tasks": ("tasks",),
    "threads": ("thread", "threads"),
    "blocking": ("blocking",),
    "children": ("children",),
    "files": ("files",),
    "outcome": ("outcome",),
}
"""What can be ignored, and the streams it stands for."""

# Names and numbers that a run gives to tasks and that mean nothing in another one.
_TASK_NAME = re.compile(r"\bTask-\d+\b")
_ID = re.compile(r"\bid=\d{5,}\b")


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read traces.

    Args:
        normalize: regular expressions; what they match becomes `...` on both sides.
        ignore: what does not count, of `STREAMS`.
        tolerance: seconds by which things may come at other times.
        strict_order: whether another order within an instant counts as a difference.
        in_turn: whether what comes at other times has to come in the same order still.

    Raises:
        ValueError: a name is unknown, the tolerance is negative, or an expression is wrong.

    Example:
        >>> Reading(ignore=("stdin",))
        Traceback (most recent call last):
        ValueError: ignore: 'stdin' is unknown; known are: stdout, stderr, logging, ...
    """

    normalize: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    tolerance: float = 0.0
    strict_order: bool = False
    in_turn: bool = False

    def __post_init__(self) -> None:
        for name in self.ignore:
            if name not in STREAMS:
                raise ValueError(
                    f"ignore: {name!r} is unknown; known are: {', '.join(STREAMS)}"
                )
        for pattern in self.normalize:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(
                    f"normalize: {pattern!r} is no regular expression: {error}"
                ) from None
        if not self.tolerance >= 0:
            raise ValueError(f"tolerance: must not be negative, got {self.tolerance!r}")

    def read(self, trace: Trace) -> Trace:
        """Return the trace without what does not count."""
        ignored = {stream for name in self.ignore for stream in STREAMS[name]}
        counting = [
            seen
            for seen in trace.observations
            if seen.stream not in ignored and not is_silent(seen)
        ]
        for stream in get_args(Written):
            counting = _without_frames(counting, stream)
        return replace(
            trace,
            observations=tuple(replace(seen, text=self._text(seen.text)) for seen in counting),
        )

    def _text(self, text: str) -> str:
        text = without_frames_inside(text)
        text = _ID.sub("id=...", _TASK_NAME.sub("Task-...", normalised(text)))
        for pattern in self.normalize:
            text = re.sub(pattern, "...", text)
        return text

    def compare(
        self,
        original: Trace,
        port: Trace,
        declared: Iterable[DeclaredDifference] = (),
        *,
        stale_counts: bool = True,
        ordered_until: float = 0.0,
    ) -> Comparison:
        """Read two traces and compare them.

        Args:
            original: the trace that is right by definition.
            port: the trace to judge.
            declared: the differences that are meant.
            stale_counts: whether one that does not occur is a difference; under one
                schedule out of many it need not occur.
            ordered_until: before that time the order between tasks counts as well.
        """
        declared = tuple(declared)
        left, right = self.read(original), self.read(port)
        if self.tolerance:
            right = _in_step(left, right, self.tolerance)
        if self.in_turn:
            right = _in_turn(right)
        until = inf if self.strict_order else ordered_until
        found = compare(left, right, declared, ordered_until=until)
        if found.stale and not stale_counts:
            occurring = [one for one in declared if one not in found.stale]
            found = compare(left, right, occurring, ordered_until=until)
        return found


def is_silent(seen: Observation) -> bool:
    """Say whether Python shows it only on request, as by `-X dev`."""
    return seen.stream == "warning" and seen.text.startswith("ResourceWarning: ")


def _without_frames(observations: list[Observation], stream: Stream) -> list[Observation]:
    """Cut the tracebacks down that came line by line on a stream."""
    places = [at for at, seen in enumerate(observations) if seen.stream == stream]
    left = dict(
        zip(places, without_frames([observations[at].text for at in places]), strict=True)
    )
    kept = []
    for at, seen in enumerate(observations):
        text = left.get(at, seen.text)
        if text is not None:
            kept.append(seen if text == seen.text else replace(seen, text=text))
    return kept


def in_any_time(reading: Reading) -> Reading:
    """Return a reading for real time, in which no two runs have the same times."""
    return reading if reading.tolerance else replace(reading, tolerance=inf)


def _in_turn(port: Trace) -> Trace:
    """Let nothing have an earlier time than what came before it."""
    latest, moved = 0.0, []
    for seen in port.observations:
        latest = max(latest, seen.time)
        moved.append(replace(seen, time=latest))
    return replace(port, observations=tuple(moved))


def _in_step(original: Trace, port: Trace, tolerance: float) -> Trace:
    """Give what the port shows the times of the original, where they are near enough."""
    waiting: dict[tuple[str, str, bool], list[Observation]] = {}
    for seen in original.observations:
        waiting.setdefault((seen.stream, seen.text, seen.ended), []).append(seen)
    moved = []
    for seen in port.observations:
        same = waiting.get((seen.stream, seen.text, seen.ended), [])
        near = next((one for one in same if abs(one.time - seen.time) <= tolerance), None)
        if near is not None:
            same.remove(near)
            seen = replace(seen, time=near.time)
        moved.append(seen)
    return replace(port, observations=tuple(moved))
