"""Deadlocks: who is told, in which words, and how often the waiting is broken off.

`Guard` is one call of `VirtualClock.guard`: the program that is to end with the error. Who
waits is named in the error's message, and where in its notes: a message is compared
between backends, and a path to a file would make two equal programs differ.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from types import TracebackType
from typing import Any, Protocol, TypeVar

import anyio

from portable._errors import DeadlockError

from ._stacks import place

T = TypeVar("T")

# A task may wait again while it cleans up, and again in the clean-up of that. One that
# still does after so many cancellations will not end.
MAX_ROUNDS = 100

Waiting = tuple[str, object]  # a task's name and its coroutine


class Scope(Protocol):
    """A cancel scope: AnyIO's, or trio's own."""

    def __enter__(self) -> object: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> bool | None: ...

    def cancel(self) -> None: ...


class Guard:
    """A program that a deadlock ends with an error.

    Attributes:
        name: what its first task is called in the error.
        scope: what its tasks run in.
        error: the error, once there was a deadlock.
        rounds: how often its tasks' waiting was broken off after the first time.
    """

    def __init__(self, main: Callable[..., Awaitable[Any]], scope: Scope) -> None:
        self.name = _callable_name(main)
        self.scope = scope
        self.error: DeadlockError | None = None
        self.rounds = 0

    async def run(self, main: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        """Run `await main(*args)`, and raise the deadlock's error if there was one."""
        try:
            with self.scope:
                result = await main(*args)
        except BaseException as exc:
            unrelated = isinstance(exc, (KeyboardInterrupt, SystemExit, GeneratorExit))
            if self.error is None or unrelated:
                raise
            if isinstance(exc, anyio.get_cancelled_exc_class()):
                raise self.error from None
            raise self.error from exc  # its clean-up failed as well
        if self.error is not None:
            raise self.error
        return result


def _callable_name(main: Callable[..., Any]) -> str:
    while isinstance(main, partial):
        main = main.func
    name = getattr(main, "__qualname__", type(main).__qualname__)
    return f"{getattr(main, '__module__', type(main).__module__)}.{name}"


def deadlock(waiting: Iterable[Waiting]) -> DeadlockError:
    """Return the error that names who waits, with a note for each that says where."""
    by_name = sorted(waiting, key=lambda one: one[0])
    error = DeadlockError(tuple(name for name, _ in by_name))
    for name, coro in by_name:
        where = place(coro)
        if where is not None:
            error.add_note(f"{name} waits at {where}")
    return error
