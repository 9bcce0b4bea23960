"""Schedules: a seed decides the order in which ready tasks take their steps.

A schedule reorders the steps of different tasks, and may delay a step until later ones are
ready. It keeps every order that asyncio promises: plain callbacks run in the order in which
they were registered, and a task's own steps stay in order. A task that a future wakes comes
after the callbacks that the future had before, and after plain callbacks that were registered
before: in one of them a transport makes its streams, and then it wakes who asked for them.

Even seeds shuffle, odd seeds give the tasks priorities, and a `walk` draws each step
(`_strategies.py`). `Schedule.taken()` records what was done, for a replay (`_taken.py`).

On asyncio and uvloop `_scheduled_loop.py` holds back what is ready and asks for the order. The
loop on trio asks by `EventLoop.order`, trio's own scheduler by `_trio_order.py`.
"""

from __future__ import annotations

import asyncio
import random
import re
import weakref
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import thread_time
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from ._strategies import Priorities, Replay, Shuffle, Step, Strategy, Walk
from ._taken import (
    CALLBACK,
    MACHINERY,
    Hold,
    Overtaker,
    Seed,
    Stretch,
    Taken,
    parse_seed,
    walks,
)

# Up to so many ready steps are taken one at a time, and an eighth of what is above at once, for
# speed. A replay has to do the same, since timers and I/O come in between.
_ONE_AT_A_TIME = 100
# How many steps to look back at, to find who overtook a step.
_LOOKED_BACK = 100
# asyncio's and uvloop's names for tasks that have none.
_NUMBERED = re.compile(r"Task-\d+")
# trio and AnyIO name a task after its function.
_DOTTED = re.compile(r"[\w<>]+(?:\.[\w<>]+)+")


class Link(NamedTuple):
    """Says which others a ready callback must not overtake.

    Attributes:
        chain: the number of the task whose step it is, or `CALLBACK`, or `MACHINERY`. It must
            not overtake the same chain.
        cause: the identity of the future whose callback it is; `None`: of no future.
        cancelled: whether that future was cancelled.
    """

    chain: int
    cause: int | None = None
    cancelled: bool = False


