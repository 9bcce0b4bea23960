"""Children that begin in one task, for as long as none of them has to wait.

A task costs many times what a coroutine does that ends without waiting for anything. So the
children of a call begin one after the other in a task that they share: each is driven to
its first wait by hand. One that ends before it has waited has cost no task. The first one
that does wait keeps the task, and those that are left get one each, at once, before
anything else can run: they begin in the order, and at the moment, they would have.

To the code in them nothing is shared that portable knows of: each child is a `Task` of its
own, with a context of its own. What is shared is the event loop's own task, by which AnyIO
tells who holds a lock: a child that ends without having waited, and leaves a lock held that
it took by `acquire_nowait()`, leaves it to the next one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from time import perf_counter
from typing import Any, Final, TypeVar

import anyio.lowlevel

from ._contexts import in_context
from ._outcome import FINISHED
from ._tasks import Task, _running

T = TypeVar("T")

_ENDED: Final = object()

SLICE: Final = 0.001
"""How long, in seconds, children may keep the event loop to themselves."""


async def begin_together(
    children: deque[Task[Any]], start: Callable[[deque[Task[Any]], bool], object]
) -> None:
    """Run children one after the other until one waits; run that one to its end.

    Args:
        children: those that have not begun; each is taken out as it begins.
        start: called with those that are left when they cannot go on here, and whether each
            needs a task of its own.
    """
    began = perf_counter()
    native = children[0]._owner.native_task()
    while children:
        child = children.popleft()
        awaited = _begin(child, native)
        if awaited is not _ENDED:
            start(children, True)
            going_on = child._run(resumed(child, awaited))
            del child, awaited  # what it may raise leads to this frame: see `Task._retrieve`
            await going_on
            return
        if child._cancel_requested:
            # It cancelled itself, and took no notice. The next one would be hit (D1).
            start(children, False)
            return
        del child
        if perf_counter() - began > SLICE:
            await anyio.lowlevel.checkpoint()
            began = perf_counter()


def _begin(task: Task[Any], native: object) -> object:
    """Have a task take its first step here; return what it waits for, or `_ENDED`."""
    if task._cancel_requested or task._owner.cancelled:
        task._end_unstarted()
        return _ENDED
    task._native = native
    _running[native] = task
    task._context = context = copy_context()
    waits = False
    try:
        awaited = context.run(task._coro.send, None)
        waits = True
        return awaited
    except StopIteration as end:
        task._result = end.value
        task._state = FINISHED
    except BaseException as error:
        if task._ends_more(error):
            raise
    finally:
        del _running[native]
        if not waits:
            task._end()
        del task, native  # see `Task._run`
    return _ENDED


class resumed(in_context[T]):  # noqa: N801 - reads as a verb: await resumed(...)
    """Await this to go on with a task that has been driven to its first wait by hand."""

    __slots__ = ("_awaited", "_waits")

    def __init__(self, task: Task[T], awaited: object) -> None:
        super().__init__(task.get_context(), task.get_coro())
        self._awaited = awaited
        self._waits = False

    def __next__(self) -> Any:
        return self.send(None)

    def send(self, value: Any, /) -> Any:
        if self._waits:
            return super().send(value)
        self._waits = True
        awaited, self._awaited = self._awaited, None
        return awaited
