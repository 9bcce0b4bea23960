"""Every exception that portable raises by a name of its own; asyncio's are asyncio's."""

from __future__ import annotations


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
