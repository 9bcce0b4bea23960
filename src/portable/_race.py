"""`race()`: the outcome of the first to end; the others are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from inspect import isawaitable
from types import CoroutineType
from typing import Any, TypeVar, overload

from ._ending import abandon, attach_errors, close_all, end_all, running_loop

T = TypeVar("T")
T2 = TypeVar("T2")
T3 = TypeVar("T3")


@overload
async def race(first: Awaitable[T], second: Awaitable[T2], /) -> T | T2: ...
@overload
async def race(
    first: Awaitable[T], second: Awaitable[T2], third: Awaitable[T3], /
) -> T | T2 | T3: ...
@overload
async def race(*aws: Awaitable[T]) -> T: ...
async def race(*aws: Awaitable[Any]) -> Any:
    """Run several awaitables at once; give the outcome of the first to end, cancel the others.

    asyncio has no such function; `asyncio.wait(..., return_when=FIRST_COMPLETED)` and
    cancelling what is pending are used in its place.

    - A failure is an end, too, and so is a cancellation: the first failure is raised as it is.
    - The others, coroutines and tasks, are cancelled, and their end is awaited.
    - Errors of the other coroutines, from their clean-up for example, are put into an exception
      group at the end of the `__context__` chain of what is raised. If the first has ended with
      a result, the group itself is raised, as no error may be lost. Failures of tasks that were
      passed in are left to their owners.
    - If the caller is cancelled, all are cancelled, and their end is awaited.

    Args:
        aws: coroutines, tasks, futures, anything that can be awaited; one at least.

    Returns:
        What the first to end returned.

    Raises:
        BaseException: what the first to end raised, the very object.
        asyncio.CancelledError: the first to end was cancelled.
        ValueError: there is nothing to run, or one belongs to another event loop.
        TypeError: one of them cannot be awaited.
        RuntimeError: a coroutine has been used before, or no event loop runs here.

    Differences from asyncio: on trio T1 and T4.

    Example:
        >>> import asyncio, portable
        >>> async def fetch(mirror, delay):
        ...     await asyncio.sleep(delay)
        ...     return mirror
        >>> async def main():
        ...     return await portable.race(fetch("far", 9), fetch("near", 2))
        >>> portable.run(main, virtual_time=True)
        'near'
    """
    _check(aws)
    try:
        loop = running_loop("race")
    except RuntimeError:
        close_all(aws)
        raise
    runners: dict[int, asyncio.Future[Any]] = {}
    mine: list[asyncio.Future[Any]] = []
    try:
        for aw in aws:
            if id(aw) not in runners:
                runner = (
                    loop.create_task(aw)
                    if type(aw) is CoroutineType
                    else asyncio.ensure_future(aw, loop=loop)
                )
                runners[id(aw)] = runner
                if runner is not aw:
                    mine.append(runner)
    except BaseException:
        close_all(aw for aw in aws if id(aw) not in runners)
        await end_all(mine)
        raise
    everyone = list(runners.values())
    # An error keeps the frames of its traceback; no frame here may keep the failed tasks.
    del aws, aw, runner, runners
    return await _first(loop, everyone, mine)


def _check(aws: tuple[object, ...]) -> None:
    """Check the arguments; if one is wrong, close the coroutines and show the right call."""
    if not aws:
        raise ValueError("race(): aws: nothing was given; write race(first(), second())")
    for aw in aws:
        if type(aw) is CoroutineType or isawaitable(aw):  # the first is seen much faster
            continue
        close_all(aws)
        name = getattr(aw, "__name__", "function")
        if isinstance(aw, (list, tuple, set, frozenset)):
            advice = f"got a {type(aw).__name__}; write race(*aws)"
        elif callable(aw):
            advice = f"not the function {name!r}; call it: race({name}(...))"
        else:
            advice = f"got {aw!r}"
        raise TypeError(f"race(): aws must be awaitable, {advice}")


async def _first(
    loop: asyncio.AbstractEventLoop,
    runners: list[asyncio.Future[T]],
    mine: list[asyncio.Future[T]],
) -> T:
    ended: list[asyncio.Future[T]] = []
    over: asyncio.Future[None] = loop.create_future()

    def end(runner: asyncio.Future[T]) -> None:
        ended.append(runner)
        if not over.done():
            over.set_result(None)

    for runner in runners:
        runner.add_done_callback(end)
    del runner
    others: list[BaseException] = []
    first = None
    try:
        try:
            await over
        except GeneratorExit:
            abandon(runners)
            raise
        except BaseException as error:
            await end_all(runners)
            attach_errors(_errors(mine), error, "errors in race()")
            raise
        first = ended[0]
        await end_all([runner for runner in runners if runner is not first])
        others = _errors([runner for runner in mine if runner is not first])
        try:
            result = first.result()
        except BaseException as error:
            attach_errors(others, error, "errors in race()")
            raise
        if others:
            raise BaseExceptionGroup("errors in race() beside its result", others)
        return result
    finally:
        runners.clear()
        mine.clear()
        ended.clear()
        others = []
        del first


def _errors(runners: list[asyncio.Future[Any]]) -> list[BaseException]:
    return [
        error
        for runner in runners
        if not runner.cancelled() and (error := runner.exception()) is not None
    ]
