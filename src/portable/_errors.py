"""portable's own exceptions, and what several messages have in common."""

from __future__ import annotations

from collections.abc import Iterable


class DeadlockError(RuntimeError):
    """Under virtual time, every task waits for something that can never come.

    Attributes:
        tasks: the names of the tasks that waited, sorted.
    """

    def __init__(self, tasks: tuple[str, ...] = ()) -> None:
        super().__init__(self._text(", ".join(tasks) or "none that portable can name"))
        self.tasks = tasks

    def _text(self, names: str) -> str:
        return (
            "deadlock: every task waits, no timer is set, and no input or thread is under "
            f"way; waiting: {names}"
        )

    def __reduce__(self) -> tuple[type[DeadlockError], tuple[tuple[str, ...]]]:
        return type(self), (self.tasks,)


class LivelockError(DeadlockError):
    """Under virtual time, some task is always ready, so time stands still and no timer is due.

    Attributes:
        tasks: the names of the tasks that went on and on, sorted.
    """

    def _text(self, names: str) -> str:
        return (
            "livelock: some task is always ready, so virtual time stands still and no timer "
            "comes; let it sleep for more than 0 seconds, or run it in real time; always "
            f"ready: {names}"
        )


class UnknownBackendError(LookupError):
    """A backend was named that portable does not know."""


class BackendNotInstalledError(LookupError):
    """A backend was named whose package is not installed."""


class MissingDependencyError(ImportError):
    """An optional part was used without the package it needs."""


def no_running_loop(caller: str) -> RuntimeError:
    """Return the error for a function that was called where no event loop runs."""
    return RuntimeError(
        f"{caller}() was called with no event loop running in this thread; "
        "call it from a coroutine started with portable.run(main)"
    )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ". Did you mean 'trio'?" with the closest known name; "" if none is close."""
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else ""
