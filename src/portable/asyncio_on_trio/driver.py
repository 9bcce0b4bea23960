"""The driver: what stands between asyncio's `Task` and the coroutine of a task.

asyncio's `Task`, CPython's own and unmodified, steps the driver as it would step the coroutine,
and the driver passes on what comes. A future of asyncio's goes up to the `Task`. A trap of
trio's does not: the driver keeps it for its worker, which yields it to trio, and gives the
`Task` a `TrioWait` to wait for, which looks to it like any other future.

A coroutine that waits in trio several times in a row is resumed by the driver alone. Its
`Task` still waits for the same `TrioWait` then, and is woken when the coroutine ends or
waits for something of asyncio's.

**A cancellation of asyncio's** that meets a wait for a future goes to that future, by asyncio's
own code. One that meets a wait in trio comes to `TrioWait.cancel()`. The worker then asks the
wait to give up, as trio would, and the coroutine gets `asyncio.CancelledError`, once. Nothing
else in the task is cancelled. If a value is on its way already it is delivered, and the
next wait is cancelled.

**A cancellation of a trio scope** around a wait for a future cancels the future, as asyncio
does for an awaiting task, and is raised in place of the future's `CancelledError`; it is a
`ScopeCancelled`, which is that as well.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import TYPE_CHECKING, Any, NoReturn

import outcome
import trio
from trio.lowlevel import disable_ki_protection

from .cancellation import as_cancellation, scope_cancelled
from .futures import cancel_safely
from .traps import SLEEP, TURN, RaiseCancel, Trap, abort, is_in_checkpoint

if TYPE_CHECKING:
    from .loop import EventLoop
    from .worker import Worker

_enter_task, _leave_task = asyncio._enter_task, asyncio._leave_task
#: Whether `uncancel()` takes back a cancellation that was not delivered yet.
UNCANCEL_TAKES_BACK = sys.version_info >= (3, 13)
#: A scope cancels every wait in it. asyncio's library may wait again at once, for what it has
#: to see the end of; after so many refusals in a row it is left to wait.
_MOST_REFUSALS = 16


class TrioWait:
    """What asyncio's `Task` waits for while its coroutine waits in trio."""

    __slots__ = ("_asyncio_future_blocking", "_driver", "wakeup")

    def __init__(self, driver: Driver) -> None:
        self._asyncio_future_blocking = True
        self._driver = driver
        self.wakeup: Callable[[TrioWait], object] | None = None

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._driver.loop

    def add_done_callback(
        self, callback: Callable[[Any], object], *, context: Context | None = None
    ) -> None:
        self.wakeup = callback

    def result(self) -> None:
        return None

    def cancel(self, msg: object = None) -> bool:
        driver = self._driver
        if not driver.pending and not driver.arriving:
            # Before the worker has the trap asyncio hands on what came within the step.
            driver.in_step = driver.running or driver.trap is not None
            driver.pending, driver.message = True, msg
            if not driver.in_step:
                driver.loop.call_when_running(driver.interrupt)
        return True

    def __repr__(self) -> str:
        return "<a wait in trio>"


