"""Adoption of tasks that were made by `asyncio.Task(...)` itself and not by the loop.

Such a task has no driver (`driver.py`). But while it is being made it calls the loop:
`call_soon()` with its first step, or `is_running()` if it is to start eagerly. In that call the
loop adopts it: it initialises the task once more, with a driver in place of the coroutine. From
then on the task can await trio's functions, too.

Python 3.15 refuses to initialise a task twice. There such a task can await only asyncio's. At
trio's it gets asyncio's error, and this module adds what to do.
"""

from __future__ import annotations

import asyncio
import dis
import gc
import sys
from collections.abc import Iterator
from contextvars import Context
from functools import lru_cache
from inspect import CORO_CREATED, getcoroutinestate
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from .driver import Driver
from .task import forget_frames, start_eagerly
from .traps import SLEEP, TURN

if TYPE_CHECKING:
    from .loop import EventLoop

_CAN_BE_ADOPTED = sys.version_info < (3, 15)
_ADVICE = (
    "This task was made by asyncio.Task(...) itself, and cannot await what is trio's or "
    "AnyIO's. Make it by asyncio.create_task(), or await that in a task that is made so."
)


def adopt(
    loop: EventLoop, task: asyncio.Task[Any], context: Context | None, *, eagerly: bool
) -> bool:
    """Give a task that is being made a driver, so that it can run in a worker.

    Args:
        loop: its loop.
        task: the task, which has just asked the loop for its first step.
        context: the context to run it in.
        eagerly: whether it is to start eagerly. `is_running()` has answered no, so that it asks
            for a step instead.

    Returns:
        Whether it was adopted. Then it has asked for its first step again, and the loop must
        drop the step that it is asked for now.
    """
    coro: Any = task.get_coro()
    stranger: Any = task
    stranger._driver, stranger._worker = Driver(coro, loop), None
    if (
        not _CAN_BE_ADOPTED
        or getattr(coro, "cr_frame", None) is None
        or getcoroutinestate(coro) != CORO_CREATED
    ):
        return False
    name = task.get_name()
    if eagerly:
        start_eagerly(task, loop, name, context)
    else:
        driver = stranger._driver
        asyncio.Task.__init__(task, driver, loop=loop, name=name, context=context)
    if loop.get_debug():
        forget_frames(task, 3 if eagerly else 2)
    return True


def explain(task: asyncio.Task[Any], step: object) -> None:
    """Say what to do if a task that was not adopted has waited in trio.

    Args:
        task: a task of another class than ours.
        step: its next step. If it is to raise asyncio's "Task got bad yield", the step keeps
            that error, but has no name for it.
    """
    driver: Any = getattr(task, "_driver", None)
    if task.get_coro() is driver:
        return
    for error in gc.get_referents(step):
        if isinstance(error, RuntimeError):
            said = str(error)
            if f"{SLEEP.__name__}(" in said or repr(TURN) in said:
                error.add_note(_ADVICE)


def is_making_a_task(caller: FrameType) -> bool:
    """Say whether `is_running()` is called by `asyncio.Task(..., eager_start=True)`.

    The class is written in C and has no frame. So the caller's frame is the one that calls the
    class; it is then inside a call that has that argument, which `is_running()` has not.
    """
    if not _CAN_BE_ADOPTED:
        return False
    names, are_all = _keywords_of_call(caller.f_code, caller.f_lasti)
    if are_all or "eager_start" in names:
        return "eager_start" in names
    return any(
        type(value) is dict and value.get("eager_start") for value in caller.f_locals.values()
    )


@lru_cache(maxsize=256)
def _keywords_of_call(code: CodeType, offset: int) -> tuple[tuple[object, ...], bool]:
    """Return the names of a call's keyword arguments, and whether the list is complete.

    It is not if the call has a `**mapping`; the names are then all constants of the function.
    """
    before = None
    for instruction in dis.get_instructions(code):
        if instruction.offset >= offset:
            if instruction.opname == "CALL_FUNCTION_EX":
                return tuple(_flat(code.co_consts)), False
            break
        before = instruction
    names = None if before is None else before.argval
    return names if isinstance(names, tuple) else (), True


def _flat(constants: tuple[object, ...]) -> Iterator[object]:
    for constant in constants:
        if isinstance(constant, tuple):
            yield from _flat(constant)
        else:
            yield constant
