"""Strategies: how a schedule chooses the next step among the tasks that are ready.

- `Shuffle` takes what is ready in a random order, all of it before what becomes ready later.
  Every order may come up, but no step is late by more than that.
- `Priorities` delays tasks for longer. Each task draws a priority, and the ready task with the
  highest one runs as long as it is ready. At a few random points the task that would run next
  gets the lowest priority. This is probabilistic concurrency testing (PCT): an order bug of
  depth d among n tasks comes up with a probability of at least 1/(n * k**(d - 1)) in k steps.
  A seed has to mean the same in every run, whose number of steps is not known beforehand. So
  the seed draws k, too, as a power of two.
- `Walk` draws each step from all that are ready by then. No task is delayed for long, but what
  one step makes ready may come before the others of its round.
- `Replay` follows the usual order, except for the steps that it is told to hold back.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from typing import Protocol

from ._taken import Hold

#: How many steps in a row a task may take while others wait: a task that spins never waits.
PATIENCE = 100
#: After how many steps of others a replay stops holding steps back.
_HELD_AT_MOST = 2_000
_DRAWS = 20
_CHANGE_POINTS = 3
_LONGEST_RUN = 10  # as a power of two, in steps at which there is a choice

Step = tuple[int, int]
"""A task's number, and the number of the step among that task's steps."""


class Strategy(Protocol):
    """How the next step is chosen."""

    def choose(self, free: Sequence[Step], ready: Sequence[Step]) -> Step:
        """Return the step to take, among those that are free.

        Args:
            free: the steps that no other has to precede, in their usual order.
            ready: all that are ready; some may have been taken. It is the same object until
                the schedule looks anew at what is ready.
        """
        raise NotImplementedError


class Shuffle:
    """Takes all ready steps in a random order, and then those that are ready by then."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator
        self._round: set[Step] = set()

    def choose(self, free: Sequence[Step], ready: Sequence[Step]) -> Step:
        """Draw one of this round; begin the next one if it is over."""
        step = self._draw(free)
        if step is None:
            self._round = set(ready)
            step = self._random.choice(free) if len(free) > 1 else free[0]
        self._round.discard(step)
        return step

    def _draw(self, free: Sequence[Step]) -> Step | None:
        # A few draws out of all are quicker than a search for those of the round.
        for _ in range(_DRAWS if len(free) > _DRAWS else 0):
            step = self._random.choice(free)
            if step in self._round:
                return step
        left = [step for step in free if step in self._round]
        return self._random.choice(left) if left else None


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
        # The free steps of the last look at what is ready, the highest priority first.
        self._heap: list[tuple[float, int, Step]] = []
        self._ready: Sequence[Step] | None = None

    def choose(self, free: Sequence[Step], ready: Sequence[Step]) -> Step:
        """Return the step with the highest priority; change priorities first if it is time."""
        if ready is not self._ready or not self._heap:
            self._ready = ready
            self._look(free)
        heap = self._heap
        step = heap[0][2]
        if len(free) > 1:
            if self._choices in self._changes or (
                step[0] == self._last and self._in_a_row >= PATIENCE
            ):
                self._lowest -= 1
                self._priorities[step[0]] = self._lowest
                heapq.heapreplace(heap, (-self._lowest, heap[0][1], step))
                step = heap[0][2]
            self._choices += 1
            self._in_a_row = self._in_a_row + 1 if step[0] == self._last else 1
            self._last = step[0]
        heapq.heappop(heap)
        return step

    def _look(self, free: Sequence[Step]) -> None:
        priorities = self._priorities
        for task, _ in free:
            if task not in priorities:
                priorities[task] = self._random.random()
        self._heap = [(-priorities[step[0]], at, step) for at, step in enumerate(free)]
        heapq.heapify(self._heap)


class Walk:
    """Takes any of the ready steps, each as likely as the others."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator

    def choose(self, free: Sequence[Step], ready: Sequence[Step]) -> Step:
        """Draw one."""
        return self._random.choice(free)


class Replay:
    """Takes the steps in their usual order, except those that are held back."""

    def __init__(self, holds: Sequence[Hold], taken: Callable[[int], int]) -> None:
        self._holds: dict[Step, list[Hold]] = {}
        for hold in holds:
            self._holds.setdefault((hold.held, hold.held_step), []).append(hold)
        self._taken = taken
        self._waited = 0

    def choose(self, free: Sequence[Step], ready: Sequence[Step]) -> Step:
        """Return the first step that is not held back; if all are, the first one."""
        for at, step in enumerate(free):
            if not self._is_held(step):
                self._waited += at > 0
                if self._waited > _HELD_AT_MOST:
                    self._holds.clear()
                return step
        return free[0]

    def _is_held(self, step: Step) -> bool:
        held = self._holds.get(step, ())
        return any(self._taken(hold.first) < hold.first_step for hold in held)
