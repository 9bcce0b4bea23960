"""What the helpers are given: checked, turned into coroutines, closed where it is refused.

A coroutine that is handed over and never runs makes Python warn that it was never awaited.
So whoever refuses one closes it; and the coroutine that a helper returns, as `gather(a(),
b())` does, is a `Deferred`: closed before its first step, as by a time limit of zero, it
closes those that it was given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Generator, Iterable
from inspect import CORO_CLOSED, CORO_CREATED, getcoroutinestate, iscoroutine
from types import CoroutineType, FrameType
from typing import Any, TypeVar, cast

from ._backends import running_loop
from ._checks import check_awaitable, reuse
from ._tasks import Task

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Deferred(Coroutine[Any, Any, T_co]):
    """A coroutine that closes those it was given when it is closed before it began."""

    __slots__ = ("__weakref__", "_coro", "_given")

    def __init__(self, coro: Coroutine[Any, Any, T_co], given: Iterable[object]) -> None:
        self._coro = cast("CoroutineType[Any, Any, T_co]", coro)
        self._given = given

    @property
    def state(self) -> str:
        """What `inspect.getcoroutinestate` says of it."""
        return getcoroutinestate(self._coro)

    def __await__(self) -> Generator[Any, Any, T_co]:
        return self._coro.__await__()

    def send(self, value: Any, /) -> Any:
        return self._coro.send(value)

    def throw(self, *error: Any) -> Any:
        try:
            return self._coro.throw(*error)
        finally:
            if self.state == CORO_CLOSED:
                close_all(self._given)

    def close(self) -> None:
        self._coro.close()
        close_all(self._given)

    def __repr__(self) -> str:
        return repr(self._coro)

    @property
    def __name__(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self._coro.__name__.lstrip("_")

    @property
    def cr_frame(self) -> FrameType | None:
        frame: FrameType | None = self._coro.cr_frame
        return frame

    @property
    def cr_await(self) -> Any:
        return self._coro.cr_await


def state_of(aw: object) -> str | None:
    """Return the state of a coroutine, as `inspect` names it; `None` for all else."""
    if iscoroutine(aw):
        return getcoroutinestate(aw)
    return aw.state if isinstance(aw, Deferred) else None


def close_all(aws: Iterable[object]) -> None:
    """Close the coroutines among these that have not begun, since they never will.

    So it does with those in a list that stands where one of them should.
    """
    for aw in aws:
        if state_of(aw) == CORO_CREATED:
            cast("Coroutine[Any, Any, object]", aw).close()
        elif isinstance(aw, (list, tuple, set, frozenset)):
            close_all(aw)


def coroutine_of(aw: Awaitable[T]) -> Coroutine[Any, Any, T]:
    """Return a coroutine that gives what the awaitable gives."""
    if type(aw) is CoroutineType or isinstance(aw, Coroutine):
        return aw
    return _awaiting(aw)


async def _awaiting(aw: Awaitable[T]) -> T:
    return await aw


def check_awaitables(caller: str, parameter: str, aws: Iterable[object]) -> None:
    """Refuse what cannot be awaited here and now, and close the coroutines among the rest.

    Raises:
        TypeError: one of them is not awaitable.
        ValueError: one of them is a task of another run.
        RuntimeError: one of them is a coroutine that has been used before.
    """
    try:
        loop = running_loop(caller)
        for aw in aws:
            if type(aw) is CoroutineType and getcoroutinestate(aw) == CORO_CREATED:
                continue  # what most are, told without further questions
            if isinstance(aw, Task):
                check_task(caller, parameter, aw, loop)
            else:
                check_unused(caller, parameter, aw)
                check_awaitable(aw, caller, parameter)
    except BaseException:
        close_all(aws)
        raise


def check_one(caller: str, parameter: str, aw: object) -> None:
    """Refuse what cannot be awaited here and now.

    Raises:
        TypeError: it is not awaitable.
        ValueError: it is a task of another run, and has not ended.
        RuntimeError: it is a coroutine that has been used before, or no event loop runs.
    """
    if type(aw) is CoroutineType and getcoroutinestate(aw) == CORO_CREATED:
        return  # as most are
    if isinstance(aw, Task):
        if not aw.done():
            check_task(caller, parameter, aw, running_loop(caller))
    else:
        check_unused(caller, parameter, aw)
        check_awaitable(aw, caller, parameter)


def check_unused(caller: str, parameter: str, aw: object) -> None:
    """Raise a `RuntimeError` for a coroutine that has been used before."""
    if state_of(aw) not in (CORO_CREATED, None):
        raise RuntimeError(reuse(caller, parameter, aw))


def check_kinds(caller: str, parameter: str, aws: Iterable[object]) -> None:
    """Refuse, where a call is written, what cannot be awaited anywhere.

    The rest has to wait for the call to be awaited: no event loop need run before that.

    Raises:
        TypeError: one of them is not awaitable; the coroutines among the rest are closed.
    """
    try:
        for aw in aws:
            if type(aw) is not CoroutineType:
                check_awaitable(aw, caller, parameter)
    except BaseException:
        close_all(aws)
        raise


def check_task(caller: str, parameter: str, task: Task[Any], loop: object) -> None:
    """Raise a `ValueError` for a task of another run, ended or not."""
    if task._owner.loop is not loop:
        raise ValueError(
            f"{caller}(): {parameter}: {task!r} belongs to another run, on another event loop; "
            "create the task in the run that awaits it"
        )
