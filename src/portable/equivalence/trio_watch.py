"""What a recording has to see of a run of trio's that its observations do not show.

On trio some tasks are asyncio's, which run in asyncio's order, and others are trio's own
(*plain* ones), which run in any. An instrument of trio's, `TrioWatch`, tells the two apart by
who made them, and `RecordedLoop` notices when a task of asyncio's waits for what is trio's.
From then on trio has a say in the order (T1); until then the order is asyncio's, and counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import trio

from portable.asyncio_on_trio import EventLoop, current_loop

from .task_names import number_tasks_anew

_MACHINERY = ("trio.", EventLoop.__module__.rpartition(".")[0] + ".")


class TrioWatch(trio.abc.Instrument):
    """Watches the runs of trio's that a recording starts.

    Args:
        now: tells the time of the recording.

    Attributes:
        order_free_from: when trio first had a say in the order of tasks; `None`: it had none.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._plain: set[trio.lowlevel.Task] = set()
        self._numbered: asyncio.AbstractEventLoop | None = None
        self.order_free_from: float | None = None

    def trio_chooses(self) -> None:
        """Take note that trio has a say in the order from now on."""
        if self.order_free_from is None:
            self.order_free_from = self._now()

    def left_running(self, main: Coroutine[Any, Any, Any] | None = None) -> int:
        """Return how many tasks of the program there are beside the current one and main's."""
        tasks: set[object] = {*self._plain}
        tasks.discard(trio.lowlevel.current_task())
        loop = current_loop()
        if loop is not None:
            others = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
            tasks |= {task for task in others if main is None or task.get_coro() is not main}
        return len(tasks)

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        """Take note of a task that begins; and of the loop, whose tasks come with it."""
        if is_plain(task):
            self._plain.add(task)
            self.trio_chooses()
            return
        loop = current_loop()
        if loop is not None and loop is not self._numbered:
            self._numbered = loop
            number_tasks_anew(loop)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        """Forget a task that has ended."""
        self._plain.discard(task)


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
        self._inside = False
        super().__init__()

    @property
    def inside(self) -> bool:
        """Whether a task runs that trio has woken by itself."""
        return self._inside

    @inside.setter
    def inside(self, value: bool) -> None:
        self._inside = value
        if value:
            self._watch.trio_chooses()

    def cancel_all(self) -> list[asyncio.Task[Any]]:
        """Tell how many tasks are left, and cancel them."""
        self._ended(self._watch.left_running(self._main))
        return super().cancel_all()


def is_plain(task: trio.lowlevel.Task) -> bool:
    """Say whether a task of trio's is the program's: neither trio's own nor asyncio's."""
    nursery = task.parent_nursery
    if nursery is None:
        return False
    if nursery.parent_task is not trio.lowlevel.current_root_task():
        return True
    # The main task, or a system task: whose, says the module of what it runs.
    frame = getattr(task.coro, "cr_frame", None)
    module = "" if frame is None else str(frame.f_globals.get("__name__"))
    return not module.startswith(_MACHINERY)
