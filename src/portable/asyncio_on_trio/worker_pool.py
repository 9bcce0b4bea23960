"""The worker pool of a loop: all its workers, and those that are free for the next task."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from .worker import Worker

if TYPE_CHECKING:
    from .loop import EventLoop
    from .steps import Step

#: How many free workers are kept; others end. Each takes about 3 kB.
_MOST_FREE = 1000


class WorkerPool:
    """The workers of one loop.

    Attributes:
        workers: all of them, by their trio tasks.
        free: those that sleep and serve no task.
    """

    __slots__ = ("_loop", "_none_left", "free", "workers")

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self.workers: dict[trio.lowlevel.Task, Worker] = {}
        self.free: list[Worker] = []
        self._none_left: trio.Event | None = None

    def hire(self, step: Step) -> None:
        """Start a worker, which begins with this step."""
        worker = Worker(self._loop, step)
        self.workers[worker.native] = worker
        self._loop.natives.add(worker.native)

    def keep(self, worker: Worker) -> bool:
        """Keep a free worker for another task; `False`: there are enough, and it has to end."""
        if self._loop.ending or len(self.free) >= _MOST_FREE:
            return False
        self.free.append(worker)
        return True

    def forget(self, worker: Worker) -> None:
        """Forget a worker, as it has ended."""
        self.workers.pop(worker.native, None)
        self._loop.natives.discard(worker.native)
        if self._none_left is not None and not self.workers:
            self._none_left.set()

    async def wait_until_empty(self) -> None:
        """Wait until all workers have ended; `end()` was called."""
        if self.workers:
            self._none_left = trio.Event()
            await self._none_left.wait()

    def abandon(self, worker: Worker) -> None:
        """End a worker whose task was collected; may be called at any time, by a finalizer."""
        if not self._loop.ending:
            self._loop.call_in_run(self._retire_abandoned, worker)

    def _retire_abandoned(self, worker: Worker) -> None:
        if worker.is_abandoned():
            worker.retire()

    def end(self) -> None:
        """End all workers, as the loop ends and steps no task again."""
        self.free.clear()
        for worker in list(self.workers.values()):
            if worker.sleeping:
                worker.retire()
            else:
                worker.end_wait()
