"""Cancellations that cross from one language into the other.

A scope of trio's or AnyIO's that is cancelled around a wait for something of asyncio's raises
`ScopeCancelled` there. It is both: asyncio's library beneath, which cleans up at its
`CancelledError`, sees it, and so do trio's scopes above.

The other way, what asyncio cancels comes to trio's code as `asyncio.CancelledError`. Where that
passes through a nursery it comes out in a group; `as_cancellation()` finds it there at the
task's end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import trio

if TYPE_CHECKING:
    from .traps import RaiseCancel


class _Open:
    """Goes before trio's class, whose own `__init_subclass__` refuses every subclass."""

    def __init_subclass__(cls, **options: Any) -> None:
        pass


class ScopeCancelled(_Open, asyncio.CancelledError, trio.Cancelled):  # type: ignore[misc]
    """A scope of trio's or AnyIO's was cancelled around a wait for something of asyncio's."""


def scope_cancelled(raise_cancel: RaiseCancel) -> ScopeCancelled:
    """Return the cancellation of a scope, for asyncio's library and trio's scopes alike.

    trio makes its exception in private: its class cannot be called, but for a class method that
    every class of that kind has.
    """
    try:
        raise_cancel()
    except trio.Cancelled as error:
        make: Callable[..., Any] = ScopeCancelled._create
        made: ScopeCancelled = make(
            source=error.source, source_task=error.source_task, reason=error.reason
        )
        return made
    raise AssertionError("trio raised no cancellation")


def as_cancellation(error: BaseException) -> BaseException:
    """Return what a task ends with whose coroutine raised this.

    A cancellation that passes through a nursery comes out in a group, or as trio's own; to
    whoever awaits the task it is asyncio's, and the task counts as cancelled.
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
