"""Deadlocks: the guard that a deadlock ends, and the errors that say who waits where.

A `Guard` is one call of `VirtualClock.guard()`, whose program ends with the error. The error's
message names the tasks that wait; its notes say where. Messages are compared between backends,
and a file's path in them would make two equal programs differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Protocol, TypeVar

import anyio

from portable._errors import DeadlockError, LivelockError

from ._stacks import place

T = TypeVar("T")
E = TypeVar("E", bound=DeadlockError)

# A cancelled task may wait again while it cleans up, and again in a clean-up inside that one.
# A task that still waits after so many cancellations will never end.
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
        name: the name of its first task in the error.
        scope: the cancel scope around it.
        error: the error, once there was a deadlock.
        rounds: how often its tasks were cancelled again after the first time.
    """

    def __init__(self, main: Callable[..., Awaitable[Any]], scope: Scope) -> None:
        self.name = _callable_name(main)
        self.scope = scope
        self.error: DeadlockError | None = None
        self.rounds = 0

    def waiting(self) -> Iterable[Waiting]:
        """Return the name and the coroutine of each of its tasks."""
        raise NotImplementedError

    def break_off(self) -> None:
        """End the waits that go on although its scope is cancelled."""
        raise NotImplementedError

    async def run(self, main: Callable[..., Awaitable[T]], args: tuple[Any, ...]) -> T:
        """Run `await main(*args)`, and raise the deadlock's error if there was one."""
        __tracebackhide__ = True
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


def break_guards(
    guards: Sequence[Guard], error: Callable[[Iterable[Waiting]], DeadlockError]
) -> bool:
    """Break a deadlock under guards; say whether that was possible.

    First each new guard gets its error, and its scope is cancelled. If everything waits again,
    one guard after the other has its tasks' waits broken off, as often as it takes.

    Args:
        guards: the guards that are open.
        error: makes the error that names the waiting tasks.
    """
    new = [guard for guard in guards if guard.error is None]
    for guard in new:
        guard.error = error(guard.waiting())
        guard.scope.cancel()
    if new:
        return True
    for guard in guards:
        if guard.rounds < MAX_ROUNDS:
            guard.rounds += 1
            guard.break_off()
            return True
    return False


def all_cancelled(tasks: Collection[asyncio.Task[Any]]) -> bool:
    """Say whether there are tasks, and each has been cancelled."""
    return bool(tasks) and all(task.cancelling() for task in tasks)


def _callable_name(main: Callable[..., Any]) -> str:
    while isinstance(main, partial):
        main = main.func
    name = getattr(main, "__qualname__", type(main).__qualname__)
    return f"{getattr(main, '__module__', type(main).__module__)}.{name}"


def deadlock(waiting: Iterable[Waiting]) -> DeadlockError:
    """Return the error that names the waiting tasks, with a note for each that says where."""
    return _named(DeadlockError, waiting, "waits")


def livelock(busy: Iterable[Waiting]) -> LivelockError:
    """Return the error that names the tasks that never wait, with a note for each."""
    return _named(LivelockError, busy, "goes on and on")


def _named(kind: type[E], tasks: Iterable[Waiting], does: str) -> E:
    by_name = sorted(tasks, key=lambda one: one[0])
    error = kind(tuple(name for name, _ in by_name))
    for name, coro in by_name:
        where = place(coro)
        if where is not None:
            error.add_note(f"{name} {does} at {where}")
    return error
