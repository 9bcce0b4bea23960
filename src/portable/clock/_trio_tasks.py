"""Tasks on trio: asyncio's, trio's own, and which of trio's are mere machinery.

A task of asyncio's runs in a worker, a system task of trio's that serves one after the other;
what it starts in a nursery are plain tasks of trio's below that worker.
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

_MACHINERY = ("portable.asyncio_on_trio", "trio._core", "anyio._backends")


# asyncio's tasks on trio tell nobody else in which task of trio's they run. The worker is an
# attribute of portable's own task class.
def worker_of(task: asyncio.Task[Any]) -> Any:
    """Return the worker that a task of asyncio's has, once it has begun; `None`: none."""
    return getattr(task, "_worker", None)


def is_worker_or_pump(task: TrioTask) -> bool:
    """Say whether a task of trio's belongs to asyncio's loop there."""
    return _home(task).startswith("portable.asyncio_on_trio")


def below(task: TrioTask, spared: Collection[trio.Nursery] = ()) -> Iterator[TrioTask]:
    """Yield the tasks in the nurseries of a task, and in theirs, but for some nurseries."""
    pending = [task]
    while pending:
        for nursery in pending.pop().child_nurseries:
            if nursery not in spared:
                yield from nursery.child_tasks
                pending.extend(nursery.child_tasks)


def below_all(tasks: Iterable[asyncio.Task[Any]]) -> Iterator[TrioTask]:
    """Yield the tasks in the nurseries of tasks of asyncio's, and in theirs."""
    for task in tasks:
        worker = worker_of(task)
        if worker is not None:
            yield from below(worker.native)


def scopes_of(tasks: Iterable[asyncio.Task[Any]]) -> set[trio.CancelScope]:
    """Return the scopes of their own that the workers of tasks of asyncio's have."""
    workers = [worker for worker in map(worker_of, tasks) if worker is not None]
    return {worker.scope for worker in workers}


def all_plain() -> list[TrioTask]:
    """Return every task of trio's in this run that is the program's own."""
    root = trio.lowlevel.current_root_task()
    if root is None:
        return []
    top = [task for nursery in root.child_nurseries for task in nursery.child_tasks]
    machinery = {task for task in top if _home(task).startswith(_MACHINERY)}
    return [task for task in below(root) if task not in machinery]


def _home(task: TrioTask) -> str:
    """Return the name of the module of the function that a task runs."""
    coro: Any = task.coro
    frame = getattr(coro, "cr_frame", None)
    return "" if frame is None else module(frame)


class Breaker:
    """Breaks off what tasks wait for, though it is shielded or cannot be cancelled.

    Only where nothing will ever come by itself, so that it is safe to end a wait by hand.

    Args:
        asyncios: tasks of asyncio's; each is cancelled once more.
        plain: tasks of trio's that are none of asyncio's.
        spared: scopes around them; these and what is outside of them stay as they are.
        error: what ends a wait that cannot be cancelled.
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
        """Cancel, lift shields, and end by hand what has been cancelled before in vain."""
        ends: dict[TrioTask, BaseException] = {}
        natives = list(self._plain)
        for task in self._asyncios:
            worker = worker_of(task)
            if worker is not None and not worker.sleeping:
                natives.append(worker.native)
                driver = task._driver  # type: ignore[attr-defined]
                if driver.pending:  # a cancellation of asyncio's, to no effect so far
                    ends[worker.native] = driver.take_cancellation()
        ends = {native: self._error for native in natives if _is_cancelled(native)} | ends
        for task in self._asyncios:
            task.cancel()
        shields = [native for native in natives if self._unshield(native)]
        if not shields:
            for native, error in ends.items():
                if _waits_for_itself(native):
                    trio.lowlevel.reschedule(native, outcome.Error(error))

    # trio has no public way from a task to the scopes it is in. A deadlock behind a shield
    # cannot be ended without it: the shield is on a scope that nobody will leave.
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
    """Say whether a scope around a task of trio's was cancelled, with no shield between."""
    status: Any = task._cancel_status
    return status is not None and bool(status.effectively_cancelled)


def _waits_for_itself(task: TrioTask) -> bool:
    """Say whether a task waits neither for its children nor for something of asyncio's."""
    busy = any(nursery.child_tasks for nursery in task.child_nurseries)
    return not busy and not waits_in(task.coro, wait_in_trio.__code__)
