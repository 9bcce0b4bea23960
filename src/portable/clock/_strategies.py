"""Strategies: how a schedule chooses the next step among the tasks that are ready.

- `Shuffle` puts the ready steps of one iteration into a random order. Every order may come up,
  but no step is more than one iteration late.
- `Priorities` delays tasks for longer. Each task draws a priority, and the ready task with the
  highest one runs as long as it is ready. At a few random points the task that would run next
  gets the lowest priority. This is probabilistic concurrency testing (PCT): an order bug of
  depth d among n tasks comes up with a probability of at least 1/(n * k**(d - 1)) in k steps.
  A seed has to mean the same in every run, whose number of steps is not known beforehand. So
  the seed draws k, too, as a power of two.
- `Replay` follows the usual order, except for the steps that it is told to hold back.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

from ._taken import Hold

#: How many steps in a row a task may take while others wait: a task that spins never waits.
PATIENCE = 100
#: After how many steps of others a replay stops holding steps back.
_HELD_AT_MOST = 2_000
_CHANGE_POINTS = 3
_LONGEST_RUN = 10  # as a power of two, in steps at which there is a choice

Step = tuple[int, int]
"""A task's number, and the number of the step among that task's steps."""


class Strategy(Protocol):
    """How the next step is chosen."""

    def limit(self, ready: int) -> int:
        """Return how many steps to choose before asking again what is ready."""
        raise NotImplementedError

    def choose(self, free: Sequence[Step]) -> int:
        """Return the index of the step to take, among those that are free."""
        raise NotImplementedError


class Shuffle:
    """Takes all ready steps, in a random order."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator

    def limit(self, ready: int) -> int:
        """Choose among the steps that are ready now, and no later ones."""
        return ready

    def choose(self, free: Sequence[Step]) -> int:
        """Draw one of them."""
        return self._random.randrange(len(free)) if len(free) > 1 else 0


class Priorities:
    """Takes the step of the task with the highest priority."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator
        horizon = 2 ** min(
            generator.randint(1, _LONGEST_RUN), generator.randint(1, _LONGEST_RUN)
        )
        self._changes = {
            generator.randrange(horizon) for _ in range(generator.randint(1, _CHANGE_POINTS))
        }
        self._priorities: dict[int, float] = {}
        self._lowest = 0.0
        self._choices = 0
        self._last: int | None = None
        self._in_a_row = 0

    def limit(self, ready: int) -> int:
        """Take one step at a time; a few if very many are ready, for speed."""
        return 1 + ready // 100

    def choose(self, free: Sequence[Step]) -> int:
        """Return the step with the highest priority; change priorities first if it is time."""
        for task, _ in free:
            if task not in self._priorities:
                self._priorities[task] = self._random.random()
        if len(free) == 1:
            return 0
        at = self._first(free)
        if self._choices in self._changes or (
            free[at][0] == self._last and self._in_a_row >= PATIENCE
        ):
            self._lowest -= 1
            self._priorities[free[at][0]] = self._lowest
            at = self._first(free)
        self._choices += 1
        self._in_a_row = self._in_a_row + 1 if free[at][0] == self._last else 1
        self._last = free[at][0]
        return at

    def _first(self, free: Sequence[Step]) -> int:
        return max(range(len(free)), key=lambda at: self._priorities[free[at][0]])


class Replay:
    """Takes the steps in their usual order, except those that are held back."""

    def __init__(self, holds: Sequence[Hold], taken: Callable[[int], int]) -> None:
        self._holds: dict[Step, list[Hold]] = {}
        for hold in holds:
            self._holds.setdefault((hold.held, hold.held_step), []).append(hold)
        self._taken = taken
        self._waited = 0
        self._holding = False

    def limit(self, ready: int) -> int:
        """Take all ready steps; one at a time while a step is held back."""
        return 1 if self._holding else ready

    def look(self, ready: Sequence[Step]) -> None:
        """Note whether one of the ready steps is held back."""
        self._holding = bool(self._holds) and any(map(self._is_held, ready))

    def choose(self, free: Sequence[Step]) -> int:
        """Return the first step that is not held back; if all are, the first one."""
        for at, step in enumerate(free):
            if not self._is_held(step):
                self._waited += at > 0
                if self._waited > _HELD_AT_MOST:
                    self._holds.clear()
                return at
        return 0

    def _is_held(self, step: Step) -> bool:
        held = self._holds.get(step, ())
        return any(self._taken(hold.first) < hold.first_step for hold in held)
