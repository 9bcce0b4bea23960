"""How `Supervisor`, `race()` and `amap()` end: no task is left running, no error is lost."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from inspect import iscoroutine
from operator import attrgetter
from typing import Any

import anyio

from ._errors import no_running_loop


def running_loop(caller: str) -> asyncio.AbstractEventLoop:
    """Return asyncio's running loop; in a trio run it is started if it is not up.

    Raises:
        RuntimeError: no event loop runs in this thread; the message says to start one.
    """
    loop = asyncio._get_running_loop()
    if loop is None:
        from ._running import start_loop_on_trio

        loop = start_loop_on_trio()
    if loop is None:
        raise no_running_loop(caller)
    return loop


async def end_all(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait until all have ended, whatever happens meanwhile.

    If the caller is cancelled meanwhile, that is raised after the tasks have ended. A cancelled
    scope of AnyIO's or trio's around the call does not end the wait.

    Args:
        tasks: the tasks, in the order in which to cancel them. Tasks that are added meanwhile
            are waited for, too.
    """
    for task in list(tasks):
        task.cancel()
    cancellation: BaseException | None = None
    if _starts_eagerly():
        # On trio an eager first step runs in the caller's trio task. A scope opened there could
        # not be closed by the next step, which runs in another trio task. So the first wait is
        # without one.
        try:
            if pending := [task for task in tasks if not task.done()]:
                await asyncio.wait(pending)
        except asyncio.CancelledError as error:
            cancellation = error
    with anyio.CancelScope(shield=True):
        while pending := [task for task in tasks if not task.done()]:
            try:
                await asyncio.wait(pending)
            except asyncio.CancelledError as error:
                cancellation = error
    if cancellation is not None:
        try:
            raise cancellation
        finally:
            del cancellation


def _starts_eagerly() -> bool:
    """Say whether the current asyncio task is in its eager first step, on trio."""
    on_trio = sys.modules.get("portable.asyncio_on_trio")
    return on_trio is not None and bool(on_trio.starts_eagerly())


def abandon(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks without waiting, as a coroutine that is being closed must not wait."""
    for task in list(tasks):
        with suppress(RuntimeError):  # the loop may be closed
            task.cancel()


#: Says whether a task or future has failed and nobody has seen it. asyncio keeps a flag for its
#: "exception was never retrieved", which has no public name. No Python frame: it is asked for
#: each task.
failed_unseen: Callable[[asyncio.Future[Any]], bool] = attrgetter("_log_traceback")


def attach_errors(others: list[BaseException], error: BaseException, message: str) -> None:
    """Attach other errors, as a group, to the end of an error's chain of `__context__`."""
    seen = {id(error)}
    while error.__context__ is not None and id(error.__context__) not in seen:
        error = error.__context__
        seen.add(id(error))
    rest = [other for other in others if id(other) not in seen]
    if rest:
        # A frozen dataclass, say, refuses an assignment.
        BaseException.__setattr__(error, "__context__", BaseExceptionGroup(message, rest))
    del error, rest


def close_all(aws: Iterable[object]) -> None:
    """Close the coroutines among these, as they will never run."""
    for aw in aws:
        if iscoroutine(aw):
            aw.close()
