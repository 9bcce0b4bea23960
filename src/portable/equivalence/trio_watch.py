"""The watch on a run of trio's: which tasks it has, and when trio chooses their order.

On trio some tasks are asyncio's, which run in asyncio's order, and others are trio's own
(*plain* ones), which run in any. The instrument `TrioWatch` tells the two apart by
who made them, and `RecordedLoop` notices when a task of asyncio's waits for what is trio's.
From then on trio has a say in the order (T1); until then the order is asyncio's, and counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any

import trio

from portable.asyncio_on_trio import EventLoop, current_loop
from portable.clock._stacks import await_frames, module

from .left_running import tasks_left
from .task_marks import TaskMarks
from .task_names import number_tasks_anew

_MACHINERY = (
    "trio.",
    "anyio.",
    "portable.clock.",
    EventLoop.__module__.rpartition(".")[0] + ".",
)


class TrioWatch(trio.abc.Instrument):
    """Watches the runs of trio's that a recording starts.

    Args:
        now: returns the time of the recording.
        marks: records the tasks that begin, are cancelled and end.

    Attributes:
        order_free_from: when trio first had a say in the order of tasks; `None`: it had none.
    """

    def __init__(self, now: Callable[[], float], marks: TaskMarks) -> None:
        self._now = now
        self._marks = marks
        self._plain: set[trio.lowlevel.Task] = set()
        self._cancelled: set[trio.lowlevel.Task] = set()
        self._numbered: asyncio.AbstractEventLoop | None = None
        self.order_free_from: float | None = None

    def trio_chooses(self) -> None:
        """Record that trio has a say in the order from now on."""
        if self.order_free_from is None:
            self.order_free_from = self._now()

    def plain(self) -> list[trio.lowlevel.Task]:
        """Return the tasks of trio's that are the program's own."""
        return list(self._plain)

    def left_running(self, main: Coroutine[Any, Any, Any] | None = None) -> int:
        """Return how many tasks of the program there are beside the current one and main's."""
        tasks: set[object] = {*self._plain}
        tasks.discard(trio.lowlevel.current_task())
        loop = current_loop()
        if loop is not None:
            others = tasks_left(loop) - {asyncio.current_task(loop)}
            tasks |= {task for task in others if main is None or task.get_coro() is not main}
        return len(tasks)

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Record a task that begins, and a new loop, which reports its own tasks."""
        if is_plain(task):
            self._plain.add(task)
            self._marks.started(task)
            self.trio_chooses()
            return
        loop = current_loop()
        if loop is not None and loop is not self._numbered:
            self._numbered = loop
            number_tasks_anew(loop, self._marks.started)

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        """Record a task whose wait is over because a scope is cancelled.

        trio has no event for a cancellation, but the current task can ask for its deadline.
        """
        if task not in self._plain or task in self._cancelled:
            return
        if trio.current_effective_deadline() == -inf and not _has_slept(task):
            self._cancelled.add(task)
            self._marks.cancelled(task)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        """Forget the cancellation of a task that has left the scope, or is shielded."""
        if task in self._cancelled and trio.current_effective_deadline() > -inf:
            self._cancelled.discard(task)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Forget a task that has ended."""
        if task in self._plain:
            self._marks.ended(task)
        self._plain.discard(task)
        self._cancelled.discard(task)


class RecordedLoop(EventLoop):
    """asyncio's loop on trio, for programs of asyncio's that are recorded.

    Args:
        watch: what watches the run.
        ended: called with the number of tasks that are left when the main task has ended.
        main: the coroutine of the main task, which may have been stopped before its end.
    """

    def __init__(
        self,
        watch: TrioWatch,
        ended: Callable[[int], object],
        main: Coroutine[Any, Any, Any] | None = None,
    ) -> None:
        self._watch = watch
        self._ended = ended
        self._main = main
        self._inside: object = None
        super().__init__()

    @property
    def inside(self) -> object:
        """The driver of the task that runs because trio, and not the loop, has woken it."""
        return self._inside

    @inside.setter
    def inside(self, value: object) -> None:
        self._inside = value
        if value is not None:
            self._watch.trio_chooses()

    def cancel_all(self) -> list[asyncio.Task[Any]]:
        """Report how many tasks are left, and cancel them."""
        self._ended(self._watch.left_running(self._main))
        return super().cancel_all()


def _has_slept(task: trio.lowlevel.Task) -> bool:
    """Say whether a sleep of a task is over: that is a scope of trio's which has ended, too."""
    sleeps = [
        frame.f_locals["deadline"]
        for frame in await_frames(task.coro)
        if frame.f_code is trio.sleep_until.__code__
    ]
    return any(until <= trio.current_time() for until in sleeps)


def is_plain(task: trio.lowlevel.Task) -> bool:
    """Say whether a task of trio's is the program's: neither a library's own nor asyncio's."""
    nursery = task.parent_nursery
    if nursery is None:
        return False
    if nursery.parent_task is not trio.lowlevel.current_root_task():
        return True
    # The main task, or a system task: whose, says the module of what it runs.
    frame = getattr(task.coro, "cr_frame", None)
    return frame is None or not module(frame).startswith(_MACHINERY)
