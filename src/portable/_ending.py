"""How blocks of ours end: what they started has ended before, and no error is lost."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Iterable
from contextlib import suppress
from inspect import isawaitable, iscoroutine
from typing import Any

import anyio


def running_loop(caller: str) -> asyncio.AbstractEventLoop:
    """Return asyncio's running loop; in a run of trio's bring it up first.

    Raises:
        RuntimeError: no event loop runs in this thread; the message says to start one.
    """
    loop = asyncio._get_running_loop()
    if loop is None:
        from ._running import come_up

        loop = come_up()
    if loop is None:
        raise RuntimeError(
            f"{caller}() was called with no event loop running in this thread; "
            "call it from a coroutine started with portable.run(main)"
        )
    return loop


async def end_all(tasks: Collection[asyncio.Future[Any]], message: object = None) -> None:
    """Cancel tasks and wait until each has ended, whatever comes meanwhile.

    A cancellation that comes meanwhile is raised when they have ended. A scope of AnyIO's or
    trio's that is cancelled around it does not keep it from waiting.

    Args:
        tasks: the tasks, in the order in which to cancel them; those that are added meanwhile
            are waited for, too.
        message: what they are cancelled with.
    """
    for task in list(tasks):
        task.cancel(message)
    cancellation: BaseException | None = None
    if _starts_eagerly():
        # On trio its first step is taken in the caller's trio task, where a scope that it
        # opens could not be closed by its next one.
        try:
            await asyncio.sleep(0)
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
    """Say whether a task of asyncio's on trio is in its eager first step."""
    on_trio = sys.modules.get("portable.asyncio_on_trio")
    return on_trio is not None and bool(on_trio.starts_eagerly())


def abandon(tasks: Iterable[asyncio.Future[Any]]) -> None:
    """Cancel tasks without waiting: a coroutine that is being closed may not wait any more."""
    for task in list(tasks):
        with suppress(RuntimeError):  # the loop may be closed
            task.cancel()


def was_retrieved(task: asyncio.Future[Any]) -> bool:
    """Say whether somebody has seen the failure of a task that has ended with one.

    asyncio keeps a mark for its "exception was never retrieved", and no public name tells it.
    """
    return not task._log_traceback


def keep(others: list[BaseException], error: BaseException, message: str) -> None:
    """Keep other errors, as a group, at the end of the chain of contexts of one."""
    seen = {id(error)}
    while error.__context__ is not None and id(error.__context__) not in seen:
        error = error.__context__
        seen.add(id(error))
    rest = [other for other in others if id(other) not in seen]
    if rest:
        # A frozen dataclass, say, refuses an assignment.
        BaseException.__setattr__(error, "__context__", BaseExceptionGroup(message, rest))
    del error, rest


def check_awaitables(caller: str, parameter: str, aws: Iterable[object]) -> None:
    """Raise a TypeError that shows the right call unless each can be awaited.

    The coroutines among them are closed then, since they will never run.
    """
    aws = tuple(aws)
    for aw in aws:
        if isawaitable(aw):
            continue
        close_all(aws)
        name = getattr(aw, "__name__", "function")
        if isinstance(aw, (list, tuple, set, frozenset)):
            advice = f"got a {type(aw).__name__}; write {caller}(*{parameter})"
        elif callable(aw):
            advice = f"not the function {name!r}; call it: {caller}({name}(...))"
        else:
            advice = f"got {aw!r}"
        raise TypeError(f"{caller}(): {parameter} must be awaitable, {advice}")


def close_all(aws: Iterable[object]) -> None:
    """Close the coroutines among these, since they will never run."""
    for aw in aws:
        if iscoroutine(aw):
            aw.close()