class Driver(Coroutine[Any, Any, Any]):
    """Steps the coroutine of one task.

    Attributes:
        loop: the loop of the task.
        worker: the trio task it runs in; `None` until its first step there.
        trap: what the coroutine waits for in trio, until the worker takes it.
        pending: whether a cancellation of asyncio's has yet to be delivered.
        in_step: whether it came from within the coroutine's own step.
        message: its message.
        arriving: whether it is on its way to the coroutine; another one adds nothing to it.
        asked: whether `Task.cancel()` was called since the last step.
        was_in_trio: whether the coroutine has ever waited in trio.
        running: whether the coroutine runs, resumed by the driver alone.
    """

    __slots__ = (
        "_awaited",
        "_coro",
        "_raised",
        "_refusals",
        "_stashed",
        "_trio_cancel",
        "_wait",
        "arriving",
        "asked",
        "in_step",
        "loop",
        "message",
        "pending",
        "running",
        "trap",
        "was_in_trio",
        "worker",
    )

    def __init__(self, coro: Coroutine[Any, Any, Any], loop: EventLoop) -> None:
        self._coro = coro
        self.loop = loop
        self.worker: Worker | None = None
        self.trap: Trap = None
        self.pending = self.in_step = self.asked = self.running = self.was_in_trio = False
        self.arriving = False
        self.message: object = None
        self._stashed = False
        self._awaited: Any = None
        self._raised: BaseException | None = None
        self._trio_cancel: RaiseCancel | None = None
        self._refusals = 0
        self._wait: TrioWait | None = None

    @property
    def coro(self) -> Coroutine[Any, Any, Any]:
        """The coroutine it steps."""
        return self._coro

    # What asyncio's Task calls -----------------------------------------------------------

    @disable_ki_protection
    def send(self, value: None) -> Any:
        if self._stashed:
            return self._take()
        if self.pending:
            self._trio_cancel = None  # trio asks again at the next wait
            error = self.take_cancellation()
            self.arriving = False
            return self._step(self._coro.throw, error)
        if self._trio_cancel is not None:
            if self._awaited is None:
                return self._step(self._coro.throw, self._refuse())
            self._trio_cancel = None  # the future ended with a value all the same
        self.asked = False
        self._refusals = 0
        try:
            awaited = self._awaited = self._coro.send(None)
        except (trio.Cancelled, BaseExceptionGroup) as error:
            raise as_cancellation(error) from error.__cause__
        # Most waits are for asyncio's own; _up() is for the others.
        return awaited if type(awaited) is not SLEEP and awaited is not TURN else self._up()

    @disable_ki_protection
    def throw(self, error: Any, *args: Any) -> Any:
        if self._stashed:
            return self._take()
        try:
            if isinstance(error, asyncio.CancelledError):
                self.pending = False
                if self._trio_cancel is not None and not self.asked:
                    error = self._refuse()
            self._trio_cancel = None
            return self._step(self._coro.throw, error)
        finally:
            # The error's traceback leads here; kept here, it would keep itself.
            error = None

    def close(self) -> None:
        self._coro.close()

    @disable_ki_protection
    def _step(self, step: Callable[[Any], Any], value: Any) -> Any:
        self.asked = False
        try:
            self._awaited = step(value)
        except (trio.Cancelled, BaseExceptionGroup) as error:
            raise as_cancellation(error) from error.__cause__
        finally:
            value = None
        return self._up()

    def _up(self) -> Any:
        """Return what the task is to wait for, of what the coroutine waits for."""
        while True:
            awaited = self._awaited
            if type(awaited) is not SLEEP and awaited is not TURN:
                return awaited
            if self.worker is not None:
                break
            refusal = RuntimeError(
                "a task that starts eagerly cannot wait in trio or AnyIO before its first wait "
                "for something of asyncio's; start it without eager_start"
            )
            if awaited is not TURN:
                abort(awaited, _not_cancelled)
            self._awaited = self._coro.throw(refusal)
        self._awaited = None
        self.trap = awaited
        wait = self._wait
        if wait is None:
            wait = self._wait = TrioWait(self)
        wait._asyncio_future_blocking = True
        return wait

    def _take(self) -> Any:
        """Return or raise what the coroutine did while it was resumed by the driver alone."""
        self._stashed = False
        error, self._raised = self._raised, None
        if error is None:
            awaited = self._awaited
            if self.pending and awaited is not None:
                cancel = getattr(awaited, "cancel", None)
                if cancel is not None and cancel(msg=self.message):
                    self.pending = False
            return awaited
        try:
            if isinstance(error, (trio.Cancelled, BaseExceptionGroup)):
                error = as_cancellation(error)
            elif self.pending and self.in_step and isinstance(error, StopIteration):
                # As in asyncio: cancelled right before its end.
                error = self.take_cancellation()
            raise error
        finally:
            error = None

    # What the worker calls ---------------------------------------------------------------

    @disable_ki_protection
    def resume(self, task: asyncio.Task[Any], trap: Trap, answer: outcome.Outcome[Any]) -> None:
        """Go on with what trio answered to the trap.

        The task is an argument: a driver that knew it would keep it, and be kept by it.
        After it either `trap` is set again, or the task has been woken and had its step.
        """
        wait = self._wait
        assert wait is not None
        if self.pending and trap is TURN and is_in_checkpoint(self._coro):
            answer = outcome.Error(self.take_cancellation())
        self.asked = self.arriving = False
        if not self.pending:
            self.in_step = False
        self._refusals = 0
        self.running = True
        _enter_task(self.loop, task)
        try:
            awaited = self._coro.send(answer)
        except BaseException as error:
            self._raised = error
            awaited = None
        finally:
            answer = None  # type: ignore[assignment]
            _leave_task(self.loop, task)
            self.running = False
        if self._raised is None and (type(awaited) is SLEEP or awaited is TURN):
            self.trap = awaited
            return
        self._awaited = awaited
        self._stashed = True
        wakeup, wait.wakeup = wait.wakeup, None
        assert wakeup is not None
        try:
            wakeup(wait)
        finally:
            # What the coroutine raised leads here by its traceback.
            del task, wakeup

    def interrupt(self) -> None:
        """Let the worker end the wait in trio."""
        if self.worker is not None and self.pending:
            self.worker.interrupt(self)

    def give_up(self, trap: Trap) -> outcome.Error | None:
        """Ask a wait in trio to give up; return what the coroutine gets, `None`: it refused.

        One that refuses may take the cancellation all the same: a nursery that waits for its
        children keeps it, cancels them, and raises it in the end.
        """
        try:
            if not abort(trap, self.raise_cancellation):
                return None
        except BaseException as error:  # of the wait's own; left there it would never end
            return outcome.Error(error)
        return outcome.Error(self.take_cancellation())

    def take_cancellation(self) -> asyncio.CancelledError:
        """Return the cancellation of asyncio's that is pending; it is delivered then."""
        self.pending, self.arriving = False, True
        message, self.message = self.message, None
        return asyncio.CancelledError(*([] if message is None else [message]))

    def raise_cancellation(self) -> NoReturn:
        """Raise it: for a wait in trio that is asked to give up, and wants to know why."""
        error = self.take_cancellation()
        self.arriving = False
        raise error

    def abort(self, raise_cancel: RaiseCancel) -> None:
        """A scope of trio's was cancelled around a wait for something of asyncio's."""
        if self.asked or self._refusals >= _MOST_REFUSALS:
            return  # asyncio cancels it already; trio asks again at the next wait
        self._trio_cancel = raise_cancel
        cancel_safely(self._awaited)

    def take_back(self) -> None:
        """`uncancel()` has taken back a cancellation that was not delivered."""
        self.pending = False

    def forget(self) -> None:
        """Let go of what the coroutine awaited: the task has ended."""
        self._awaited = self._wait = self._trio_cancel = None

    def _refuse(self) -> BaseException:
        raise_cancel, self._trio_cancel = self._trio_cancel, None
        assert raise_cancel is not None
        self._refusals += 1
        return scope_cancelled(raise_cancel)

    # What looks at the coroutine ---------------------------------------------------------

    def __await__(self) -> Any:
        return self._coro.__await__()

    def __getattr__(self, name: str) -> Any:
        # Stacks, reprs and call graphs ask for cr_frame, cr_code, __qualname__ and the like.
        return getattr(self._coro, name)

    def __repr__(self) -> str:
        return repr(self._coro)


def _not_cancelled() -> NoReturn:
    raise RuntimeError("this wait was given up before it began; nothing is cancelled")
