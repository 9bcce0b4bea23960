"""What a schedule has done, as data: holds, stretched sleeps, and the replay string of both.

In the usual order, steps run in the order in which they become ready. A *hold* is one deviation
from it: a step waited until another task had taken one of its own. A run with the same holds
that otherwise follows the usual order is the same run again, which is a *replay*. Each hold has
a meaning by itself, so holds can be left out one by one; that is how a schedule is shrunk. A
*stretch* is a sleep that took longer. Tasks are numbered in the order in which they are made,
the steps of a task in the order in which they are taken.

A replay string lists holds and stretches. `3.1-2.4,2.2~0.001`: step 1 of task 3 came before
step 4 of task 2, and the sleep that task 2 began in its step 2 took 1 ms longer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TypeAlias

Seed: TypeAlias = int | str
"""The name of a schedule: `17`, `walk 17`, `17~0.002` (sleeps longer), or a replay string."""

WALK = "walk "
"""Before a number: each step is drawn anew from all that are ready (`walk 17`)."""

USUAL = "usual"
"""The replay string of a run in the usual order."""

CALLBACK = 0
"""The number of all plain callbacks; tasks are counted from 1."""
MACHINERY = -1
"""The number of the libraries' own trio tasks."""

_HOLD = re.compile(r"(-?\d+)\.(\d+)-(-?\d+)\.(\d+)")
_SECONDS = r"(?:\d+\.?\d*|\.\d+)(?:e-?\d+)?"
_STRETCH = re.compile(rf"(-?\d+)\.(\d+)(?:\.(\d+))?~({_SECONDS})")
_NUMBER = re.compile(rf"(?:{WALK})?(-?\d+)(?:~({_SECONDS}))?")


Overtaker: TypeAlias = tuple[int, int, int]
"""A task's number, and the first and the last of the steps that it took before another."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A step that waited for another task's.

    Attributes:
        first: the number of the task that went first.
        first_step: which of its steps that was.
        held: the number of the task that waited.
        held_step: which of its steps waited.
        time: the virtual time.
        others: who took steps while the other waited, and the first and last of these.
    """

    first: int
    first_step: int
    held: int
    held_step: int
    time: float = field(default=0.0, compare=False)
    others: tuple[Overtaker, ...] = field(default=(), compare=False)

    @property
    def steps(self) -> int:
        """How many steps the first task took while the other waited."""
        return sum(last - first + 1 for task, first, last in self.others if task == self.first)

    def __str__(self) -> str:
        return f"{self.first}.{self.first_step}-{self.held}.{self.held_step}"


@dataclass(frozen=True, slots=True)
class Stretch:
    """A sleep that took longer.

    Attributes:
        task: the number of the task that slept.
        step: in which of its steps the sleep began.
        nth: which of the sleeps that began in that step it was, from 1.
        seconds: how much longer it took.
        time: the virtual time at which it began.
    """

    task: int
    step: int
    nth: int
    seconds: float
    time: float = field(default=0.0, compare=False)

    def __str__(self) -> str:
        nth = f".{self.nth}" if self.nth > 1 else ""
        return f"{self.task}.{self.step}{nth}~{self.seconds!r}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a schedule did in one run.

    Attributes:
        holds: the steps that came out of their usual order, by time.
        stretches: the sleeps that took longer, by time.
        labels: what each task is called, by its number.
        threads: whether threads took part, whose order no seed decides.
    """

    holds: tuple[Hold, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    labels: Mapping[int, str] = field(default_factory=dict)
    threads: bool = False

    @property
    def replay(self) -> str:
        """The replay string: given as the seed, it repeats the run."""
        return replay_string(self.holds, self.stretches)


def replay_string(holds: Iterable[Hold], stretches: Iterable[Stretch]) -> str:
    """Return the string that names these holds and stretches."""
    return ",".join(map(str, [*holds, *stretches])) or USUAL


def parse_seed(seed: Seed) -> tuple[int | None, float, tuple[Hold, ...], tuple[Stretch, ...]]:
    """Parse the name of a schedule: its number, seconds to stretch by, holds and stretches.

    Raises:
        TypeError: it is neither an integer nor a string.
        ValueError: it is a string of no such form.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, str)):
        raise TypeError(
            f"seed: expected an integer or a replay string, got {seed!r}; as in "
            "VirtualClock(seed=7)"
        )
    if isinstance(seed, int):
        return seed, 0.0, (), ()
    text = seed.strip()
    if number := _NUMBER.fullmatch(text):
        stretch = float(number[2] or 0.0)
        if isfinite(stretch):
            return int(number[1]), stretch, (), ()
    holds, stretches = [], []
    for token in [] if text == USUAL else text.split(","):
        if hold := _HOLD.fullmatch(token):
            first, first_step, held, held_step = map(int, hold.groups())
            holds.append(Hold(first, first_step, held, held_step))
        elif stretched := _STRETCH.fullmatch(token):
            task, step, nth, seconds = stretched.groups()
            stretches.append(Stretch(int(task), int(step), int(nth or 1), float(seconds)))
        else:
            raise ValueError(
                f"seed: {seed!r} names no schedule; write an integer, 'walk 17', 17~0.002 for "
                f"seed 17 with sleeps up to 2 ms longer, {USUAL!r}, or the replay string of a "
                "report, such as 3.1-2.4"
            )
    return None, 0.0, tuple(holds), tuple(stretches)


def walks(seed: Seed | None) -> bool:
    """Say whether a seed names a schedule that draws each step anew."""
    return isinstance(seed, str) and seed.strip().startswith(WALK)


def schedules(count: int | None, first: Seed | None, stretch: float = 0.0) -> tuple[Seed, ...]:
    """Return the names of `count` schedules.

    Args:
        count: how many; `None`: the first one alone, if it is given.
        first: the seed of the first; the others have the numbers after it. `None`: 0.
        stretch: the seconds by which they may stretch sleeps.

    Raises:
        TypeError: the seed is neither an integer nor a string.
        ValueError: a string names no schedule, or one that no others follow; or the stretch is
            negative, infinite or NaN.
    """
    if not (isfinite(stretch) and stretch >= 0):
        raise ValueError(f"stretch: must be finite and not negative, got {stretch!r}")
    if count is None and first is None:
        return ()
    number, own, _, _ = parse_seed(0 if first is None else first)
    many = 1 if count is None else count
    if number is None:
        if many > 1 or stretch:
            raise ValueError(
                f"seed: {first!r} is one schedule, and says itself which sleeps it stretches; "
                "no others follow it: give it alone"
            )
        assert first is not None
        return (first,) * many
    longest = stretch or own
    seeds = range(number, number + many)
    before, behind = WALK if walks(first) else "", f"~{longest!r}" if longest else ""
    if before or behind:
        return tuple(f"{before}{seed}{behind}" for seed in seeds)
    return tuple(seeds)