class Schedule:
    """Decides the order of steps in one run, by a seed.

    Args:
        seed: an integer, or a string that names a schedule.

    Attributes:
        threads: whether threads have taken part.
        now: returns the virtual time.
        choosing: the seconds of processor time that it took so far to choose.

    Raises:
        TypeError: the seed is neither.
        ValueError: the string names none.
    """

    def __init__(self, seed: Seed) -> None:
        number, self._stretch, holds, stretches = parse_seed(seed)
        self.threads = False
        self.now: Callable[[], float] = float
        self.choosing: float = 0.0
        # Weak: a task that was kept alive here could not log "Task was destroyed".
        self._numbers: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        self._labels: dict[int, str] = {CALLBACK: "a callback", MACHINERY: "the event loop"}
        # uvloop names a task only after it has scheduled its first step.
        self._unnamed: dict[int, weakref.ref[Any]] = {}
        self._made = 0
        self._taken: dict[int, int] = {}
        self._replay: Replay | None = None
        self._random = random.Random(f"sleeps {number}")
        if number is None:
            self._replay = Replay(holds, self._steps_of)
        # trio's tasks have random numbers of their own: asyncio's get the same on each backend.
        strategy = Walk if walks(seed) else Priorities if (number or 0) % 2 else Shuffle
        self._of_loop: Strategy = self._replay or strategy(random.Random(number))
        self._of_trio: Strategy = self._replay or strategy(random.Random(f"trio {number}"))
        self._long = {(one.task, one.step, one.nth): one.seconds for one in stretches}
        self._sleeps: dict[Step, int] = {}
        self._ranks = _Ranks()
        self._steps: list[_TakenStep] = []
        self._stretches: list[Stretch] = []

    # Who is who ------------------------------------------------------------------------

    def link(self, owner: object, args: Sequence[object]) -> Link:
        """Return the link of a callback.

        Args:
            owner: the object whose method the callback is: a task, if it is a step.
            args: the arguments of the callback.
        """
        chain = self.number(owner) if isinstance(owner, asyncio.Task) else CALLBACK
        future = args[0] if args and isinstance(args[0], asyncio.Future) else None
        if future is None:
            return Link(chain)
        return Link(chain, id(future), future.cancelled())

    def number(self, task: Any) -> int:
        """Return the number of a task; tasks are counted when they are first scheduled."""
        number = self._numbers.get(task)
        if number is None:
            self._made += 1
            self._numbers[task] = number = self._made
            self._unnamed[number] = weakref.ref(task)
        return number

    def _name_new(self) -> None:
        for number, named in self._unnamed.items():
            self._labels[number] = _label(named())
        self._unnamed.clear()

    def _steps_of(self, chain: int) -> int:
        return self._taken.get(chain, 0)

    # Order -----------------------------------------------------------------------------

    def order(self, ready: Sequence[Link], *, in_trio: bool = False) -> list[int]:
        """Return the indices of what is to run now, in order; the rest has to wait.

        Args:
            ready: the links of what is ready, in the order in which it became ready.
            in_trio: whether trio's scheduler asks; otherwise an event loop asks.
        """
        if all(one.chain == MACHINERY for one in ready):
            return list(range(len(ready)))
        self._name_new()
        strategy = self._of_trio if in_trio else self._of_loop
        queue = _Ready(ready, self._taken, self._ranks)
        order = []
        for _ in range(1 + max(0, len(ready) - _ONE_AT_A_TIME) // 8):
            step = strategy.choose(queue.free, queue.steps)
            queue.take(step)
            order.append(queue.place(step))
            self._taken[step[0]] = step[1]
            self._steps.append((step, self._ranks.pop(step), self.now()))
        return order

    @contextmanager
    def taking_time(self) -> Iterator[None]:
        """Count the time that the block takes as time of the schedule's own."""
        began = thread_time()
        try:
            yield
        finally:
            self.choosing += thread_time() - began

    # Sleeps ----------------------------------------------------------------------------

    def longer(self, task: object) -> float:
        """Return the seconds by which to stretch a sleep that begins now.

        Args:
            task: the task that sleeps; `None`: a callback.
        """
        if not (self._stretch or self._long):
            return 0.0
        chain = CALLBACK if task is None else self.number(task)
        step = chain, self._steps_of(chain)
        self._sleeps[step] = nth = self._sleeps.get(step, 0) + 1
        if self._stretch:
            longer = max(0.0, self._random.uniform(-self._stretch, self._stretch))
            longer = float(f"{longer:.6g}")  # few digits: it is part of the replay string
        else:
            longer = self._long.get((*step, nth), 0.0)
        if longer:
            self._stretches.append(Stretch(*step, nth, longer, self.now()))
        return longer

    # Afterwards ------------------------------------------------------------------------

    def taken(self) -> Taken:
        """Return what the schedule has done so far."""
        return Taken(
            tuple(_holds(self._steps)),
            tuple(self._stretches),
            _numbered_apart(self._labels),
            self.threads,
        )


class _Ranks:
    """The usual order, as ranks: each step gets a rank when it becomes ready."""

    def __init__(self) -> None:
        self._ranks: dict[Step, int] = {}
        self._next = 0

    def __getitem__(self, step: Step) -> int:
        return self._ranks[step]

    def pop(self, step: Step) -> int:
        """Forget a step, as it is taken; return its rank."""
        return self._ranks.pop(step)

    def add(self, steps: Sequence[Step], ready: Sequence[Link]) -> None:
        """Rank what has become ready, in that order.

        Cancelled tasks are an exception: the libraries cancel the tasks of a group in the order
        of a set, which is random. These tasks are ranked in the order in which they were made.
        A rank never changes: a replay would take what it belongs to before the change.
        """
        cancelled = []
        for step, one in zip(steps, ready, strict=True):
            if step not in self._ranks:
                self._ranks[step] = self._next
                self._next += 1
                if one.cancelled and one.chain > 0:
                    cancelled.append(step)
        ranks = sorted(map(self._ranks.__getitem__, cancelled))
        self._ranks.update(zip(sorted(cancelled), ranks, strict=True))


class _Ready:
    """The ready steps, and which of them are free to be taken.

    A step is free if every step that it must not overtake has been taken.

    Attributes:
        steps: all ready steps.
        free: the free steps, in their usual order.
    """

    def __init__(self, ready: Sequence[Link], taken: dict[int, int], ranks: _Ranks) -> None:
        self._followers: dict[Step, list[Step]] = {}
        self._waits: dict[Step, int] = {}
        self._ranks = ranks
        last: dict[int, Step] = {}
        last_callback: dict[int, Step] = {}
        last_plain: Step | None = None
        for chain, cause, _ in ready:
            earlier = last.get(chain)
            number = taken.get(chain, 0) if earlier is None else earlier[1]
            last[chain] = step = chain, number + 1
            woken = None if cause is None else last_callback.get(cause)
            plain = last_plain if chain > 0 else None
            waits = 0
            for other in (earlier, None if woken == earlier else woken, plain):
                if other is not None:
                    self._followers.setdefault(other, []).append(step)
                    waits += 1
            self._waits[step] = waits
            if chain == CALLBACK and cause is not None:
                last_callback[cause] = step
            elif chain == CALLBACK:
                last_plain = step
        self.steps = list(self._waits)
        ranks.add(self.steps, ready)
        self._places = {step: place for place, step in enumerate(self.steps)}
        self.free = [step for step in self.steps if not self._waits[step]]
        self.free.sort(key=ranks.__getitem__)

    def place(self, step: Step) -> int:
        """Return the index of a step among those that are ready."""
        return self._places[step]

    def take(self, step: Step) -> None:
        """Take one of the free steps."""
        at = bisect_left(self.free, self._ranks[step], key=self._ranks.__getitem__)
        del self.free[at]
        for follower in self._followers.get(step, ()):
            self._waits[follower] -= 1
            if not self._waits[follower]:
                insort(self.free, follower, key=self._ranks.__getitem__)


_TakenStep = tuple[Step, int, float]
"""A step that was taken, its rank in the usual order, and the virtual time."""


def _holds(steps: Sequence[_TakenStep]) -> Iterator[Hold]:
    """Yield the holds that make a run take its steps in this order."""
    above: list[int] = []  # indices of earlier steps with a higher rank, in descending ranks
    for index, (step, rank, time) in enumerate(steps):
        while above and steps[above[-1]][1] < rank:
            above.pop()
        if above:
            first = steps[above[-1]][0]
            yield Hold(*first, *step, time, _overtakers(steps, index, rank))
        above.append(index)


def _overtakers(steps: Sequence[_TakenStep], index: int, rank: int) -> tuple[Overtaker, ...]:
    """Return the tasks that took steps while the step at an index was ready and waited."""
    found: dict[int, Overtaker] = {}
    for (task, step), other_rank, _ in reversed(steps[max(0, index - _LOOKED_BACK) : index]):
        if other_rank > rank:
            found[task] = task, step, found.get(task, (0, 0, step))[2]
    return tuple(found.values())


def _label(task: Any) -> str:
    """Return a label for a task: its own name, or the name of its function."""
    if task is None:
        return "a task"
    coro = task.get_coro() if isinstance(task, asyncio.Task) else task.coro
    name = str(task.get_name() if isinstance(task, asyncio.Task) else task.name)
    if _NUMBERED.fullmatch(name):
        name = str(getattr(coro, "__qualname__", type(coro).__name__))
    return name.rpartition(".")[2] if _DOTTED.fullmatch(name) else name


def _numbered_apart(labels: dict[int, str]) -> dict[int, str]:
    """Number the labels that more than one task has."""
    all_of_name = Counter(labels.values())
    counts: dict[str, int] = {}
    apart = {}
    for number, label in labels.items():
        counts[label] = counts.get(label, 0) + 1
        apart[number] = f"{label} {counts[label]}" if all_of_name[label] > 1 else label
    return apart
