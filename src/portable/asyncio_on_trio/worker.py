"""Workers: the tasks of trio's that asyncio's tasks run in.

A step of one of asyncio's tasks has to run inside a task of trio's, so that trio and AnyIO find
there what is theirs: scopes, nurseries, the current task. A worker gives its trio task to one
task of asyncio's after another; what trio demands for making a task, and the two scopes that a
cancellation needs, is paid once for many. The first steps of tasks that never wait are all
taken by the same worker, without a turn of trio's between them.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Generator
from contextlib import suppress
from contextvars import Context
from math import inf
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import Abort

from .traps import TURN, RaiseCancel, sleep_trap

if TYPE_CHECKING:
    from .driver import Driver
    from .loop import EventLoop
    from .steps import Step


class Worker:
    """One trio task, for one task of asyncio's at a time.

    Attributes:
        native: the trio task.
        step: the step that the loop hands over when it wakes the worker; `None`: it is to end.
        free: whether it has no task of asyncio's.
        inner: the scope that is shielded for clean-ups.
        outer: the scope that a cancellation of asyncio's cancels.
        sleeping: whether it waits for a step; what its task waits for is asyncio's then.
        reason: what tells such a cancellation from any other, by identity.
    """

    __slots__ = (
        "__weakref__",
        "_cancel_now",
        "_loop",
        "_task",
        "free",
        "inner",
        "native",
        "outer",
        "reason",
        "sleeping",
        "step",
    )

    def __init__(self, loop: EventLoop, step: Step) -> None:
        self._loop = loop
        self._task: weakref.ref[Any] | None = None
        self.reason = "".join(("a task of asyncio's was ", "cancelled"))
        self.step: Step | None = step
        self.free = True
        self._cancel_now = False
        self.sleeping = False
        # A neutral context: each step enters the context of its own task.
        self.native = trio.lowlevel.spawn_system_task(
            self._work, name="a task of asyncio's", context=Context()
        )

    async def _work(self) -> None:
        try:
            await self._serve()
        except BaseException as error:
            self._loop.fail(error, self)
        self._loop.retired(self)

    @types.coroutine
    def _serve(self) -> Generator[Any, Any, None]:
        loop, sleep = self._loop, sleep_trap(self._abort)
        self._open_scopes()
        try:
            while True:
                # It has a step to take, and the loop's turn with it.
                step = self.step
                assert step is not None
                self.step = None
                task: Any
                task, callback, args, context = step
                driver: Driver = task._driver
                self.free = False
                if driver.worker is None:
                    driver.worker = task._worker = self
                try:
                    context.run(callback, *args)
                except BaseException as error:
                    loop.fail(error, callback)
                del step, callback, args
                if driver.trap is None:
                    turn = True
                else:
                    loop.pass_on()
                    turn = False
                    while driver.trap is not None:
                        if turn:
                            loop.pass_on()
                        trap, driver.trap = driver.trap, None
                        answer = yield trap
                        loop.inside = True
                        try:
                            context.run(driver.resume, task, answer)
                        except BaseException as error:
                            loop.fail(error, task)
                        finally:
                            loop.inside = False
                        del trap, answer
                        turn = loop.take_over()
                del context
                if task.done():
                    driver.worker = task._worker = None
                    driver.forget()
                    self._renew_scopes()
                    self.free = True
                elif self._task is None or self._task() is not task:
                    self._task = weakref.ref(task, self._lost)
                # Nothing here keeps the task: if nobody does, it ends as asyncio's do.
                del task, driver
                while turn and loop.conduct(self) is TURN:
                    yield TURN
                if self._has_step():
                    if not self.free and trio.current_effective_deadline() == -inf:
                        # Its task took no time to wait, so trio could not cancel it there.
                        self._cancel_now = True
                        yield sleep
                    continue
                if self.free and not loop.keep(self):
                    return
                if loop.ending:
                    return
                self.sleeping = True
                yield sleep
                self.sleeping = False
                if not self._has_step():
                    return
        finally:
            self._close_scopes()

    def _has_step(self) -> bool:
        return self.step is not None

    def _abort(self, raise_cancel: RaiseCancel) -> Abort:
        task = None if self._task is None else self._task()
        if task is not None:
            task._driver.abort(raise_cancel)
        if self._cancel_now:
            self._cancel_now = False
            trio.lowlevel.reschedule(self.native)
        return Abort.FAILED

    def _lost(self, _: object) -> None:
        """The task was collected while it waited for what nobody can give it."""
        if not self.free:
            self._loop.abandon(self)

    def give_up(self) -> None:
        """End the task's wait in trio: the loop ends, and nobody will step the task again."""
        self.inner.shield = False
        self.outer.cancel(reason=self.reason)

    # Scopes ------------------------------------------------------------------------------

    def _open_scopes(self) -> None:
        # Shielded against the end of the run: the loop ends its tasks by itself then.
        self.outer = trio.CancelScope(shield=True)
        self.outer.__enter__()
        self.inner = trio.CancelScope()
        self.inner.__enter__()

    def _close_scopes(self) -> bool:
        """Close the scopes; say whether the task had left one of its own open in between."""
        clean = True
        for scope in (self.inner, self.outer):
            try:
                scope.__exit__(None, None, None)
            except RuntimeError:  # trio's "Cancel scope stack corrupted"
                clean = False
        return clean

    def _renew_scopes(self) -> None:
        if self.outer.cancel_called:
            self._close_scopes()
            self._open_scopes()
            return
        with suppress(RuntimeError):
            self.inner.__exit__(None, None, None)
        self.inner = trio.CancelScope()
        self.inner.__enter__()
