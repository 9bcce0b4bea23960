"""Futures that every task of trio can await.

A task that asyncio drives yields a future to asyncio's `Task`, which waits for it. A plain task
of trio (a nursery's child, say) has nobody who understands that; there the future waits in
trio by itself, until its callbacks run. If a scope of trio's is cancelled meanwhile, what is
awaited is cancelled and its end awaited, as when an awaiting task of asyncio's is cancelled.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

import trio
from trio.lowlevel import Abort

from .cancellation import scope_cancelled
from .traps import RaiseCancel

T = TypeVar("T")


class Future(asyncio.Future[T]):
    """asyncio's future, which plain trio tasks can await, too."""

    def __await__(self) -> Generator[Any, None, T]:
        if in_plain_task(self.get_loop()):
            return wait_in_trio(self)
        return super().__await__()

    __iter__ = __await__


def in_plain_task(loop: asyncio.AbstractEventLoop) -> bool:
    """Say whether a task of trio runs that is not one of asyncio's.

    Raises:
        RuntimeError: it is one, and the loop is another one's.
    """
    if asyncio.current_task(loop) is not None or not trio.lowlevel.in_trio_task():
        return False
    running: Any = asyncio._get_running_loop()
    if running is None or not hasattr(running, "natives"):
        return False
    if trio.lowlevel.current_task() in running.natives:
        return False  # a coroutine that somebody steps by hand
    if running is not loop:
        raise RuntimeError("this future or task is attached to a different loop")
    return True


def wait_in_trio(future: asyncio.Future[T]) -> Generator[Any, Any, T]:
    """Wait for a future in a plain task of trio's; return its result or raise its error."""
    asked: list[RaiseCancel] = []
    if not future.done():
        yield from _until_done(future, asked)
    try:
        return future.result()
    except asyncio.CancelledError:
        if asked:
            raise scope_cancelled(asked.pop()) from None
        raise
    finally:
        del future  # an error it holds leads here by its traceback


def _until_done(
    future: asyncio.Future[Any], asked: list[RaiseCancel]
) -> Generator[Any, Any, None]:
    native = trio.lowlevel.current_task()

    def wake(_: object) -> None:
        trio.lowlevel.reschedule(native)

    def abort(raise_cancel: RaiseCancel) -> Abort:
        asked.append(raise_cancel)
        cancel_safely(future)
        return Abort.FAILED

    future.add_done_callback(wake)
    yield from trio.lowlevel.wait_task_rescheduled(abort).__await__()


def cancel_safely(awaited: Any) -> None:
    """Cancel what is awaited, from within trio, which takes no error for an answer."""
    cancel = getattr(awaited, "cancel", None)
    try:
        if cancel is not None:
            cancel()
    except BaseException as error:
        loop = asyncio.get_running_loop()
        loop.call_exception_handler(
            {"message": f"{awaited!r} could not be cancelled", "exception": error}
        )
