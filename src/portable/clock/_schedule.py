"""Schedules: the order in which tasks that are ready at once take their turns, by seed.

On asyncio and uvloop what is scheduled within one iteration of the loop is held back, put
into an order that the seed decides, and handed over for the next one. Tasks change places;
what is promised does not: plain callbacks stay in the order in which they were registered,
a task's own steps stay in theirs, and a task that a future wakes up comes after the
callbacks that the future had before it. The lots are drawn among the tasks in the order of
their making and not in that of their waking, which is chance where AnyIO cancels the tasks
of a scope: they are in a set. On trio its own scheduler draws lots; it is given the seed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable, Sequence
from contextvars import Context
from typing import Any, TypeVarTuple
from weakref import WeakKeyDictionary

from ._loop import VirtualLoop
from ._timers import Timer

Args = TypeVarTuple("Args")

_CALLBACK = 0  # the chain of all plain callbacks; tasks are counted from 1


class Scheduled(Timer):
    """One `call_soon` that is held back: cancellable until its callback has begun."""

    __slots__ = ("cause", "chain")

    chain: int
    cause: Hashable


class ShuffledLoop(VirtualLoop):
    """The methods of a virtual loop that a schedule replaces; goes before the loop's class."""

    def set_schedule(self, seed: int) -> None:
        """Decide on the orders, before anything is scheduled."""
        self._random = random.Random(seed)
        self._held: list[Scheduled] = []
        # Weak, as a task that is kept alive can no longer tell that it was destroyed.
        self._numbers: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._made = 0

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_closed() or not callable(callback):
            return super().call_soon(callback, *args, context=context)  # says what is wrong
        if not self._held:
            super().call_soon(self._hand_over)
        held = Scheduled(self.time(), callback, args, self, context, _nothing)
        owner = getattr(callback, "__self__", None)
        held.chain = self._number(owner) if isinstance(owner, asyncio.Task) else _CALLBACK
        held.cause = _future(args)
        self._held.append(held)
        return held

    def _number(self, task: asyncio.Task[Any]) -> int:
        """Count the tasks as they are made: each is scheduled then for the first time."""
        if task not in self._numbers:
            self._made += 1
            self._numbers[task] = self._made
        return self._numbers[task]

    def _hand_over(self) -> None:
        held, self._held = self._held, []
        for one in shuffled(held, self._random):
            one.release(super().call_soon)


def _future(args: tuple[Any, ...]) -> int | None:
    return id(args[0]) if args and isinstance(args[0], asyncio.Future) else None


def _nothing() -> None:
    return None


def shuffled(held: Sequence[Scheduled], lots: random.Random) -> list[Scheduled]:
    """Return what is ready in an order that breaks no promise, by lot."""
    followers: dict[int, list[int]] = {}
    waits = [0] * len(held)
    last: dict[Hashable, int] = {}
    last_callback: dict[Hashable, int] = {}
    for place, one in enumerate(held):
        before = {
            last.get(one.chain),
            None if one.cause is None else last_callback.get(one.cause),
        }
        for earlier in before - {None}:
            assert earlier is not None
            followers.setdefault(earlier, []).append(place)
            waits[place] += 1
        last[one.chain] = place
        if one.chain == _CALLBACK and one.cause is not None:
            last_callback[one.cause] = place

    def by_chain(places: list[int]) -> list[int]:
        return sorted(places, key=lambda place: held[place].chain)

    free = by_chain([place for place, count in enumerate(waits) if not count])
    order = []
    while free:
        at = lots.randrange(len(free))
        free[at], free[-1] = free[-1], free[at]
        place = free.pop()
        order.append(held[place])
        for follower in by_chain(followers.get(place, [])):
            waits[follower] -= 1
            if not waits[follower]:
                free.append(follower)
    return order


def seed_trio(seed: int) -> Callable[[], None]:
    """Let trio's scheduler draw its lots by a seed; return what makes it as it was.

    trio shuffles the tasks that are ready on its own, from a generator that nobody can
    reach in public; the one public user of it is a plugin for Hypothesis that seeds it and
    turns on the sorting that makes a seed mean something. This does the same.
    """
    from trio._core import _run

    scheduler: Any = _run
    before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(seed)

    def restore() -> None:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = before[0]
        scheduler._r.setstate(before[1])

    return restore
