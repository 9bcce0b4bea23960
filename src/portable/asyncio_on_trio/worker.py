"""Workers: the trio tasks in which asyncio tasks run.

A step of an asyncio task must run inside a trio task, because trio and AnyIO look there for
cancel scopes, nurseries and the current task. A worker is a trio task that serves one asyncio
task after another, so the price of making a trio task is paid once for many.

A task that has something of trio's (`belongings.py`), or has ever waited in trio, keeps its
worker to its end. Any worker that has the turn may take the steps of all other tasks, without a
turn of trio in between. Between two steps such a task has no worker.
"""

from __future__ import annotations

import asyncio
import types
import weakref
from collections.abc import Generator
from contextvars import Context
from types import TracebackType
from typing import TYPE_CHECKING, Any

import trio
from outcome import Error
from trio.lowlevel import Abort

from .belongings import Belongings, innermost_scope
from .cancellation import for_both_languages
from .traps import SLEEP, TURN, Asleep, RaiseCancel, Trap, sleep_trap

if TYPE_CHECKING:
    from .driver import Driver
    from .loop import EventLoop
    from .steps import Step

_enter_task, _leave_task = asyncio._enter_task, asyncio._leave_task
#: When the loop has ended, a task's waits in trio are cancelled; after so many it is dropped.
_MOST_WAITS_AT_END = 100


