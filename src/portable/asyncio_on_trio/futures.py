"""`Future`: asyncio's future, which every trio task can await.

In an asyncio task a future is yielded to asyncio's `Task`, which waits for it. In a plain trio
task, such as a nursery's child, nobody understands a yielded future. There the future itself
waits in trio until its callbacks run. If a trio scope is cancelled meanwhile, the future is
cancelled and its end awaited, as when an asyncio task that awaits it is cancelled.

A clean-up in that scope may await the same future again, which is cancelled by now and raises
at once. It raises the scope's cancellation again, so that the scope still catches it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

import trio
from trio.lowlevel import Abort

from .cancellation import as_scope_cancelled, scope_cancelled
from .traps import RaiseCancel

T = TypeVar("T")
_current_task = asyncio.current_task
_await_future: Any = asyncio.Future.__await__


class Future(asyncio.Future[T]):
    """asyncio's future, which plain trio tasks can await, too.

    Attributes:
        by_scope: whether a trio scope around a wait for this future has cancelled it.
    """

    by_scope = False

    def __await__(self) -> Generator[Any, None, T]:
        loop = self.get_loop()
        if _current_task(loop) is None and in_plain_task(loop):
            return wait_in_trio(self)
        if self.by_scope and self.cancelled():
            return raise_for_scope(self)
        return _await_future(self)  # type: ignore[no-any-return]

    __iter__ = __await__


def in_plain_task(loop: asyncio.AbstractEventLoop) -> bool:
    """Say whether the caller is a plain trio task, one that asyncio did not start.

    Raises:
        RuntimeError: it is one, and `loop` is closed, or not the loop of its trio run.
    """
    if asyncio.current_task(loop) is not None or not trio.lowlevel.in_trio_task():
        return False
    running: Any = asyncio._get_running_loop()
    if running is None and loop.is_closed():
        raise RuntimeError("Event loop is closed")
    if running is None or not hasattr(running, "natives"):  # it is no `EventLoop`
        return False
    if trio.lowlevel.current_task() in running.natives:
        return False  # a coroutine that somebody steps by hand
    if running is not loop:
        raise RuntimeError("this future or task is attached to a different loop")
    return True


def wait_in_trio(future: asyncio.Future[T]) -> Generator[Any, Any, T]:
    """Wait for a future in a plain trio task; return its result or raise its error."""
    asked: list[RaiseCancel] = []
    if not future.done():
        yield from _until_done(future, asked)
    elif getattr(future, "by_scope", False) and future.cancelled():
        yield from raise_for_scope(future)
    try:
        return future.result()
    except asyncio.CancelledError:
        if asked:
            raise scope_cancelled(asked.pop()) from None
        raise
    finally:
        del future  # its error has this frame in the traceback


def raise_for_scope(future: asyncio.Future[T]) -> Generator[Any, Any, T]:
    """Await a future that a trio scope has cancelled; raise that again if we are inside it."""
    task: Any = asyncio.current_task()
    if task is None or task._driver.worker is not None:  # else it starts in another's task
        try:
            yield from trio.lowlevel.checkpoint_if_cancelled().__await__()
        except trio.Cancelled as error:
            raise as_scope_cancelled(error) from None
    return future.result()


def _until_done(
    future: asyncio.Future[Any], asked: list[RaiseCancel]
) -> Generator[Any, Any, None]:
    native = trio.lowlevel.current_task()
    loop: Any = future.get_loop()
    waits: set[trio.lowlevel.Task] = loop.plain_waits

    def wake(_: object) -> None:
        if native in waits:
            waits.discard(native)
            trio.lowlevel.reschedule(native)

    def abort(raise_cancel: RaiseCancel) -> Abort:
        if loop.ending:  # the future's callbacks run no more
            waits.discard(native)
            return Abort.SUCCEEDED
        asked.append(raise_cancel)
        cancel_safely(future)
        return Abort.FAILED

    if loop.ending:
        raise RuntimeError("Event loop is closed")
    future.add_done_callback(wake)
    waits.add(native)
    try:
        yield from trio.lowlevel.wait_task_rescheduled(abort).__await__()
    except RuntimeError:  # the loop has ended
        if asked:
            raise scope_cancelled(asked.pop()) from None
        raise


def cancel_safely(awaited: Any) -> None:
    """Cancel what is awaited for a trio scope; log an error, as trio must not get it."""
    cancel = getattr(awaited, "cancel", None)
    try:
        if hasattr(awaited, "by_scope"):
            awaited.by_scope = True
        if cancel is not None:
            cancel()
    except BaseException as error:
        loop: Any = asyncio.get_running_loop()
        loop.report({"message": f"{awaited!r} could not be cancelled", "exception": error})
