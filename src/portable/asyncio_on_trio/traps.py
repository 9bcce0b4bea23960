"""trio's protocol with the coroutines it runs, as its public functions show it.

A coroutine that waits yields a *trap* to trio, and is sent an `Outcome` when the wait is over.
trio exports functions that yield traps, not the traps; so this module asks each of those
functions for its first yield, once, and everything here recognises traps by that.
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
    """Return a trap that sleeps until `trio.lowlevel.reschedule()`; it may be yielded often."""
    return _first_yield(trio.lowlevel.wait_task_rescheduled(abort))


#: The type of every trap that sleeps.
SLEEP: type = type(sleep_trap(lambda _: Abort.SUCCEEDED))
#: The trap that gives the other tasks a turn, and sleeps for no longer.
TURN: Trap = _first_yield(trio.lowlevel.cancel_shielded_checkpoint())


def abort(trap: Trap, raise_cancel: RaiseCancel) -> bool:
    """Ask whoever made a trap to give up the wait, as trio does; say whether it did.

    What to call is part of the trap, under a name that is not public. There is no other way to
    end one wait and no other: a scope around it would have to be there before, for each
    wait, and cancelling one further out would cancel what else is in it.

    Args:
        trap: one that sleeps; nobody has woken its task yet.
        raise_cancel: raises the reason; the wait may keep it, and call it at once or later.
    """
    result: Abort = trap.abort_func(raise_cancel)
    return result is Abort.SUCCEEDED


class Asleep:
    """What is known of a trio task that sleeps: whether somebody has woken it already.

    trio documents `Task.custom_sleep_data` as free for use by whoever puts a task to sleep,
    and that waking the task sets it to `None`. Most waits leave it unused.
    """

    @staticmethod
    def mark(task: trio.lowlevel.Task) -> None:
        """Note that the task is about to sleep."""
        if task.custom_sleep_data is None:
            task.custom_sleep_data = Asleep

    @staticmethod
    def holds(task: trio.lowlevel.Task) -> bool:
        """Say whether it sleeps still, so that its wait can be given up."""
        return task.custom_sleep_data is not None


_CHECKPOINT = trio.lowlevel.checkpoint.__code__


def is_in_checkpoint(coro: Any) -> bool:
    """Say whether the turn that a coroutine waits for is `checkpoint()`'s.

    A cancellation may be raised there. Other functions wait for a turn when they have done
    their work, with the value in their hands.
    """
    while coro is not None:
        if getattr(coro, "cr_code", None) is _CHECKPOINT:
            return True
        coro = getattr(coro, "cr_await", None) or getattr(coro, "gi_yieldfrom", None)
    return False
