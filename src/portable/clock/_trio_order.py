"""`TrioOrder`: a schedule for trio's own scheduler, and so for plain trio tasks.

trio runs ready tasks in batches and shuffles each batch with a random generator, which has no
public name. For Hypothesis trio seeds it, and sorts each batch first, as the seed would mean
nothing otherwise. `TrioOrder` replaces the generator. The `shuffle()` of the new one brings the
batch into the schedule's order, and puts tasks that have to wait back into trio's queue.

The usual order is the order in which tasks were woken. One step, or one look at the clock, may
wake several tasks, which trio keeps in a set. Those come in the order in which they began to
wait, as on asyncio.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from math import inf
from typing import Any
from weakref import WeakKeyDictionary

import trio
from trio._core import _run

from ._schedule import Link, Schedule
from ._taken import MACHINERY
from ._trio_loop import LoopWatch
from ._trio_tasks import TrioTask, home_of

_scheduler: Any = _run


class _ScheduledRandom(random.Random):
    """A random generator for trio, whose `shuffle()` asks for the schedule's order."""

    def __init__(self, order: Callable[[list[Any]], bool]) -> None:
        super().__init__(0)
        self._order = order

    def shuffle(self, x: Any) -> None:
        """Put a batch into order, the last task first; remove the tasks that have to wait."""
        if not self._order(x):
            super().shuffle(x)


class TrioOrder(trio.abc.Instrument):
    """Puts the tasks of one trio run into the order of a schedule."""

    def __init__(self, schedule: Schedule, watch: LoopWatch) -> None:
        self._schedule = schedule
        self._watch = watch
        self._wakes: WeakKeyDictionary[TrioTask, int] = WeakKeyDictionary()
        self._ran: WeakKeyDictionary[TrioTask, int] = WeakKeyDictionary()
        self._steps = 0
        self._homes: WeakKeyDictionary[TrioTask, str] = WeakKeyDictionary()
        self._random = _ScheduledRandom(self._order)
        self._runner: Any = None
        self._before: tuple[Any, bool] | None = None

    def begin(self) -> None:
        """Replace trio's generator, as the run begins."""
        self._runner = _scheduler.GLOBAL_RUN_CONTEXT.runner
        self._before = _scheduler._r, _scheduler._ALLOW_DETERMINISTIC_SCHEDULING
        _scheduler._r, _scheduler._ALLOW_DETERMINISTIC_SCHEDULING = self._random, True
        trio.lowlevel.add_instrument(self)

    def end(self) -> None:
        """Put trio's generator back."""
        if self._before is not None and _scheduler._r is self._random:
            _scheduler._r, _scheduler._ALLOW_DETERMINISTIC_SCHEDULING = self._before
        self._before = self._runner = None

    def longer(self) -> float:
        """Return the seconds by which to stretch a sleep that the running task begins."""
        task = self._watch.current_task() or trio.lowlevel.current_task()
        return self._schedule.longer(task)

    def task_scheduled(self, task: TrioTask) -> None:
        self._wakes[task] = self._steps

    def after_task_step(self, task: TrioTask) -> None:
        self._ran[task] = self._steps
        self._steps += 1

    def _usual(self, task: TrioTask) -> tuple[int, float]:
        return self._wakes.get(task, 0), self._ran.get(task, inf)

    def _order(self, batch: list[TrioTask]) -> bool:
        if _scheduler.GLOBAL_RUN_CONTEXT.runner is not self._runner:
            return False
        batch.sort(key=self._usual)  # stable: trio has sorted new tasks already
        with self._schedule.taking_time():
            places = self._schedule.order(self._links(batch), in_trio=True)
        chosen = [batch[place] for place in places]
        later = set(range(len(batch))) - set(places)
        self._runner.runq.extend(batch[place] for place in sorted(later))
        batch[:] = reversed(chosen)
        return True

    def _links(self, batch: list[TrioTask]) -> list[Link]:
        links = []
        for task in batch:
            home = self._home(task)
            resumed = None
            if home.startswith("portable.asyncio_on_trio"):
                resumed = self._watch.resumed_in(task)
            if resumed is not None:
                links.append(Link(self._schedule.number(resumed)))
            elif home.startswith(("portable.asyncio_on_trio", "trio._core")):
                links.append(Link(MACHINERY))
            else:
                links.append(Link(self._schedule.number(task)))
        return links

    def _home(self, task: TrioTask) -> str:
        found = self._homes.get(task)
        if found is None:
            found = self._homes[task] = home_of(task)
        return found


def asked_by_sleep() -> bool:
    """Say whether `trio.sleep()` asks for the time, to compute its deadline."""
    frame = sys._getframe(2)
    for _ in range(3):
        if frame.f_code is trio.sleep.__code__:
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False
