"""Shrink a failing schedule to the fewest steps out of order that make it fail.

A schedule consists of holds (steps that waited for another task's) and of sleeps that were
stretched (`Taken`). Some of them are enough: parts are left out as long as the run still
fails, a half first, then smaller parts, down to each by itself. The caller runs the candidates,
and may run several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from portable.clock._taken import Hold, Stretch, Taken, replay_string

Attempt: TypeAlias = Callable[[Sequence[str]], Sequence[Taken | None]]
"""Runs candidates, given as replay strings: what each that fails did, `None` for the others."""

_RUNS = 200
_AT_ONCE = 16

_Parts: TypeAlias = tuple[Hold | Stretch, ...]


@dataclass(frozen=True, slots=True)
class Shrunk:
    """What is left of a failing schedule.

    Attributes:
        taken: what the shortest failing run did; its replay string names it.
        steps: how many steps were out of order, or sleeps stretched, before.
        runs: how many runs it took.
    """

    taken: Taken
    steps: int
    runs: int

    @property
    def headline(self) -> str:
        """How much of the schedule is left."""
        left = len(self.taken.holds) + len(self.taken.stretches)
        runs = "run" if self.runs == 1 else "runs"
        return f"shrunk to {left} of {self.steps} steps out of order, in {self.runs} {runs}"


def shrink(taken: Taken, attempt: Attempt, *, runs: int = _RUNS) -> Shrunk | None:
    """Return the least of a failing schedule that still fails.

    Args:
        taken: what the schedule did in a run that failed.
        attempt: runs candidates and says which fail.
        runs: how many runs it may take.

    Returns:
        `None` if the run does not fail again when it is replayed: then something else than the
        order has a say in it.
    """
    search = _Search(attempt, runs)
    everything: _Parts = (*taken.holds, *taken.stretches)
    if not search.fails(everything):
        return None
    search.with_fewer(everything)
    search.make_plain()
    assert search.best is not None
    return Shrunk(search.best, len(everything), search.runs)


class _Search:
    """A search for fewer parts."""

    def __init__(self, attempt: Attempt, runs: int) -> None:
        self._attempt = attempt
        self._left = runs
        self.runs = 0
        self.best: Taken | None = None

    def fails(self, parts: _Parts) -> bool:
        """Run one candidate; say whether it fails."""
        return self._first([parts]) is not None

    def with_fewer(self, parts: _Parts) -> None:
        """Leave parts out, many at once at first."""
        if parts and self.fails(()):
            return
        size = max(1, len(parts) // 2)
        while parts and self._left > 0:
            candidates = [
                parts[:first] + parts[first + size :] for first in range(0, len(parts), size)
            ]
            if len(parts) > 2 * size:  # a small part may be all that is needed
                alone = [parts[first : first + size] for first in range(0, len(parts), size)]
                candidates = alone + candidates
            found = self._first([one for one in candidates if len(one) < len(parts)])
            if found is not None:
                parts = found
                size = max(1, min(size, len(parts) // 2))
            elif size == 1:
                break
            else:
                size = max(1, size // 2)

    def make_plain(self) -> None:
        """Let the held steps wait for other ones: of a task with a name, and early ones."""
        assert self.best is not None
        parts: _Parts = (*self.best.holds, *self.best.stretches)
        for at, part in enumerate(parts):
            if isinstance(part, Hold):
                candidates = [(*parts[:at], one, *parts[at + 1 :]) for one in _plainer(part)]
                parts = self._first(candidates) or parts

    def _first(self, candidates: Sequence[_Parts]) -> _Parts | None:
        """Return the first candidate that fails."""
        for start in range(0, len(candidates), _AT_ONCE):
            some = candidates[start : start + min(_AT_ONCE, self._left)]
            if not some:
                return None
            self._left -= len(some)
            self.runs += len(some)
            for parts, taken in zip(some, self._attempt([*map(_named, some)]), strict=False):
                if taken is not None:
                    self.best = taken
                    return parts
        return None


def _named(parts: _Parts) -> str:
    return replay_string(
        [one for one in parts if isinstance(one, Hold)],
        [one for one in parts if isinstance(one, Stretch)],
    )


def _plainer(hold: Hold) -> Iterator[Hold]:
    """Yield holds of the same step by other steps, those first that are easily understood."""
    for task, first, last in sorted(hold.others):
        if task <= 0:
            continue
        step, wide = first, 1
        while step <= last and (task, step) != (hold.first, hold.first_step):
            yield Hold(task, step, hold.held, hold.held_step)
            step, wide = step + wide, 2 * wide
        if hold.first <= 0:
            yield Hold(task, last, hold.held, hold.held_step)


def in_words(taken: Taken, most: int = 5) -> str:
    """Return what a schedule did as a sentence.

    Args:
        taken: what it did.
        most: how many steps to name.

    Example:
        >>> taken = Taken((Hold(3, 1, 2, 1, 3.0),), (), {2: "worker 1", 3: "worker 2"})
        >>> in_words(taken)
        'worker 2 ran before worker 1 at 3 s, otherwise as usual'
    """
    words = [_hold(one, taken) for one in taken.holds]
    words += [_stretch(one, taken) for one in taken.stretches]
    if not words:
        return "all tasks took their turns in the order in which they became ready"
    more = f", and {len(words) - most} more" if len(words) > most else ""
    return f"{', '.join(dict.fromkeys(words[:most]))}{more}, otherwise as usual"


def _hold(hold: Hold, taken: Taken) -> str:
    first, held = (_name(taken, number) for number in (hold.first, hold.held))
    ran = "ran" if hold.steps < 2 else f"took {hold.steps} steps"
    return f"{first} {ran} before {held} at {hold.time:g} s"


def _stretch(stretch: Stretch, taken: Taken) -> str:
    who = _name(taken, stretch.task)
    return f"a sleep of {who} from {stretch.time:g} s on took {stretch.seconds:.3g} s longer"


def _name(taken: Taken, number: int) -> str:
    return taken.labels.get(number, f"task {number}")
