"""`Task`: asyncio's task, with asyncio's meaning, on an AnyIO task.

How it works. The block that owns a task (a `Supervisor` or a `TaskGroup`) starts
`Task._run` in an AnyIO task group and keeps AnyIO's handle in the task. `_run` awaits the
coroutine, writes the outcome down and lets no ordinary error out, so that AnyIO never sees
one: what a failure means is for the owner to say. The handle's cancel scope cancels the
task; its event wakes whoever awaits it, when the task is gone for good.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Awaitable, Coroutine, Generator
from contextvars import Context, copy_context
from itertools import count
from types import CoroutineType
from typing import Any, Final, TypeVar

import anyio
import anyio.lowlevel

from ._backends import native_context, native_task_getter, running_loop
from ._callbacks import Announcing
from ._cancellation import is_cancellation, is_closing
from ._checks import explain_reuse
from ._contexts import in_context
from ._outcome import CANCELLED, FAILED, FINISHED, PENDING
from ._owning import Handle, Owner

T_co = TypeVar("T_co", covariant=True)

# asyncio's tasks tell their context since Python 3.12.
_CONTEXT_IS_HIDDEN: Final = sys.version_info < (3, 12)

_numbers = count(1)
_running: dict[object, Task[Any]] = {}
"""The portable task that each of the backend's own tasks is running."""


