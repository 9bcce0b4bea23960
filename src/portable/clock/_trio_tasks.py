"""Tasks on trio: asyncio tasks, plain trio tasks, and the libraries' own trio tasks.

An asyncio task runs in a worker, a trio system task that serves one asyncio task after the
other. What an asyncio task starts in a nursery is a plain trio task below that worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeAlias

import outcome
import trio

from portable.asyncio_on_trio.futures import wait_in_trio

from ._stacks import module, waits_in

TrioTask: TypeAlias = "trio.lowlevel.Task"

_MACHINERY = ("portable.asyncio_on_trio", "portable.clock", "trio._core", "anyio._backends")


# Nothing else leads from an asyncio task to the trio task that it runs in: the worker is a
# private attribute of portable's own task class.
def worker_of(task: asyncio.Task[Any]) -> Any:
    """Return the worker that an asyncio task has now; `None`: it has none."""
    return getattr(task, "_worker", None)


def is_worker_or_pump(task: TrioTask) -> bool:
    """Say whether a trio task is a worker or the pump of asyncio's loop on trio."""
    return home_of(task).startswith("portable.asyncio_on_trio")


def below(task: TrioTask, spared: Collection[trio.Nursery] = ()) -> Iterator[TrioTask]:
    """Yield the tasks in a task's nurseries, and in theirs; skip spared nurseries."""
    pending = [task]
    while pending:
        for nursery in pending.pop().child_nurseries:
            if nursery not in spared:
                yield from nursery.child_tasks
                pending.extend(nursery.child_tasks)


def below_all(tasks: Iterable[asyncio.Task[Any]]) -> Iterator[TrioTask]:
    """Yield the tasks in the nurseries of asyncio tasks, and in theirs."""
    for task in tasks:
        worker = worker_of(task)
        if worker is not None:
            yield from below(worker.native)


def scopes_of(tasks: Iterable[asyncio.Task[Any]]) -> set[trio.CancelScope]:
    """Return the scopes that the workers of asyncio tasks have opened for themselves."""
    workers = [worker for worker in map(worker_of, tasks) if worker is not None]
    return {worker.scope for worker in workers}


def all_plain() -> list[TrioTask]:
    """Return every trio task in this run that belongs to the program."""
    root = trio.lowlevel.current_root_task()
    if root is None:
        return []
    top = [task for nursery in root.child_nurseries for task in nursery.child_tasks]
    machinery = {task for task in top if home_of(task).startswith(_MACHINERY)}
    return [task for task in below(root) if task not in machinery]


def home_of(task: TrioTask) -> str:
    """Return the name of the module whose function a task runs."""
    coro: Any = task.coro
    frame = getattr(coro, "cr_frame", None)
    return "" if frame is None else module(frame)


class Breaker:
    """Ends the waits of deadlocked tasks, even shielded ones and those that refuse.

    That is safe only in a deadlock, where nothing else will ever end those waits.

    Args:
        asyncios: asyncio tasks; each is cancelled once more.
        plain: plain trio tasks.
        spared: scopes around the tasks; these, and the scopes around them, keep their shields.
        error: the error that ends a wait that cannot be cancelled.
    """

    def __init__(
        self,
        asyncios: Iterable[asyncio.Task[Any]],
        plain: Iterable[TrioTask],
        spared: Collection[trio.CancelScope],
        error: BaseException,
    ) -> None:
        self._asyncios = list(asyncios)
        self._plain = list(plain)
        self._spared = spared
        self._error = error

    def break_off(self) -> None:
        """Cancel the tasks and lift shields; end waits by hand that were cancelled in vain."""
        ends: dict[TrioTask, BaseException] = {}
        natives = list(self._plain)
        for task in self._asyncios:
            worker = worker_of(task)
            if worker is not None and not worker.sleeping:
                natives.append(worker.native)
                driver = task._driver  # type: ignore[attr-defined]
                if driver.pending:  # it was cancelled, and its wait has refused
                    ends[worker.native] = driver.take_cancellation()
        ends = {native: self._error for native in natives if _is_cancelled(native)} | ends
        for task in self._asyncios:
            task.cancel()
        shields = [native for native in natives if self._unshield(native)]
        if not shields:
            for native, error in ends.items():
                if _waits_for_itself(native):
                    trio.lowlevel.reschedule(native, outcome.Error(error))

    # trio has no public way from a task to its scopes. Without one a deadlock behind a shield
    # cannot be ended: nobody will ever leave the shielded scope.
    def _unshield(self, task: TrioTask) -> bool:
        """Lift the shields around a task; say whether there were any."""
        found = False
        status: Any = task._cancel_status
        while status is not None and status._scope not in self._spared:
            if status._scope.shield:
                status._scope.shield = False
                found = True
            status = status._parent
        return found


def _is_cancelled(task: TrioTask) -> bool:
    """Say whether a scope around a trio task was cancelled, with no shield in between."""
    status: Any = task._cancel_status
    return status is not None and bool(status.effectively_cancelled)


def _waits_for_itself(task: TrioTask) -> bool:
    """Say whether a task waits neither for its children nor for an asyncio future."""
    busy = any(nursery.child_tasks for nursery in task.child_nurseries)
    return not busy and not waits_in(task.coro, wait_in_trio.__code__)