class Worker:
    """One trio task, which serves one asyncio task at a time.

    Attributes:
        native: the trio task.
        step: the next step, which the loop sets before it wakes the worker.
        begun: whether that step has been run already, and only its wait is left to be handled.
        retired: whether the worker has to end.
        free: whether it serves no asyncio task now.
        sleeping: whether it waits for a step; if it serves a task, that awaits a future.
        scope: a cancel scope around everything that its tasks open.
    """

    __slots__ = (
        "__weakref__",
        "_belongings",
        "_cancel_now",
        "_loop",
        "_task",
        "_trap",
        "begun",
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
        self.free: bool = True
        self.begun: bool = False
        self._cancel_now = False
        self.sleeping: bool = False
        self.retired: bool = False
        self.scope: trio.CancelScope = trio.CancelScope(shield=True)
        # A neutral context: each step enters the context of its own task.
        self.native: trio.lowlevel.Task = trio.lowlevel.spawn_system_task(
            self._work, name="a task of asyncio's", context=Context()
        )

    async def _work(self) -> None:
        try:
            await self._serve()
            if self.native.child_nurseries:
                # Its task has left them open; or was left itself, as the loop has ended, or as
                # it was collected.
                await self._close_nurseries()
        except BaseException as error:
            self._loop.break_down(error)
        self._loop.pool.forget(self)

    @types.coroutine
    def _serve(self) -> Generator[Any, Any, None]:
        loop, native, sleep = self._loop, self.native, sleep_trap(self._abort)
        neutral = native.context
        self.scope.__enter__()
        queue = loop.queue
        clean = innermost_scope(native)
        belongings = self._belongings = Belongings(native)
        while True:
            # The worker has a step to take, and with it the loop's turn.
            step = self.step
            assert step is not None
            self.step = None
            task: Any
            task, callback, args, context = step
            driver: Driver = task._driver
            if self.begun:
                self.begun = False
            else:
                if self.free:
                    self.free = False
                    driver.worker = task._worker = self
                    belongings.note()
                began = loop.time() if loop.is_debugging else 0.0
                try:
                    if native.context is neutral:
                        context.run(callback, *args)
                    else:
                        callback(*args)
                except BaseException as error:
                    loop.fail(error, callback)
                    began = 0.0
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
                resume = driver.resume
                trap, driver.trap = driver.trap, None
                waits_at_end = 0
                while trap is not None:
                    if turn:
                        driver.trap = trap  # a cancel() from here counts as within its step
                        loop.pass_on()
                        driver.trap = None
                    if loop.ending:
                        driver.pending = driver.disturbed = True
                        waits_at_end += 1
                        if waits_at_end > _MOST_WAITS_AT_END and driver.leave(trap):
                            self._drop(task)
                            return
                    if trap is TURN:
                        answer = yield TURN
                    elif driver.pending and (given_up := driver.give_up(trap)) is not None:
                        answer, given_up = given_up, None
                        yield TURN
                    else:
                        if native.custom_sleep_data is None:
                            native.custom_sleep_data = Asleep  # `mark()`, without a call
                        self._trap = trap
                        answer = yield trap
                        self._trap = None
                        if type(answer) is Error:
                            answer = for_both_languages(answer)
                    if driver.disturbed:
                        answer = driver.settle(trap, answer)
                    loop.inside = driver
                    _enter_task(loop, task)
                    failure: BaseException | None = None
                    try:
                        if native.context is neutral:
                            awaited = context.run(resume, answer)
                        else:  # trio has set another context, as for `from_thread.run()`
                            awaited = resume(answer)
                    except BaseException as error:
                        # This frame goes on with other tasks: keep it out of the traceback.
                        awaited, failure = None, error.with_traceback(_next(error))
                    _leave_task(loop, task)
                    answer = None
                    if type(awaited) is SLEEP or awaited is TURN:
                        trap = awaited
                    else:
                        try:
                            context.run(driver.hand_to_task, awaited, failure)
                        except BaseException as error:
                            loop.fail(error, task)
                        del awaited, failure
                        trap, driver.trap = driver.trap, None
                    loop.inside = None
                    turn = loop.take_over() if queue else False
                del resume, trap, answer
            del context
            if task.done():
                driver.worker = task._worker = None
                driver.forget()
                self._task = None
                self.free = not native.child_nurseries
                if not self.free:
                    self._report("a task ended with a nursery of trio's or AnyIO's open", task)
                elif innermost_scope(native) is not clean:
                    self._renew_scope(task)
                    clean = innermost_scope(native)
            elif not driver.was_in_trio and belongings.are_none():
                # The next step is for whichever worker has the turn then.
                driver.worker = task._worker = None
                self._task = None
                self.free = True
            elif self._task is None or self._task() is not task:
                self._task = weakref.ref(task, self._lost)
            # Keep no reference: a task that nobody holds has to be collected, as on asyncio.
            del task, driver
            if turn and not self.free and self._is_cancelled():
                # The wait began in a cancelled scope. trio ends such a wait at once, and the
                # next step may be there before this worker sleeps.
                self._cancel_now = True
                yield sleep
            while turn and loop.conduct(self) is TURN:
                yield TURN
            if self._has_step():
                if not self.free and self._is_cancelled():
                    # The task did not really wait, so trio had no chance to cancel it.
                    self._cancel_now = True
                    yield sleep
                continue
            if native.child_nurseries and self._task is None:
                # This worker cannot serve again: its next task would be inside the nursery.
                return
            if self.free and not loop.pool.keep(self):
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

    def take(self, step: Step) -> bool:
        """Run a step of a task without a worker; this worker is free and has the turn.

        Returns:
            Whether the worker is free again, as the task has nothing of trio's; that is so for
            most tasks. Otherwise the worker serves the task, and `begun` is set.
        """
        task: Any
        task, callback, args, context = step
        driver: Driver = task._driver
        driver.worker = task._worker = self
        belongings = self._belongings
        belongings.note()
        try:
            context.run(callback, *args)
        except BaseException as error:
            self._loop.fail(error, callback)
        if driver.trap is None and belongings.are_none():
            driver.worker = task._worker = None
            if task.done():
                driver.forget()
            free = True
        else:
            self.step = step
            self.begun = True
            free = self.free = False
        # An error's traceback may have this frame, which must not keep the task alive.
        del step, task, callback, args, context, driver
        return free

    def wake(self) -> None:
        """Wake the worker, unless it is awake already.

        Somebody else may have woken it: asyncio's `Task` may drop a wait in trio as a "bad
        yield", but whoever was to end that wait still reschedules the trio task.
        """
        if Asleep.holds(self.native):
            trio.lowlevel.reschedule(self.native)

    def _is_cancelled(self) -> bool:
        """Say whether trio would cancel a wait now, or at its next look at the clock."""
        return trio.current_effective_deadline() <= self._loop.time()

    def _has_step(self) -> bool:
        """Say whether the loop has set a step since the last one was taken."""
        return self.step is not None

    def interrupt(self, driver: Driver) -> None:
        """End its task's wait in trio, as `Task.cancel()` was called.

        If the trio task is awake already, or the wait refuses, the cancellation stays pending
        for the next wait.
        """
        trap = self._trap
        if trap is None or not Asleep.holds(self.native):
            return
        answer = driver.give_up(trap)
        if answer is not None:
            trio.lowlevel.reschedule(self.native, answer)

    @property
    def waiting_task(self) -> asyncio.Task[Any] | None:
        """The asyncio task that waits in this worker, in trio or for its next step."""
        return None if self._task is None else self._task()

    def _abort(self, raise_cancel: RaiseCancel) -> Abort:
        task: Any = self.waiting_task
        if task is not None:
            task._driver.abort(raise_cancel)
        if self._cancel_now:
            self._cancel_now = False
            trio.lowlevel.reschedule(self.native)
        return Abort.FAILED

    def _lost(self, _: object) -> None:
        """Have the worker end: its task was collected during a wait that nobody can end."""
        self._loop.pool.abandon(self)

    def is_abandoned(self) -> bool:
        """Say whether its task was collected before it ended."""
        return self.sleeping and self._task is not None and self._task() is None

    def retire(self) -> None:
        """End this worker, which sleeps."""
        self.sleeping = False
        self.step = None
        self.retired = True
        self.wake()

    def end_wait(self) -> None:
        """End its task's wait in trio, as the loop ends and will not step the task again."""
        task: Any = self.waiting_task
        if self._trap is not None and task is not None:
            driver: Driver = task._driver
            driver.pending = True
            self.interrupt(driver)

    def _drop(self, task: Any) -> None:
        """Close the coroutine of a task that goes on waiting though the loop has ended."""
        try:
            task.get_coro().close()
        except BaseException as error:
            self._report("a task goes on though its loop has ended", task, error)

    def _renew_scope(self, task: Any) -> None:
        """Close a scope that a task has left open; it would be around the next task, too."""
        try:
            self.scope.__exit__(None, None, None)
        except RuntimeError as error:  # trio's "Cancel scope stack corrupted"
            self._report(
                "a task ended with a cancel scope of trio's or AnyIO's open", task, error
            )
        self.scope = trio.CancelScope(shield=True)
        self.scope.__enter__()

    @types.coroutine
    def _close_nurseries(self) -> Generator[Any, Any, None]:
        """Cancel the nurseries that a task has left open, and wait for their children.

        To trio a task that ends with an open nursery is an error; for a system task it is an
        internal error, which ends the run. The list that trio checks has no public name.
        """
        sleep = sleep_trap(lambda _: Abort.FAILED)  # what a task awaits is not cancelled
        nurseries = self.native.child_nurseries
        for nursery in nurseries:
            nursery.cancel_scope.cancel()
        # Sleep meanwhile: a nursery may take this task for its parent and reschedule it.
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

    def _report(self, message: str, task: Any, error: BaseException | None = None) -> None:
        context: dict[str, Any] = {"message": message, "task": task}
        if error is not None:
            context["exception"] = error
        self._loop.report(context)


def _next(error: BaseException) -> TracebackType | None:
    """Return an error's traceback without the frame that has caught it."""
    assert error.__traceback__ is not None
    return error.__traceback__.tb_next