class Task(Announcing[T_co]):
    """A coroutine that runs beside others, and what became of it.

    Stands for `asyncio.Task`. Made by `create_task()`, `Supervisor.create_task()` and
    `TaskGroup.create_task()`, never by hand. `await task` gives its result or raises its
    exception, the very object. Cancelling whoever awaits it cancels the task, waits for
    its end and only then leaves.

    Differences from asyncio: D1 (a cancelled task is cancelled at every later `await`),
    D2 (no `uncancel()` and `cancelling()`), D3 (inside the task a cancellation is the
    backend's own class), D4 (awaiting a cancelled task raises `TaskCancelled`), D6 (a
    failure nobody retrieved is raised at the end of the block), D10 (a value that is ready
    when a cancellation arrives is delivered).

    Example:
        >>> import portable
        >>> async def double(number):
        ...     await portable.sleep(0)
        ...     return 2 * number
        >>> async def main():
        ...     task = portable.create_task(double(21), name="doubling")
        ...     print(task.get_name(), task.done())
        ...     print(await task, task.done())
        >>> portable.run(main)
        doubling False
        42 True
    """

    __slots__ = (
        "__weakref__",
        "_cancel_requested",
        "_context",
        "_coro",
        "_handle",
        "_name",
        "_native",
    )

    _handle: Handle

    def __init__(
        self,
        coro: Coroutine[Any, Any, T_co],
        owner: Owner,
        *,
        name: object = None,
        context: Context | None = None,
    ) -> None:
        self._coro = coro
        self._owner = owner
        self._name = f"Task-{next(_numbers)}" if name is None else str(name)
        self._context = context
        self._state = PENDING
        self._cancel_requested = False
        self._native: object = None
        self._callbacks = None

    # -- what it shows ------------------------------------------------------------------

    def get_name(self) -> str:
        """Return the task's name. Stands for `asyncio.Task.get_name()`."""
        return self._name

    def set_name(self, value: object) -> None:
        """Give the task another name. Stands for `asyncio.Task.set_name()`.

        Args:
            value: the name, or what `str()` makes a name of.
        """
        self._name = str(value)

    def get_coro(self) -> Coroutine[Any, Any, T_co]:
        """Return the coroutine the task runs. Stands for `asyncio.Task.get_coro()`."""
        return self._coro

    def get_context(self) -> Context:
        """Return the context the task runs in. Stands for `asyncio.Task.get_context()`.

        It is the object given as `context=`, where one was. On Python 3.11 under asyncio
        or uvloop, where asyncio has no such method, it is otherwise a copy made when the
        task began.
        """
        context = self._context
        if context is None and self._native is not None:
            context = native_context(self._native)
        if context is None:
            context = self._context = copy_context()
        return context

    def __repr__(self) -> str:
        return f"<Task {self._state} name={self._name!r} coro={self._coro!r}>"

    # -- cancelling and waiting -------------------------------------------------------

    def cancel(self, msg: object = None) -> bool:
        """Ask the task to end, by a cancellation raised at its next `await`.

        Stands for `asyncio.Task.cancel()`. Before the first step the coroutine never runs
        and is closed. Whoever awaits the task gets `TaskCancelled(msg)`, as often as anybody
        asks (D4). A task that goes on regardless is cancelled again at every later `await`
        (D1).

        Args:
            msg: told to whoever awaits the task; usually a string.

        Returns:
            `True` if the request was made, `False` if the task had ended already.
        """
        if self._state is not PENDING:
            return False
        # As in asyncio, the message of the request that reaches the task is the one told:
        # the last one before the first step, the first one after it.
        if self._native is None or not self._cancel_requested:
            self._message = msg
        self._cancel_requested = True
        self._handle.cancel()
        return True

    def __await__(self) -> Generator[Any, Any, T_co]:
        try:
            if self._state is PENDING:
                yield from self._join().__await__()
            return self._retrieve()
        finally:
            del self  # see `_retrieve`

    async def _join(self) -> None:
        """Wait for the end; a cancelled waiter cancels the task and waits nonetheless."""
        waiter = self._waiter()
        if waiter is self:
            raise RuntimeError(f"Task cannot await on itself: {self!r}")
        cancelled = (
            waiter is not None
            and waiter._cancel_requested
            and anyio.current_effective_deadline() == -math.inf
        )
        if cancelled:
            # The waiter is to learn of its own cancellation here, which may take the event
            # loop a turn. This task shall not run on meanwhile, nor begin.
            self._cancel_with(waiter)
        try:
            await self._handle.wait()
            if cancelled and self.cancelled():
                await anyio.lowlevel.checkpoint_if_cancelled()
        except anyio.get_cancelled_exc_class():
            if self.done():
                if self._state is FINISHED:
                    return  # ready before the cancellation came: delivered (D10)
                raise
            self._cancel_with(waiter)
            with anyio.CancelScope(shield=True):
                await self._handle.wait()
            if self.cancelled():
                raise
            # It refused, or failed while cleaning up: as in asyncio, that is what one gets.

    def _waiter(self) -> Task[Any] | None:
        """Return the task that is running, if portable runs one, to wait for this one here.

        Raises:
            RuntimeError: this task belongs to another run.
        """
        owner = self._owner
        try:
            waiter = _running.get(owner.native_task())
        except RuntimeError:  # trio's way to say that this is not its thread
            loop = None
        else:
            # A run never leaves its thread, so who waits tells the run at no cost.
            loop = running_loop("await") if waiter is None else waiter._owner.loop
        if loop is not owner.loop:
            raise RuntimeError(
                f"{self!r} belongs to another run, on another event loop, and cannot be "
                "awaited here; create the task in the run that awaits it"
            )
        return waiter

    def _cancel_with(self, waiter: Task[Any] | None) -> None:
        # As in asyncio, the waiter's message goes down to what it waits for.
        self.cancel(waiter.cancel_message() if waiter is not None else None)

    # -- running ----------------------------------------------------------------------

    async def _run(self, begun: Awaitable[T_co] | None = None) -> None:
        """Run the coroutine, or the rest of it, and write down what became of it."""
        owner = self._owner
        if begun is None and (self._cancel_requested or owner.cancelled):
            self._end_unstarted()
            return
        native = self._native = owner.native_task()
        _running[native] = self
        if self._context is None and type(self._coro) is not CoroutineType:
            # An object with a coroutine's methods may not bear an `await`; they are called.
            self._context = copy_context()
        try:
            if begun is not None:
                self._result = await begun
            elif self._context is not None:
                self._result = await in_context(self._context, self._coro)
            else:
                if _CONTEXT_IS_HIDDEN:
                    self._context = copy_context()
                self._result = await self._coro
            self._state = FINISHED
        except BaseException as error:
            if self._ends_more(error):
                raise
        finally:
            del _running[native]
            self._end()
            # The frames of the coroutine, in the traceback of what it raised, lead here.
            del self, owner, native, begun

    def _ends_more(self, error: BaseException) -> bool:
        """Write down what the coroutine raised; say whether that ends more than this task."""
        if is_closing(error):
            # This was closed: the event loop is gone, and with it all that could be told.
            self._state = CANCELLED
            self._message = None
            return True
        self._end_raised(explain_reuse(error, self._coro))
        return isinstance(error, (KeyboardInterrupt, SystemExit))

    def _end_unstarted(self) -> None:
        """End a task whose coroutine shall never run."""
        self._coro.close()
        self._message = self.cancel_message()
        self._state = CANCELLED
        self._end()

    def _abandon(self) -> None:
        """End a task that the event loop dropped before its first step."""
        if isinstance(self._handle, anyio.TaskHandle):
            self._handle.coro.close()  # this is `_run`, which nobody awaits any more
        self._end_unstarted()

    def _end(self) -> None:
        self._owner.pending.discard(self)
        del self._handle  # those who wait have it; a task that is kept need not
        self._call_back()

    def _end_raised(self, error: BaseException) -> None:
        """Tell cancelled from failed, and keep what there is to keep."""
        cancelled = is_cancellation(error)
        if cancelled and (self._cancel_requested or self._owner.cancelled):
            self._state = CANCELLED
            self._message = self.cancel_message()  # not the exception's: its text is AnyIO's
            return
        cancelled = cancelled or isinstance(error, anyio.TaskCancelled)
        if isinstance(error, BaseExceptionGroup):
            # What a cancellation left behind may hold real errors beside it.
            cancellations, rest = error.split(is_cancellation)
            cancelled = rest is None
            if cancellations is not None and rest is not None:
                error = rest
        if cancelled:
            self._state = CANCELLED
            self._message = self._message_of(error)
        else:
            self._state = FAILED
            # Without the frame of `_run`, which says nothing to the user and refers to this
            # task: the exception would keep itself alive.
            if error.__traceback__ is not None:
                error = error.with_traceback(error.__traceback__.tb_next)
            self._exception = error
            self._traceback = error.__traceback__
            self._owner.task_failed(self)

    def cancel_message(self) -> object:
        """Return the message the task was, or is being, cancelled with."""
        if self._cancel_requested:
            return self._message
        return self._owner.message

    def _message_of(self, error: BaseException) -> object:
        if isinstance(error, anyio.TaskCancelled):  # of a task that this one awaited
            return error.args[0] if error.args else None
        by_request = self._cancel_requested or self._owner.cancelled
        if by_request or anyio.current_effective_deadline() == -math.inf:
            return self.cancel_message()  # not the exception's: its text is AnyIO's
        return error.args[0] if error.args else None  # raised by the coroutine itself


def restart_numbering() -> None:
    """Let the next task that is given no name be Task-1 again.

    Like asyncio's, the numbers count for the whole process; who compares two runs in one
    process starts each of them here.
    """
    global _numbers
    _numbers = count(1)


def current_task() -> Task[Any] | None:
    """Return the task that is running, or `None` in code that no portable task runs.

    Stands for `asyncio.current_task()`.

    Returns:
        The task whose coroutine this code belongs to.

    Raises:
        RuntimeError: no event loop runs in this thread.

    Example:
        >>> import portable
        >>> async def main():
        ...     return portable.current_task().get_name()
        >>> portable.run(main).startswith("Task-")
        True
    """
    return _running.get(native_task_getter()())
