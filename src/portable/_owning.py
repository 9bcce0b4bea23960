"""What a task needs of others: of whatever runs it, and of the block it belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ._tasks import Task


class Handle(Protocol):
    """What a task needs of whatever runs it; AnyIO's `TaskHandle` is one."""

    def cancel(self) -> None:
        """Cancel what runs the task."""

    async def wait(self) -> None:
        """Wait until it is gone."""


class Owner(Protocol):
    """What a task needs of the block it belongs to."""

    loop: object
    """What identifies the run: a task can only be awaited in its own."""
    pending: set[Task[Any]]
    """The tasks that have not ended."""
    message: object
    """What it was cancelled with."""

    @property
    def cancelled(self) -> bool:
        """Whether the block is cancelled as a whole: tasks that have not begun never do."""
        raise NotImplementedError

    @property
    def native_task(self) -> Callable[[], object]:
        """The backend's own function that tells which of its tasks is running."""
        ...

    def task_failed(self, task: Task[Any]) -> None:
        """Take note: the task ended with an exception."""

    def failure_retrieved(self, task: Task[Any]) -> None:
        """Take note: somebody has seen the exception of that task."""

    def callback_failed(self, error: BaseException) -> None:
        """Take note: a done callback raised this."""

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call the function before the block ends, but not now."""
