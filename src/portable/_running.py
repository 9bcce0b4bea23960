"""`run()`: start a program on a backend, in real or virtual time.

The main coroutine is a `Task` too, so that `current_task()` tells of it and it can be
cancelled with a message; but it runs in the event loop's own first task, as a main program
does, so that Ctrl-C reaches it. Around it stands the *ambient* supervisor, which owns what
`create_task()` makes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, TypeVar, overload

import anyio
import anyio.lowlevel

from ._ambient import ambient
from ._arguments import check_unused, close_all
from ._backends import require_backend
from ._errors import TaskCancelled
from ._groups import Supervisor
from ._tasks import Task

if TYPE_CHECKING:
    from .clock import VirtualClock

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@overload
def run(
    main: Coroutine[Any, Any, T],
    *,
    backend: str = ...,
    virtual_time: bool | VirtualClock = ...,
    debug: bool | None = ...,
) -> T: ...
@overload
def run(
    main: Callable[..., Awaitable[T]],
    *args: object,
    backend: str = ...,
    virtual_time: bool | VirtualClock = ...,
    debug: bool | None = ...,
) -> T: ...
def run(
    main: Callable[..., Awaitable[Any]] | Coroutine[Any, Any, Any],
    *args: object,
    backend: str = "asyncio",
    virtual_time: bool | VirtualClock = False,
    debug: bool | None = None,
) -> Any:
    """Run a program: start an event loop, run the main coroutine, clean up.

    Stands for `asyncio.run()`. When the main coroutine ends, tasks made by `create_task()`
    that are left over are cancelled and awaited. Failures of tasks that nobody retrieved are
    raised in an `ExceptionGroup` then (D6), together with what the main coroutine raised.

    Args:
        main: a coroutine function, or a coroutine as `asyncio.run()` takes.
        args: what to call the function with.
        backend: `asyncio`, `uvloop` or `trio`.
        virtual_time: whether time jumps to the next deadline as soon as every task waits,
            instead of passing. `time.time()` and `datetime.now()` move along, from the year
            2000 on (this needs the extra `clock`). A `portable.clock.VirtualClock` sets
            another start.
        debug: asyncio's debug mode; ignored by trio, which has none.

    Returns:
        What the main coroutine returns.

    Raises:
        UnknownBackendError: there is no backend of that name.
        BackendNotInstalledError: its package is not installed.
        DeadlockError: under virtual time, every task waits for what can never come.
        TaskCancelled: the main coroutine was cancelled by a task (D4).
        RuntimeError: an event loop runs in this thread already, or `main` is a coroutine
            that has been used before.
        TypeError: `main` is neither a coroutine nor a function that makes one.

    Differences from asyncio: D4, D6, D9.

    Example:
        >>> import portable
        >>> async def greet(name):
        ...     await portable.sleep(3600)
        ...     return f"Hello {name}, from {portable.current_backend()}"
        >>> portable.run(greet, "you", virtual_time=True)
        'Hello you, from asyncio'
    """
    try:
        _refuse_nested_run()
        _check_main(main, args)
        chosen = require_backend(backend)
        clock = _clock(virtual_time)
    except BaseException:
        close_all([main])
        raise
    program = partial(_program, main, args)
    if clock is None:
        options = dict(chosen.anyio_options)
        if debug is not None and chosen.anyio_backend == "asyncio":
            options["debug"] = debug
        return anyio.run(program, backend=chosen.anyio_backend, backend_options=options)
    options = clock.backend_options(backend)
    if debug is not None and chosen.anyio_backend == "asyncio":
        options["debug"] = debug
    with clock:
        return anyio.run(
            clock.guard, program, backend=chosen.anyio_backend, backend_options=options
        )


def _refuse_nested_run() -> None:
    try:
        anyio.lowlevel.current_token()
    except RuntimeError:
        return
    raise RuntimeError(
        "run() cannot be called from a running event loop; await the coroutine instead: "
        "`await main()`"
    )


def _check_main(main: object, args: tuple[object, ...]) -> None:
    if isinstance(main, Coroutine):
        check_unused("run", "main", main)
        if args:
            raise TypeError(
                "run(): a coroutine takes no further arguments; "
                "write run(main, *args) or run(main(*args))"
            )
    elif not callable(main):
        raise TypeError(
            f"run(): main must be a coroutine function or a coroutine, got {main!r}; "
            "write run(main) or run(main())"
        )


def _clock(virtual_time: bool | VirtualClock) -> VirtualClock | None:
    if virtual_time is False:
        return None
    from .clock import VirtualClock

    if virtual_time is True:
        return VirtualClock()
    if isinstance(virtual_time, VirtualClock):
        return virtual_time
    raise TypeError(
        f"run(): virtual_time must be True, False or a VirtualClock, got {virtual_time!r}"
    )


async def _program(main: Any, args: tuple[object, ...]) -> Any:
    coro = main if isinstance(main, Coroutine) else _coroutine(main, args)
    task: _MainTask[Any] | None = None
    try:
        async with ambient_supervisor() as supervisor:
            task = _MainTask(coro, supervisor)
            await _run_here(task)
            if task.cancellation is None:
                # Inside the block, so that what main raised joins what nobody retrieved.
                return await task
    except BaseExceptionGroup as failures:
        if task is None or task.cancellation is None:
            raise
        raise task.cancellation from failures
    raise task.cancellation


class _MainTask(Task[T_co]):
    """The task of the main coroutine, which hands a cancellation from outside back.

    On Ctrl-C asyncio's runner cancels its first task and turns the `CancelledError` that
    comes out of it into `KeyboardInterrupt`; so it has to come out.
    """

    __slots__ = ("cancellation",)

    cancellation: BaseException | None

    def __init__(self, coro: Coroutine[Any, Any, T_co], owner: Supervisor) -> None:
        super().__init__(coro, owner)
        self.cancellation = None

    def _end_raised(self, error: BaseException) -> None:
        super()._end_raised(error)
        # A `TaskCancelled` of a task that main awaited is an ordinary exception (D4).
        ordinary = isinstance(error, TaskCancelled)
        if self.cancelled() and not self._cancel_requested and not ordinary:
            self.cancellation = error


def _coroutine(main: Callable[..., Any], args: tuple[object, ...]) -> Coroutine[Any, Any, Any]:
    result = main(*args)
    if isinstance(result, Coroutine):
        return result
    if isawaitable(result):
        return _awaiting(result)
    name = getattr(main, "__qualname__", repr(main))
    raise TypeError(
        f"run(): main must be a coroutine function; {name}() returned {result!r}. "
        f"Write `async def {name}(...)`"
    )


async def _awaiting(awaitable: Awaitable[T]) -> T:
    return await awaitable


class _Here:
    """Runs a task where it is awaited; what an AnyIO handle is to other tasks."""

    def __init__(self) -> None:
        self.scope = anyio.CancelScope()
        self._ended = anyio.Event()

    def cancel(self) -> None:
        self.scope.cancel()

    async def wait(self) -> None:
        await self._ended.wait()

    def end(self) -> None:
        self._ended.set()


async def _run_here(task: Task[Any]) -> None:
    """Run a task in the caller's own, instead of beside it."""
    handle = task._handle = _Here()
    with handle.scope:
        try:
            await task._run()
        finally:
            handle.end()


@asynccontextmanager
async def ambient_supervisor() -> AsyncIterator[Supervisor]:
    """Open the supervisor that `create_task()` uses in this thread until the block ends.

    Tasks that are left over then are cancelled and awaited.
    """
    before = ambient.supervisor
    try:
        async with Supervisor() as supervisor:
            ambient.supervisor = supervisor
            try:
                yield supervisor
            finally:
                supervisor._shut_down()
    finally:
        ambient.supervisor = before
