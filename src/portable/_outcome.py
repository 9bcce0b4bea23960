"""What became of a task: pending, finished with a result, failed, or cancelled."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

from ._errors import InvalidStateError, TaskCancelled
from ._owning import Owner

if TYPE_CHECKING:
    from ._tasks import Task

T_co = TypeVar("T_co", covariant=True)

PENDING: Final = "pending"
FINISHED: Final = "finished"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"


class Outcome(Generic[T_co]):
    """The part of a task that tells how it ended, if it has.

    Its attributes are written by the task alone. A failure that is told to anybody counts as
    retrieved, and the owner of the task is told so.
    """

    __slots__ = ("_exception", "_message", "_owner", "_result", "_state", "_traceback")

    _state: str
    _owner: Owner
    _result: T_co
    _exception: BaseException
    _traceback: TracebackType | None
    _message: object

    @property
    def _task(self) -> Task[T_co]:
        return cast("Task[T_co]", self)  # nothing else is an Outcome

    def done(self) -> bool:
        """Return whether the task has ended, its own clean-up included.

        Stands for `asyncio.Task.done()`.
        """
        return self._state is not PENDING

    def cancelled(self) -> bool:
        """Return whether the task has ended by being cancelled.

        Stands for `asyncio.Task.cancelled()`. A task that caught its cancellation and
        returned, or raised something else, was not cancelled.
        """
        return self._state is CANCELLED

    def result(self) -> T_co:
        """Return what the coroutine returned.

        Stands for `asyncio.Task.result()`.

        Raises:
            InvalidStateError: the task has not ended yet.
            TaskCancelled: it was cancelled (D4).
            BaseException: what the coroutine raised, the very object.
        """
        try:
            if self._state is PENDING:
                raise InvalidStateError("Result is not set.")
            return self._retrieve()
        finally:
            del self  # see `_retrieve`

    def exception(self) -> BaseException | None:
        """Return what the coroutine raised, or `None` if it returned.

        Stands for `asyncio.Task.exception()`.

        Raises:
            InvalidStateError: the task has not ended yet.
            TaskCancelled: it was cancelled (D4).
        """
        if self._state is PENDING:
            raise InvalidStateError("Exception is not set.")
        if self._state is FAILED:
            self._owner.failure_retrieved(self._task)
            return self._exception
        if self._state is CANCELLED:
            raise TaskCancelled(self._message)
        return None

    def _retrieve(self) -> T_co:
        if self._state is FINISHED:
            return self._result
        if self._state is CANCELLED:
            raise TaskCancelled(self._message)
        self._owner.failure_retrieved(self._task)
        try:
            # Without this each retrieval would make the traceback longer.
            raise self._exception.with_traceback(self._traceback)
        finally:
            # The traceback holds the frames it went through; if they held the task, the
            # exception would keep itself alive.
            del self
