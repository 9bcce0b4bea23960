"""Every exception that portable raises by a name of its own.

`InvalidStateError` is asyncio's, so that code written for asyncio catches it unchanged;
`TaskCancelled` is AnyIO's, so that code written for AnyIO does. The rest has no
counterpart there. This module loads asyncio; importing `portable` alone does not.
"""

from __future__ import annotations

import asyncio

import anyio


class InvalidStateError(asyncio.InvalidStateError):
    """A task was asked for something it cannot tell yet.

    Stands for `asyncio.InvalidStateError` and is a subclass of it, with its messages.
    """


class TaskCancelled(anyio.TaskCancelled):
    """The task that was awaited had been cancelled.

    Stands for the `asyncio.CancelledError` that asyncio raises at whoever awaits a
    cancelled task. It is an ordinary `Exception` (D4), because trio does not let anyone
    raise its cancellation by hand.

    Attributes:
        message: what was given to `Task.cancel()`, or `None`. `str()` of the exception
            is the message too, or the empty string.
    """

    def __init__(self, message: object = None) -> None:
        super().__init__(*(() if message is None else (message,)))
        self.message = message

    def __reduce__(self) -> tuple[type[TaskCancelled], tuple[object, ...]]:
        return type(self), (self.message,)


class DeadlockError(RuntimeError):
    """Under virtual time, every task waits for something that can never come.

    Attributes:
        tasks: the names of the tasks that waited, sorted.
    """

    def __init__(self, tasks: tuple[str, ...] = ()) -> None:
        names = ", ".join(tasks) or "none that portable can name"
        super().__init__(
            "deadlock: every task waits, no timer is set, and no input or thread is under "
            f"way; waiting: {names}"
        )
        self.tasks = tasks

    def __reduce__(self) -> tuple[type[DeadlockError], tuple[tuple[str, ...]]]:
        return type(self), (self.tasks,)


class UnknownBackendError(LookupError):
    """A backend was named that portable does not know."""


class BackendNotInstalledError(LookupError):
    """A backend was named whose package is not installed."""


class MissingDependencyError(ImportError):
    """An optional part was used without the package it needs."""
