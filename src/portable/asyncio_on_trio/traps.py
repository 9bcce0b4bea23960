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


def give_up(trap: Trap) -> bool:
    """Undo what a function of trio's did before it yielded this trap; say if that could be.

    The way to do so is the trap's own abort function, and its name is not public. It is
    needed where a coroutine may not wait in trio at all (`eager_start`): left as it is, a lock,
    say, would keep a waiter that is none.
    """
    result: Abort = trap.abort_func(_cannot_raise)
    return result is Abort.SUCCEEDED


def _cannot_raise() -> None:
    raise RuntimeError("this wait was given up; nothing is cancelled")
