"""Traps: the objects that coroutines yield to trio when they wait.

trio sends an `Outcome` into the coroutine when the wait is over. trio exports functions that
yield traps, but not the traps. So this module takes the first yield of each such function,
once, and recognises traps by those.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import trio
from trio.lowlevel import Abort

Trap: TypeAlias = Any
RaiseCancel: TypeAlias = Callable[[], Any]
AbortFunction: TypeAlias = Callable[[RaiseCancel], Abort]


def _first_yield(coro: Coroutine[Any, Any, Any]) -> Trap:
    try:
        return coro.send(None)
    finally:
        coro.close()


def sleep_trap(abort: AbortFunction) -> Trap:
    """Return a trap that sleeps until `trio.lowlevel.reschedule()`; it can be reused."""
    return _first_yield(trio.lowlevel.wait_task_rescheduled(abort))


#: The type of every trap that sleeps.
SLEEP: type = type(sleep_trap(lambda _: Abort.SUCCEEDED))
#: The trap that gives the other tasks a turn, without a sleep.
TURN: Trap = _first_yield(trio.lowlevel.cancel_shielded_checkpoint())


def abort(trap: Trap, raise_cancel: RaiseCancel) -> bool:
    """Ask a wait to give up, as trio does; say whether it did.

    The trap has a function for that, under a name that is not public. Nothing else ends exactly
    one wait: a scope would have to be opened around each wait beforehand, and a scope further
    out would cancel everything else inside it.

    Args:
        trap: a trap that sleeps; nobody must have woken its task yet.
        raise_cancel: raises the cancellation; the wait may call it at once or later.
    """
    result: Abort = trap.abort_func(raise_cancel)
    return result is Abort.SUCCEEDED


class Asleep:
    """A mark on a sleeping trio task, which shows whether somebody has woken it already.

    trio documents that whoever puts a task to sleep may use `Task.custom_sleep_data`, and that
    waking the task sets it to `None`. Most waits leave it unused, so the mark is put there.
    """

    @staticmethod
    def mark(task: trio.lowlevel.Task) -> None:
        """Mark a task that is about to sleep."""
        if task.custom_sleep_data is None:
            task.custom_sleep_data = Asleep

    @staticmethod
    def holds(task: trio.lowlevel.Task) -> bool:
        """Say whether the task still sleeps, so that its wait can give up."""
        return task.custom_sleep_data is not None


_CHECKPOINT = trio.lowlevel.checkpoint.__code__


def is_in_checkpoint(coro: Any) -> bool:
    """Say whether a coroutine that waits for a turn does so in `checkpoint()`.

    There a cancellation may be raised. Other functions give others a turn after their work is
    done; a cancellation there would lose their result.
    """
    while coro is not None:
        if getattr(coro, "cr_code", None) is _CHECKPOINT:
            return True
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
    return False
