"""Cancellations that cross from trio into asyncio's library, and from asyncio into trio's.

If a scope of trio's or AnyIO's is cancelled around a wait of an asyncio task, be it for a
future or in trio, the wait raises `ScopeCancelled`. That is a subclass of both libraries'
exceptions: asyncio's library around the wait cleans up at its `CancelledError`, and trio's
scope further out catches its `Cancelled`.

`task.cancel()` raises `asyncio.CancelledError` in trio's code. A nursery wraps that into a
group; at the end of the task `as_cancellation()` unwraps it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import outcome
import trio

if TYPE_CHECKING:
    from .traps import RaiseCancel


class _Subclassable:
    """A base before trio's class, whose `__init_subclass__` refuses every subclass."""

    def __init_subclass__(cls, **options: Any) -> None:
        pass


class ScopeCancelled(_Subclassable, asyncio.CancelledError, trio.Cancelled):  # type: ignore[misc]
    """A scope of trio's or AnyIO's was cancelled around a wait of an asyncio task."""


def scope_cancelled(raise_cancel: RaiseCancel) -> ScopeCancelled:
    """Return a scope's cancellation, made from the function that trio raises it by."""
    try:
        raise_cancel()
    except trio.Cancelled as error:
        return as_scope_cancelled(error)
    raise AssertionError("trio raised no cancellation")


def as_scope_cancelled(error: trio.Cancelled) -> ScopeCancelled:
    """Return a `ScopeCancelled` with the details of trio's exception.

    trio's class cannot be called. Its class method `_create()`, which subclasses inherit, is
    the only way to make one, and is not public.
    """
    make: Callable[..., Any] = ScopeCancelled._create
    made: ScopeCancelled = make(
        source=error.source, source_task=error.source_task, reason=error.reason
    )
    return made


def for_both_languages(answer: outcome.Error) -> outcome.Error:
    """Return what an asyncio task is sent when its wait in trio has failed.

    A scope's cancellation becomes asyncio's, too: `TaskGroup` and `timeout()` look for that.
    """
    error = answer.error
    if isinstance(error, trio.Cancelled) and not isinstance(error, ScopeCancelled):
        return outcome.Error(as_scope_cancelled(error))
    return answer


def as_cancellation(error: BaseException) -> BaseException:
    """Return the exception that a task ends with if its coroutine has raised this one.

    A cancellation of asyncio's that has passed through a nursery is in a group, or has become
    trio's own. It is made an `asyncio.CancelledError` again, so that the task counts as
    cancelled.
    """
    if isinstance(error, asyncio.CancelledError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return _replacing(asyncio.CancelledError(), error)
    cancelled, rest = error.split((asyncio.CancelledError, trio.Cancelled))
    if rest is not None or cancelled is None:
        return error
    leaves = _leaves(cancelled)
    task = asyncio.current_task()
    asked = task is not None and task.cancelling() > 0
    if not asked and not any(isinstance(leaf, trio.Cancelled) for leaf in leaves):
        return error  # a group that somebody made
    for leaf in leaves:
        if isinstance(leaf, asyncio.CancelledError):
            return _replacing(asyncio.CancelledError(*leaf.args), error)
    return _replacing(asyncio.CancelledError(), error)


def _replacing(new: BaseException, old: BaseException) -> BaseException:
    new.__context__ = old
    return new.with_traceback(old.__traceback__)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    leaves: list[BaseException] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return leaves
