"""`gather()` and `race()`: several awaitables, one outcome.

Both run what they are given in a block of its own (see `_children`) and differ in two
things: whose end ends the block, and what is made of the ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Sequence
from typing import Any, Literal, TypeVar, overload

import anyio.lowlevel

from ._arguments import Deferred, check_awaitables, check_kinds, close_all
from ._children import Children, failure_of, keep, spoils
from ._errors import TaskCancelled
from ._outcome import FINISHED
from ._tasks import Task

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")
T4 = TypeVar("T4")
T5 = TypeVar("T5")
T6 = TypeVar("T6")
E = BaseException


# The result is a list. To type checkers it is a tuple where there are a few awaitables,
# as in typeshed's annotations of asyncio: no list tells the types of its items apart. That
# a call can match the form for any number too, and is a list there, is meant so.
@overload
def gather(  # pyright: ignore[reportOverlappingOverload]
    aw1: Awaitable[T1], aw2: Awaitable[T2], /, *, return_exceptions: Literal[False] = False
) -> Coroutine[Any, Any, tuple[T1, T2]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    /,
    *,
    return_exceptions: Literal[False] = False,
) -> Coroutine[Any, Any, tuple[T1, T2, T3]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    aw4: Awaitable[T4],
    /,
    *,
    return_exceptions: Literal[False] = False,
) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    aw4: Awaitable[T4],
    aw5: Awaitable[T5],
    /,
    *,
    return_exceptions: Literal[False] = False,
) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4, T5]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    aw4: Awaitable[T4],
    aw5: Awaitable[T5],
    aw6: Awaitable[T6],
    /,
    *,
    return_exceptions: Literal[False] = False,
) -> Coroutine[Any, Any, tuple[T1, T2, T3, T4, T5, T6]]: ...
@overload
def gather(
    *aws: Awaitable[T], return_exceptions: Literal[False] = False
) -> Coroutine[Any, Any, list[T]]: ...
@overload
def gather(  # pyright: ignore[reportOverlappingOverload]
    aw1: Awaitable[T1], aw2: Awaitable[T2], /, *, return_exceptions: Literal[True]
) -> Coroutine[Any, Any, tuple[T1 | E, T2 | E]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    /,
    *,
    return_exceptions: Literal[True],
) -> Coroutine[Any, Any, tuple[T1 | E, T2 | E, T3 | E]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    aw4: Awaitable[T4],
    /,
    *,
    return_exceptions: Literal[True],
) -> Coroutine[Any, Any, tuple[T1 | E, T2 | E, T3 | E, T4 | E]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    aw4: Awaitable[T4],
    aw5: Awaitable[T5],
    /,
    *,
    return_exceptions: Literal[True],
) -> Coroutine[Any, Any, tuple[T1 | E, T2 | E, T3 | E, T4 | E, T5 | E]]: ...
@overload
def gather(
    aw1: Awaitable[T1],
    aw2: Awaitable[T2],
    aw3: Awaitable[T3],
    aw4: Awaitable[T4],
    aw5: Awaitable[T5],
    aw6: Awaitable[T6],
    /,
    *,
    return_exceptions: Literal[True],
) -> Coroutine[Any, Any, tuple[T1 | E, T2 | E, T3 | E, T4 | E, T5 | E, T6 | E]]: ...
@overload
def gather(
    *aws: Awaitable[T], return_exceptions: Literal[True]
) -> Coroutine[Any, Any, list[T | E]]: ...
@overload
def gather(
    *aws: Awaitable[T], return_exceptions: bool
) -> Coroutine[Any, Any, Sequence[T | E]]: ...
def gather(*aws: Awaitable[Any], return_exceptions: bool = False) -> Coroutine[Any, Any, Any]:
    """Run several awaitables at once and collect their results.

    Stands for `asyncio.gather()`. Unlike there nothing begins before the call is awaited.

    - Coroutines run as tasks of the call: none outlives it (D5). When one fails, the others
      are cancelled, their end is awaited, and the first failure is raised as it is.
    - Tasks belong to the block that made them. When another one fails they go on.
    - When the caller is cancelled, all of them are, coroutines and tasks, and their end is
      awaited. Should one fail then, its failure is raised in place of the cancellation.
    - Errors of coroutines other than the one raised, as from clean-up, are kept together in
      an exception group: the `__context__` of the one that is raised.

    Args:
        aws: coroutines, tasks, anything that can be awaited. The same one twice is run once
            and its result given twice.
        return_exceptions: whether exceptions, and `TaskCancelled` for what was cancelled,
            are results like others. A cancellation of the caller is raised all the same.

    Returns:
        A list of the results, in the order of the arguments; empty where there are none.

    Raises:
        BaseException: the first failure, the very object.
        TaskCancelled: one of them was cancelled (D4).
        TypeError: one of them cannot be awaited.
        ValueError: one of them is a task of another run.
        RuntimeError: a coroutine has been used before, or no event loop runs here.

    Differences from asyncio: D1, D3, D4, D5, D6 (the failure of a task that comes too late
    to be raised is left for whoever owns the task), D7, D10.

    Example:
        >>> import portable
        >>> async def fetch(number):
        ...     await portable.sleep(number)
        ...     return 10 * number
        >>> async def main():
        ...     return await portable.gather(fetch(3), fetch(1)), portable.current_time()
        >>> portable.run(main, virtual_time=True)
        ([30, 10], 3.0)
    """
    check_kinds("gather", "aws", aws)
    return Deferred(_gather(aws, return_exceptions), aws)


async def _gather(aws: tuple[Awaitable[Any], ...], return_exceptions: bool) -> list[Any]:
    await _prepare("gather", aws)
    children = Children(_interrupts if return_exceptions else spoils)
    tasks = await children.run(aws)
    try:
        # As in asyncio the caller is cancelled even if all refused to be; but what was ready
        # when the cancellation came is delivered (D10).
        children.settle("gather", cancelled=children.interrupted)
        collect = _outcome if return_exceptions else Task.result
        return [task._result if task._state is FINISHED else collect(task) for task in tasks]
    finally:
        del children, tasks  # see `Task._retrieve`


@overload
def race(aw1: Awaitable[T1], /) -> Coroutine[Any, Any, T1]: ...
@overload
def race(aw1: Awaitable[T1], aw2: Awaitable[T2], /) -> Coroutine[Any, Any, T1 | T2]: ...
@overload
def race(
    aw1: Awaitable[T1], aw2: Awaitable[T2], aw3: Awaitable[T3], /
) -> Coroutine[Any, Any, T1 | T2 | T3]: ...
@overload
def race(
    aw1: Awaitable[T1], aw2: Awaitable[T2], aw3: Awaitable[T3], aw4: Awaitable[T4], /
) -> Coroutine[Any, Any, T1 | T2 | T3 | T4]: ...
@overload
def race(*aws: Awaitable[T]) -> Coroutine[Any, Any, T]: ...
def race(*aws: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
    """Run several awaitables at once; give the outcome of the first to end, end the others.

    asyncio has no such function; `asyncio.wait(..., return_when=FIRST_COMPLETED)` and
    cancelling what is pending are used in its place.

    - Failing and being cancelled are ends too: a first failure is raised as it is.
    - The others, coroutines and tasks, are cancelled, and their end is awaited (D5).
    - Errors of other coroutines, as from clean-up, are kept together in an exception group:
      the `__context__` of what is raised. Where the first has ended with a result, the group
      itself is raised, since nothing may be lost (D6). Failures of tasks are left for
      whoever owns them.
    - When the caller is cancelled, all of them are, and their end is awaited.

    Args:
        aws: coroutines, tasks, anything that can be awaited; one at least.

    Returns:
        What the first to end returned. Of several that end at the same instant it is the
        first to run, which on trio may be any of them (D7).

    Raises:
        BaseException: what the first to end raised, the very object.
        TaskCancelled: the first to end was cancelled (D4).
        ValueError: there is nothing to run, or one is a task of another run.
        TypeError: one of them cannot be awaited.
        RuntimeError: a coroutine has been used before, or no event loop runs here.

    Differences from asyncio: D1, D3, D4, D5, D6, D7, D10.

    Example:
        >>> import portable
        >>> async def fetch(mirror, delay):
        ...     await portable.sleep(delay)
        ...     return mirror
        >>> async def main():
        ...     return await portable.race(fetch("far", 9), fetch("near", 2))
        >>> portable.run(main, virtual_time=True)
        'near'
    """
    check_kinds("race", "aws", aws)
    return Deferred(_race(aws), aws)


async def _race(aws: tuple[Awaitable[Any], ...]) -> Any:
    if not aws:
        raise ValueError("race(): aws: nothing was given; write race(first(), second())")
    await _prepare("race", aws)
    children = Children(_always, cancels_given=True)
    await children.run(aws)
    decisive, cancellation = children.decisive, children.cancellation
    errors = children.other_errors()
    try:
        if decisive is None:
            assert cancellation is not None, "only a cancellation ends a race that nobody won"
            raise cancellation
        result = decisive.result()
    except BaseException as error:
        keep(errors, error, "other errors in race()")
        raise
    else:
        if errors:
            raise BaseExceptionGroup("errors in race() beside its result", errors)
        return result
    finally:
        children.forget()
        del children, decisive, cancellation, errors


async def _prepare(caller: str, aws: tuple[Awaitable[Any], ...]) -> None:
    """Check what is given, and that something may begin at all."""
    check_awaitables(caller, "aws", aws)
    try:
        await anyio.lowlevel.checkpoint_if_cancelled()
    except BaseException:
        close_all(aws)
        raise


def _always(task: Task[Any]) -> bool:
    return True


def _interrupts(task: Task[Any]) -> bool:
    return isinstance(failure_of(task), (KeyboardInterrupt, SystemExit))


def _outcome(task: Task[T]) -> T | BaseException:
    """Return the result or the exception of a task that has ended."""
    if task.cancelled():
        return TaskCancelled(task._message)
    error = task.exception()
    return task.result() if error is None else error
