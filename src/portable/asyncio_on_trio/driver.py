"""The driver: what stands between asyncio's `Task` and the coroutine of a task.

asyncio's `Task`, CPython's own and unmodified, steps the driver as it would step the coroutine,
and the driver passes on what comes. A future of asyncio's goes up to the `Task`. A trap of
trio's does not: the driver keeps it for its worker, which yields it to trio, and gives the
`Task` a `TrioWait` to wait for, which looks to it like any other future.

A coroutine that waits in trio several times in a row is resumed by the driver alone. Its
`Task` still waits for the same `TrioWait` then, and is woken when the coroutine ends or
waits for something of asyncio's.

**A cancellation of asyncio's** that meets a wait for a future goes to that future, by asyncio's
own code. One that meets a wait in trio comes to `TrioWait.cancel()`. The worker has two scopes
around everything, `outer` around `inner`: `outer` is cancelled, with a reason that is the
worker's own; trio answers with `trio.Cancelled`, and the driver puts `asyncio.CancelledError`
in its place. At the coroutine's next wait `inner` is shielded, so that a clean-up may await.
Not sooner: `trio.lowlevel.checkpoint()` has a scope of its own inside that would swallow it.

**A cancellation of a trio scope** around a wait for a future cancels the future, as asyncio
does for an awaiting task, and is raised in place of the future's `CancelledError`.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import TYPE_CHECKING, Any

import outcome
import trio
from trio.lowlevel import disable_ki_protection

from .traps import SLEEP, TURN, RaiseCancel, Trap, give_up

if TYPE_CHECKING:
    from .loop import EventLoop
    from .worker import Worker

_enter_task, _leave_task = asyncio._enter_task, asyncio._leave_task
#: Whether `uncancel()` takes back a cancellation that was not delivered yet.
UNCANCEL_TAKES_BACK = sys.version_info >= (3, 13)


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
        if not driver.pending:
            driver.pending, driver.message = True, msg
            if not driver.running:
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
        message: its message.
        asked: whether `Task.cancel()` was called since the last step.
    """

    __slots__ = (
        "_awaited",
        "_coro",
        "_interrupted",
        "_raised",
        "_shield",
        "_trio_cancel",
        "_wait",
        "asked",
        "loop",
        "message",
        "pending",
        "running",
        "stashed",
        "trap",
        "worker",
    )

    def __init__(self, coro: Coroutine[Any, Any, Any], loop: EventLoop) -> None:
        self._coro = coro
        self.loop = loop
        self.worker: Worker | None = None
        self.trap: Trap = None
        self.pending = self.asked = self.running = self.stashed = False
        self._interrupted = self._shield = False
        self.message: object = None
        self._awaited: Any = None
        self._raised: BaseException | None = None
        self._trio_cancel: RaiseCancel | None = None
        self._wait: TrioWait | None = None

    @property
    def coro(self) -> Coroutine[Any, Any, Any]:
        """The coroutine it steps."""
        return self._coro

    # What asyncio's Task calls ----------------------------------------------------------

    @disable_ki_protection
    def send(self, value: None) -> Any:
        if self.stashed:
            return self._take()
        if self.pending:
            self._trio_cancel = None  # trio asks again at the next wait
            return self._step(self._coro.throw, self._take_cancellation())
        if self._trio_cancel is not None:
            if self._awaited is None:
                return self._step(self._coro.throw, self._take_trio_cancel())
            self._trio_cancel = None  # the future ended with a value all the same
        self.asked = False
        try:
            awaited = self._awaited = self._coro.send(None)
        except (trio.Cancelled, BaseExceptionGroup) as error:
            raise as_cancellation(error) from error.__cause__
        # Most waits are for asyncio's own; the rest of _up() is for the others.
        return awaited if type(awaited) is not SLEEP and awaited is not TURN else self._up()

    @disable_ki_protection
    def throw(self, error: Any, *args: Any) -> Any:
        if self.stashed:
            return self._take()
        if isinstance(error, asyncio.CancelledError):
            self.pending = False
            if self._trio_cancel is not None and not self.asked:
                error = self._take_trio_cancel()
        self._trio_cancel = None
        try:
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
            value = None  # an error would keep this frame, and this frame the error
        return self._up()

    def _up(self) -> Any:
        """Return what the task is to wait for, of what the coroutine waits for."""
        while True:
            awaited = self._awaited
            if type(awaited) is not SLEEP and awaited is not TURN:
                return awaited
            if self.worker is not None:
                break
            give_up(awaited) if awaited is not TURN else None
            self._awaited = self._coro.throw(
                RuntimeError(
                    "a task that starts eagerly cannot wait in trio or AnyIO before its first "
                    "wait for something of asyncio's; start it without eager_start"
                )
            )
        self._awaited = None
        self.trap = awaited
        self._shield_now()
        wait = self._wait
        if wait is None:
            wait = self._wait = TrioWait(self)
        wait._asyncio_future_blocking = True
        return wait

    def _take(self) -> Any:
        """Return or raise what the coroutine did while it was resumed by the driver alone."""
        self.stashed = False
        error, self._raised = self._raised, None
        if error is None:
            awaited = self._awaited
            if self.pending and awaited is not None:
                cancel = getattr(awaited, "cancel", None)
                if cancel is not None and cancel(msg=self.message):
                    self.pending = False
            return awaited
        try:
            if self.pending and isinstance(error, StopIteration):
                error = self._take_cancellation()  # as asyncio: cancelled right before its end
            elif isinstance(error, (trio.Cancelled, BaseExceptionGroup)):
                error = as_cancellation(error)
            raise error
        finally:
            error = None

    # What the worker calls --------------------------------------------------------------

    @disable_ki_protection
    def resume(self, task: asyncio.Task[Any], answer: outcome.Outcome[Any]) -> None:
        """Go on with what trio answered to the trap.

        The task is an argument: a driver that knew it would keep it, and be kept by it.

        After it either `trap` is set again, or the task has been woken and had its step.
        """
        worker, wait = self.worker, self._wait
        assert worker is not None
        assert wait is not None
        if self._interrupted:
            # The reason alone tells too little: scopes inherit it from those around them.
            if self._is_ours(answer):
                answer = outcome.Error(self._take_cancellation())
                self._shield = True
            self._interrupted = self.pending
        self.asked = False
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
        if (type(awaited) is SLEEP or awaited is TURN) and self._raised is None:
            self.trap = awaited
            self._shield_now()
            if self.pending:
                self.interrupt()
            return
        self._shield_now()
        self._awaited = awaited
        self.stashed = True
        wakeup, wait.wakeup = wait.wakeup, None
        assert wakeup is not None
        try:
            wakeup(wait)
        finally:
            # What the coroutine raised leads here by its traceback.
            del task, wakeup

    def forget(self) -> None:
        """Let go of what the coroutine awaited: the task has ended."""
        self._awaited = self._wait = self._trio_cancel = None

    def interrupt(self) -> None:
        """Cancel the wait in trio."""
        worker = self.worker
        if worker is None or not self.pending:
            return  # it ended before the loop went on
        self._interrupted = True
        worker.inner.shield = False
        worker.outer.cancel(reason=worker.reason)

    def abort(self, raise_cancel: RaiseCancel) -> None:
        """A scope of trio's was cancelled around a wait for something of asyncio's."""
        if not self.asked:  # else it is being cancelled by asyncio; trio asks again later
            self._trio_cancel = raise_cancel
            cancel = getattr(self._awaited, "cancel", None)
            if cancel is not None:
                cancel()

    def take_back(self) -> None:
        """`uncancel()` has taken back a cancellation that was not delivered."""
        if self.pending:
            self.pending = False
            if self.worker is not None and not self.running:
                self.worker.inner.shield = True

    def _is_ours(self, answer: outcome.Outcome[Any]) -> bool:
        if type(answer) is not outcome.Error or type(answer.error) is not trio.Cancelled:
            return False
        assert self.worker is not None
        return answer.error.reason is self.worker.reason

    def _shield_now(self) -> None:
        if self._shield:
            self._shield = False
            if self.worker is not None and not self.pending:
                self.worker.inner.shield = True

    def _take_cancellation(self) -> asyncio.CancelledError:
        self.pending = False
        message, self.message = self.message, None
        return asyncio.CancelledError(*([] if message is None else [message]))

    def _take_trio_cancel(self) -> BaseException:
        raise_cancel, self._trio_cancel = self._trio_cancel, None
        assert raise_cancel is not None
        try:
            raise_cancel()
        except BaseException as error:
            return error
        raise AssertionError("trio raised no cancellation")

    # What looks at the coroutine --------------------------------------------------------

    def __await__(self) -> Any:
        return self._coro.__await__()

    def __getattr__(self, name: str) -> Any:
        # Stacks, reprs and call graphs ask for cr_frame, cr_code, __qualname__ and the like.
        return getattr(self._coro, name)

    def __repr__(self) -> str:
        return repr(self._coro)


def as_cancellation(error: BaseException) -> BaseException:
    """Return what a task ends with whose coroutine raised this.

    A cancellation that passes through a nursery comes out in a group, or as trio's own; to
    whoever awaits the task it is asyncio's, and the task counts as cancelled.
    """
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
