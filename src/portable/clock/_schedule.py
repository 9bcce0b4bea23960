"""Schedules: the order in which tasks that are ready at once take their turns, by seed.

What is ready in one iteration of the loop is put into an order that the seed decides. On
asyncio and uvloop it is held back for that, and handed over for the next iteration; the loop
on trio asks for the order (`EventLoop.order`). Tasks change places; what is promised does not:
plain callbacks stay in the order in which they were registered, a task's own steps stay in
theirs, and a task that a future wakes up comes after the callbacks that the future had before
it. The lots are drawn among the tasks in the order of their making and not in that of their
waking, which is chance where AnyIO cancels the tasks of a scope: they are in a set. trio's own
scheduler, which orders what trio itself wakes, draws its lots by itself; it gets the seed.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import Any, TypeVarTuple
from weakref import WeakKeyDictionary

from ._loop import VirtualLoop
from ._timers import Timer

Args = TypeVarTuple("Args")

#: The chain of all plain callbacks; tasks are counted from 1.
CALLBACK = 0


@dataclass(frozen=True, slots=True)
class Link:
    """What a ready callback must not overtake.

    Attributes:
        chain: the number of the task whose step it is, or that of all plain callbacks.
        cause: the identity of the future whose callback it is, if it is one's.
    """

    chain: int
    cause: int | None


class Schedule:
    """The orders that one seed decides, for one loop."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        # Weak, as a task that is kept alive can no longer tell that it was destroyed.
        self._numbers: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._made = 0

    def link(self, owner: object, args: Sequence[object]) -> Link:
        """Return the link of a callback that is a method of this owner."""
        chain = self._number(owner) if isinstance(owner, asyncio.Task) else CALLBACK
        return Link(chain, cause_of(args))

    def _number(self, task: asyncio.Task[Any]) -> int:
        """Count the tasks as they are made: each is scheduled then for the first time."""
        if task not in self._numbers:
            self._made += 1
            self._numbers[task] = self._made
        return self._numbers[task]

    def order(self, links: Sequence[Link]) -> list[int]:
        """Return the places of what is ready in an order that breaks no promise, by lot."""
        return shuffled(links, self._random)


def cause_of(args: Sequence[object]) -> int | None:
    """Return the identity of the future that a callback with these arguments is called by."""
    return id(args[0]) if args and isinstance(args[0], asyncio.Future) else None


def shuffled(links: Sequence[Link], lots: random.Random) -> list[int]:
    """Return the places of what is ready in an order that breaks no promise, by lot."""
    followers: dict[int, list[int]] = {}
    waits = [0] * len(links)
    last: dict[int, int] = {}
    last_callback: dict[int, int] = {}
    for place, one in enumerate(links):
        before = {
            last.get(one.chain),
            None if one.cause is None else last_callback.get(one.cause),
        }
        for earlier in before - {None}:
            assert earlier is not None
            followers.setdefault(earlier, []).append(place)
            waits[place] += 1
        last[one.chain] = place
        if one.chain == CALLBACK and one.cause is not None:
            last_callback[one.cause] = place

    def by_chain(places: list[int]) -> list[int]:
        return sorted(places, key=lambda place: links[place].chain)

    free = by_chain([place for place, count in enumerate(waits) if not count])
    order = []
    while free:
        at = lots.randrange(len(free))
        free[at], free[-1] = free[-1], free[at]
        place = free.pop()
        order.append(place)
        for follower in by_chain(followers.get(place, [])):
            waits[follower] -= 1
            if not waits[follower]:
                free.append(follower)
    return order


class _Held(Timer):
    """One `call_soon` that is held back: cancellable until its callback has begun."""

    __slots__ = ("link",)

    link: Link


class ShuffledLoop(VirtualLoop):
    """The methods of a virtual loop that a schedule replaces; goes before the loop's class."""

    def set_schedule(self, seed: int) -> None:
        """Decide on the orders, before anything is scheduled."""
        self._schedule = Schedule(seed)
        self._held: list[_Held] = []

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        if self.is_closed() or not callable(callback):
            return super().call_soon(callback, *args, context=context)  # says what is wrong
        if not self._held:
            super().call_soon(self._hand_over)
        held = _Held(self.time(), callback, args, self, context, _nothing)
        held.link = self._schedule.link(getattr(callback, "__self__", None), args)
        self._held.append(held)
        return held

    def _hand_over(self) -> None:
        held, self._held = self._held, []
        for place in self._schedule.order([one.link for one in held]):
            held[place].release(super().call_soon)


def _nothing() -> None:
    return None


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
