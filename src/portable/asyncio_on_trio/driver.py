"""The driver: it stands between asyncio's `Task` and the coroutine of a task.

asyncio's `Task`, CPython's own code, steps the driver as if it were the coroutine. The driver
steps the coroutine and looks at what it yields. It passes an asyncio future up to the `Task`.
It keeps a trio trap for its worker, which yields the trap to trio; the `Task` gets a `TrioWait`
to wait for, which has a future's methods.

If the coroutine then waits in trio again, the driver resumes it without the `Task`. The `Task`
still waits for the same `TrioWait`, and is woken when the coroutine ends or awaits an asyncio
future.

**`task.cancel()` during a wait for a future** cancels that future, by asyncio's own code.

**`task.cancel()` during a wait in trio** calls `TrioWait.cancel()`. The worker asks the wait to
give up, as trio would, and the coroutine gets `asyncio.CancelledError`, once. Nothing else in
the task is cancelled. If a value is on its way already, it is delivered, and the next wait is
cancelled.

**A trio scope that is cancelled around a wait for a future** cancels the future. The coroutine
gets a `ScopeCancelled` in place of the future's `CancelledError`; it is a subclass of both
libraries' exceptions.
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

#: Whether asyncio's `uncancel()` also takes back a cancellation that is not delivered yet.
UNCANCEL_TAKES_BACK = sys.version_info >= (3, 13)
#: A cancelled scope cancels every wait in it. asyncio's library may have to wait again at once,
#: for the end of something. After so many scope cancellations in a row its wait is left alone.
_MOST_IN_A_ROW = 16


class TrioWait:
    """The future-like object for which a `Task` waits while its coroutine waits in trio."""

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
            # Until the worker has the trap, the cancellation came from within the step.
            driver.in_step = driver.loop.inside is driver or driver.trap is not None
            driver.pending, driver.message = True, msg
            driver.disturbed = True
            if not driver.in_step:
                driver.loop.call_when_running(driver.interrupt)
        return True

    def __repr__(self) -> str:
        return "<a wait in trio>"


class Driver(Coroutine[Any, Any, Any]):
    """Steps the coroutine of one task.

    Attributes:
        loop: the loop of the task.
        worker: the worker that the task has; `None`: it has none.
        trap: the trap that the coroutine has yielded, until the worker takes it.
        pending: whether a `Task.cancel()` still has to be delivered to a wait in trio.
        in_step: whether that was called from within the coroutine's own step.
        message: the message of that cancellation.
        arriving: whether a cancellation is on its way to the coroutine; another one is ignored.
        asked: whether `Task.cancel()` was called since the last step.
        disturbed: whether `settle()` has to be called before the coroutine is resumed.
        was_in_trio: whether the coroutine has ever waited in trio.
    """

    __slots__ = (
        "_awaited",
        "_coro",
        "_in_a_row",
        "_raised",
        "_stashed",
        "_trio_cancel",
        "_wait",
        "arriving",
        "asked",
        "disturbed",
        "in_step",
        "loop",
        "message",
        "pending",
        "trap",
        "was_in_trio",
        "worker",
    )

    def __init__(self, coro: Coroutine[Any, Any, Any], loop: EventLoop) -> None:
        self._coro = coro
        self.loop: EventLoop = loop
        self.worker: Worker | None = None
        self.trap: Trap = None
        self.pending: bool = False
        self.in_step: bool = False
        self.asked: bool = False
        self.disturbed: bool = False
        self.was_in_trio: bool = False
        self.arriving: bool = False
        self.message: object = None
        self._stashed = False
        self._awaited: Any = None
        self._raised: BaseException | None = None
        self._trio_cancel: RaiseCancel | None = None
        self._in_a_row = 0
        self._wait: TrioWait | None = None

    @property
    def coro(self) -> Coroutine[Any, Any, Any]:
        """The coroutine of the task."""
        return self._coro

    # What asyncio's Task calls -----------------------------------------------------------

    @disable_ki_protection
    def send(self, value: None) -> Any:
        if self._stashed:
            return self._take_stashed()
        if self.pending:
            self._trio_cancel = None  # trio cancels the next wait again
            error = self.take_cancellation()
            self.arriving = False
            return self._step(self._coro.throw, error)
        if self._trio_cancel is not None:
            if self._awaited is None:
                return self._step(self._coro.throw, self._take_scope_cancellation())
            self._trio_cancel = None  # the future has ended with a value in spite of it
        self.asked = False
        self._in_a_row = 0
        try:
            awaited = self._awaited = self._coro.send(None)
        except (trio.Cancelled, BaseExceptionGroup) as error:
            raise as_cancellation(error) from error.__cause__
        if type(awaited) is not SLEEP and awaited is not TURN:
            return awaited  # most waits are for asyncio's futures
        return self._awaited_by_task()

    @disable_ki_protection
    def throw(self, error: Any, *args: Any) -> Any:
        if self._stashed:
            return self._take_stashed()
        try:
            if isinstance(error, asyncio.CancelledError):
                self.pending = False
                if self._trio_cancel is not None and not self.asked:
                    error = self._take_scope_cancellation()
            self._trio_cancel = None
            return self._step(self._coro.throw, error)
        finally:
            # The error's traceback has this frame: a name for it here would keep it alive.
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
        return self._awaited_by_task()

    def _awaited_by_task(self) -> Any:
        """Return what the `Task` is to wait for: a future, or a `TrioWait` for a trap."""
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

    def _take_stashed(self) -> Any:
        """Return or raise the result of steps that the driver made without the `Task`."""
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
                # As in asyncio: the task cancelled itself right before its end.
                error = self.take_cancellation()
            raise error
        finally:
            error = None

    # What the worker calls ---------------------------------------------------------------

    @disable_ki_protection
    def resume(self, answer: outcome.Outcome[Any]) -> Any:
        """Send trio's answer to the trap into the coroutine; return what it yields next."""
        return self._coro.send(answer)

    def settle(self, trap: Trap, answer: outcome.Outcome[Any]) -> outcome.Outcome[Any]:
        """Settle cancellations that came in the wait; return the answer to resume with."""
        if self.pending and trap is TURN and is_in_checkpoint(self._coro):
            answer = outcome.Error(self.take_cancellation())
        self.asked = self.arriving = False
        self.disturbed = self.pending
        if not self.pending:
            self.in_step = False
        self._in_a_row = 0
        return answer

    def hand_to_task(self, awaited: Any, error: BaseException | None) -> None:
        """Wake the `Task`, which then gets what the coroutine has yielded or raised.

        Args:
            awaited: what the coroutine has yielded.
            error: what it has raised instead.
        """
        wait = self._wait
        assert wait is not None
        self._awaited, self._raised = awaited, error
        self._stashed = True
        wakeup, wait.wakeup = wait.wakeup, None
        assert wakeup is not None
        try:
            wakeup(wait)
        finally:
            # The error's traceback has this frame: a name for it here would keep it alive.
            del wakeup, error

    def interrupt(self) -> None:
        """Ask the worker to end the wait in trio."""
        if self.worker is not None and self.pending:
            self.worker.interrupt(self)

    def give_up(self, trap: Trap) -> outcome.Error | None:
        """Ask a wait in trio to give up; return what the coroutine gets. `None`: it refuses.

        A wait that refuses may still take the cancellation: a nursery that waits for its
        children keeps it, cancels them, and raises it in the end.
        """
        try:
            if not abort(trap, self.raise_cancellation):
                return None
        except BaseException as error:  # an error of the abort function: it ends the wait
            return outcome.Error(error)
        return outcome.Error(self.take_cancellation())

    def leave(self, trap: Trap) -> bool:
        """Leave a wait in trio, which nobody goes on with; say whether it can be left."""
        return trap is TURN or self.give_up(trap) is not None

    def take_cancellation(self) -> asyncio.CancelledError:
        """Return the pending cancellation as an exception; from now on it is not pending."""
        self.pending, self.arriving, self.disturbed = False, True, True
        message, self.message = self.message, None
        return asyncio.CancelledError(*([] if message is None else [message]))

    def raise_cancellation(self) -> NoReturn:
        """Raise the pending cancellation: the `raise_cancel` of a wait that has to give up."""
        error = self.take_cancellation()
        self.arriving = False
        raise error

    def abort(self, raise_cancel: RaiseCancel) -> None:
        """Cancel the awaited future, as a trio scope was cancelled around the wait for it."""
        if self.asked or self._in_a_row >= _MOST_IN_A_ROW:
            return  # asyncio has cancelled it already; trio cancels the next wait again
        self._trio_cancel = raise_cancel
        cancel_safely(self._awaited)

    def take_back(self) -> None:
        """Drop the pending cancellation, as `uncancel()` has taken it back."""
        self.pending = False

    def forget(self) -> None:
        """Drop references to what the coroutine awaited, as the task has ended."""
        self._awaited = self._wait = self._trio_cancel = None

    def _take_scope_cancellation(self) -> BaseException:
        """Return what the coroutine gets, as a scope was cancelled around its wait."""
        raise_cancel, self._trio_cancel = self._trio_cancel, None
        assert raise_cancel is not None
        self._in_a_row += 1
        self.disturbed = True
        return scope_cancelled(raise_cancel)

    # What looks at the coroutine ---------------------------------------------------------

    def __await__(self) -> Any:  # pragma: no cover - only asked for by Coroutine
        return self._coro.__await__()

    def __getattr__(self, name: str) -> Any:
        # Stacks, reprs and call graphs read cr_frame, cr_code, __qualname__ and the like.
        return getattr(self._coro, name)

    def __repr__(self) -> str:
        return repr(self._coro)


def _not_cancelled() -> NoReturn:
    raise RuntimeError("this wait was given up before it began; nothing is cancelled")
