"""Workers: the tasks of trio's that asyncio's tasks run in.

A step of one of asyncio's tasks has to run inside a task of trio's, so that trio and AnyIO find
there what is theirs: scopes, nurseries, the current task. A worker gives its trio task to one
task of asyncio's after another, so that what trio demands for making a task is paid once for
many.

A task that has something of trio's (`belongings.py`), or has waited in trio, keeps its worker
to its end. The steps of all others are taken by whichever worker has the turn, without a turn
of trio's between them, and between two steps they need no worker at all.
"""

from __future__ import annotations

import types
import weakref
from collections.abc import Generator
from contextvars import Context
from typing import TYPE_CHECKING, Any

import trio
from trio.lowlevel import Abort

from .belongings import Belongings, innermost_scope
from .traps import TURN, Asleep, RaiseCancel, Trap, sleep_trap

if TYPE_CHECKING:
    from .driver import Driver
    from .loop import EventLoop
    from .steps import Step


class Worker:
    """One trio task, for one task of asyncio's at a time.

    Attributes:
        native: the trio task.
        step: the step that the loop hands over when it wakes the worker.
        retired: whether it is to end.
        free: whether it has no task of asyncio's.
        sleeping: whether it waits for a step; what its task waits for is asyncio's then.
        scope: lies around all that its tasks open.
    """

    __slots__ = (
        "__weakref__",
        "_cancel_now",
        "_hurried",
        "_loop",
        "_task",
        "_trap",
        "free",
        "native",
        "retired",
        "scope",
        "sleeping",
        "step",
    )

    def __init__(self, loop: EventLoop, step: Step) -> None:
        self._loop = loop
        self._task: weakref.ref[Any] | None = None
        self._trap: Trap = None
        self.step: Step | None = step
        self.free = True
        self._cancel_now = self._hurried = False
        self.sleeping = self.retired = False
        self.scope = trio.CancelScope(shield=True)
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
        loop, native, sleep = self._loop, self.native, sleep_trap(self._abort)
        self.scope.__enter__()
        clean = innermost_scope(native)
        belongings = Belongings(native)
        while True:
            # It has a step to take, and the loop's turn with it.
            step = self.step
            assert step is not None
            self.step = None
            task: Any
            task, callback, args, context = step
            driver: Driver = task._driver
            if self.free:
                self.free = False
                driver.worker = task._worker = self
                belongings.note()
            began = loop.time() if loop.is_debugging else 0.0
            try:
                context.run(callback, *args)
            except BaseException as error:
                loop.fail(error, callback)
            if began:
                loop.complain_if_slow(task, began)
            del step, callback, args
            if driver.trap is None:
                turn = True
            else:
                self._task = weakref.ref(task, self._lost)
                driver.was_in_trio = True
                loop.pass_on()
                turn = False
                while driver.trap is not None:
                    if turn:
                        loop.pass_on()
                    trap, driver.trap = driver.trap, None
                    if loop.ending:
                        driver.pending = True
                    answer = None
                    if driver.pending and trap is not TURN:
                        answer = driver.give_up(trap)
                    if answer is not None:
                        yield TURN
                    else:
                        Asleep.mark(native)
                        self._trap = trap
                        answer = yield trap
                        self._trap = None
                    loop.inside = True
                    try:
                        context.run(driver.resume, task, trap, answer)
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
                self._task = None
                self.free = not native.child_nurseries
                if not self.free:
                    self._tell("a task ended with a nursery of trio's or AnyIO's open", task)
                elif innermost_scope(native) is not clean:
                    self._renew_scope(task)
                    clean = innermost_scope(native)
            elif not driver.was_in_trio and belongings.are_none():
                # Any worker may take its next step, and so the one that has the turn then.
                driver.worker = task._worker = None
                self._task = None
                self.free = True
            elif self._task is None or self._task() is not task:
                self._task = weakref.ref(task, self._lost)
            # Nothing here keeps the task: if nobody does, it ends as asyncio's do.
            del task, driver
            if self._hurried:
                # It may again have its next step at once; so trio may cancel it right here.
                self._hurried = not self.free and self._is_cancelled()
                if self._hurried:
                    self._cancel_now = True
                    yield sleep
            while turn and loop.conduct(self) is TURN:
                yield TURN
            if self._has_step():
                if not self.free and self._is_cancelled():
                    # Its task took no time to wait, so trio could not cancel it there.
                    self._hurried = self._cancel_now = True
                    yield sleep
                continue
            if native.child_nurseries and self._task is None:
                # The worker is of no more use: what it would start would be in the nursery.
                yield from self._close_nurseries(sleep)
                return
            if self.free and not loop.keep(self):
                return
            if loop.ending:
                return
            self.sleeping = True
            while not self._has_step() and not self.retired:
                Asleep.mark(native)
                yield sleep
            self.sleeping = False
            if not self._has_step():
                return

    def wake(self) -> None:
        """Wake it, unless it is awake already.

        Somebody else may have woken it: a wait that trio was told of and that asyncio's task
        has dropped as a "bad yield" is still known to whoever ends it.
        """
        if Asleep.holds(self.native):
            trio.lowlevel.reschedule(self.native)

    def _is_cancelled(self) -> bool:
        """Say whether trio cancels a wait now, or at its next look at the clock."""
        return trio.current_effective_deadline() <= self._loop.time()

    def _has_step(self) -> bool:
        return self.step is not None

    def interrupt(self, driver: Driver) -> None:
        """End the wait in trio of its task, for a cancellation of asyncio's.

        Where that cannot be, because the task is awake already, or the wait refuses, the
        cancellation stays pending for the next one.
        """
        trap = self._trap
        if trap is None or trap is TURN or not Asleep.holds(self.native):
            return
        answer = driver.give_up(trap)
        if answer is not None:
            trio.lowlevel.reschedule(self.native, answer)

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
        self._loop.abandon(self)

    def is_abandoned(self) -> bool:
        """Say whether its task is gone without having ended."""
        return self.sleeping and self._task is not None and self._task() is None

    def end_wait(self) -> None:
        """End the task's wait in trio: the loop ends, and nobody will step the task again."""
        task = None if self._task is None else self._task()
        if self._trap is not None and task is not None:
            driver: Driver = task._driver
            driver.pending = True
            self.interrupt(driver)

    def _renew_scope(self, task: Any) -> None:
        """Get rid of a scope that a task has left open; it would be around the next one."""
        try:
            self.scope.__exit__(None, None, None)
        except RuntimeError as error:  # trio's "Cancel scope stack corrupted"
            self._tell(
                "a task ended with a cancel scope of trio's or AnyIO's open", task, error
            )
        self.scope = trio.CancelScope(shield=True)
        self.scope.__enter__()

    def _close_nurseries(self, sleep: Trap) -> Generator[Any, Any, None]:
        """End what is in the nurseries that a task has left open, as trio does then.

        trio holds whoever ends with an open nursery to account, and for a task of the system's
        that is an internal error. The list it looks into has no public name.
        """
        nurseries = self.native.child_nurseries
        for nursery in nurseries:
            nursery.cancel_scope.cancel()
        # Not awake meanwhile: a nursery that takes the task for waiting in it wakes it.
        trio.lowlevel.spawn_system_task(self._wake_when_empty, nurseries)
        while any(nursery.child_tasks for nursery in nurseries):
            Asleep.mark(self.native)
            yield sleep
        left_open: Any = self.native
        left_open._child_nurseries.clear()

    async def _wake_when_empty(self, nurseries: list[trio.Nursery]) -> None:
        while any(nursery.child_tasks for nursery in nurseries):
            await trio.lowlevel.cancel_shielded_checkpoint()
        self.wake()

    def _tell(self, message: str, task: Any, error: BaseException | None = None) -> None:
        context = {"message": message, "task": task}
        if error is not None:
            context["exception"] = error
        self._loop.call_exception_handler(context)
