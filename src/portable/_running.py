"""`run()`: start a program on a backend, in real or virtual time.

On asyncio and uvloop `run()` is `asyncio.Runner` with the loop of the backend. On trio it is a
trio run with asyncio's loop inside. `asyncio_loop()` and `trio_loop()` are the other ways to
that loop: in a trio run that somebody else has started, and as a factory for `asyncio.run()`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from inspect import CORO_CREATED, getcoroutinestate, isawaitable, iscoroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack, overload

from ._backends import Backend, require_backend, running_time

if TYPE_CHECKING:
    from typing import Literal

    from .clock import VirtualClock

T = TypeVar("T")
Args = TypeVarTuple("Args")


@overload
def run(
    main: Coroutine[Any, Any, T],
    *,
    backend: Literal["asyncio", "uvloop", "trio"] = ...,
    virtual_time: bool | VirtualClock = ...,
    debug: bool | None = ...,
) -> T: ...
@overload
def run(
    main: Callable[[Unpack[Args]], Awaitable[T]],
    *args: *Args,
    backend: Literal["asyncio", "uvloop", "trio"] = ...,
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

    Stands for `asyncio.run()`, and ends as that does: tasks that are left over are cancelled
    and awaited, async generators closed, the executor shut down; Ctrl-C cancels the main task,
    then raises `KeyboardInterrupt`.

    Args:
        main: a coroutine function, or a coroutine as `asyncio.run()` takes.
        args: what to call the function with.
        backend: `asyncio`, `uvloop` or `trio`.
        virtual_time: whether time jumps to the next deadline as soon as every task waits,
            instead of passing. `time.time()` and `datetime.now()` move along, from the year
            2000 on (this needs the extra `clock`). A `portable.clock.VirtualClock` sets
            another start.
        debug: asyncio's debug mode; `None`: as the environment says.

    Returns:
        What the main coroutine returns.

    Raises:
        UnknownBackendError: there is no backend of that name.
        BackendNotInstalledError: its package is not installed.
        DeadlockError: under virtual time, every task waits for what can never come.
        RuntimeError: an event loop runs in this thread already, or `main` is a coroutine
            that has been used before.
        TypeError: `main` is neither a coroutine nor a function that makes one.

    Differences from asyncio: on trio T1, T2, T3, T4 and T5.

    Example:
        >>> import asyncio, portable
        >>> async def greet(name):
        ...     await asyncio.sleep(3600)
        ...     return f"Hello {name}, from {portable.current_backend()}"
        >>> portable.run(greet, "you", backend="trio", virtual_time=True)
        'Hello you, from trio'
    """
    with closing_if_refused(main):
        check_main(main, args)
        chosen = require_backend(backend)
        clock = _clock(virtual_time)
        _refuse_nested_run()
    coro = coroutine_of(main, args)
    try:
        return _run(coro, chosen, clock, debug)
    finally:
        # One that has begun could not clean up any more.
        if not iscoroutine(coro) or getcoroutinestate(coro) == CORO_CREATED:
            coro.close()


def _run(
    coro: Coroutine[Any, Any, Any],
    backend: Backend,
    clock: VirtualClock | None,
    debug: bool | None,
) -> Any:
    options = backend.run_options() if clock is None else clock.backend_options(backend.name)
    with clock or nullcontext():
        if backend.name == "trio":
            from . import asyncio_on_trio

            return asyncio_on_trio.run(coro, debug=debug, **options)
        with asyncio.Runner(debug=debug, **options) as runner:
            return runner.run(coro)


def _refuse_nested_run() -> None:
    """Refuse a run inside a run. In a process that was forked inside a run, leave that run."""
    global _copied_thread
    copied = threading.get_ident() == _copied_thread
    if copied:
        _copied_thread = None  # a run that is found here later is this process's own
    if asyncio._get_running_loop() is None and not _in_trio_run():
        return
    if copied:
        from .asyncio_on_trio import forget_run

        forget_run()
        return
    raise RuntimeError(
        "run() cannot be called from a running event loop; await the coroutine instead: "
        "`await main()`"
    )


def _in_trio_run() -> bool:
    trio = sys.modules.get("trio")
    return trio is not None and bool(trio.lowlevel.in_trio_run())


#: In a process that was forked inside a trio run: the thread that forked it, and was copied.
_copied_thread: int | None = None


def _after_fork() -> None:
    global _copied_thread
    if _in_trio_run():
        _copied_thread = threading.get_ident()
        with suppress(ValueError):  # not in the main thread
            signal.set_wakeup_fd(-1)  # else this process's signals would wake the parent's run


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@contextmanager
def closing_if_refused(main: object) -> Iterator[None]:
    """Close a coroutine if the block raises: nobody is going to run it."""
    try:
        yield
    except BaseException:
        if iscoroutine(main):
            main.close()
        raise


def check_main(main: object, args: tuple[object, ...]) -> None:
    """Refuse what is neither a coroutine function nor a new coroutine without arguments."""
    if iscoroutine(main):
        if getcoroutinestate(main) != CORO_CREATED:
            name = main.__name__
            raise RuntimeError(
                f"run(): main: the coroutine of {name!r} has begun or ended already; it runs "
                f"once: write run({name}) or run({name}()) for a new one"
            )
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


def coroutine_of(
    main: Callable[..., Any] | Coroutine[Any, Any, Any], args: tuple[object, ...]
) -> Coroutine[Any, Any, Any]:
    """Return the coroutine to run; what makes none is refused."""
    if isinstance(main, Coroutine):
        return main
    result = main(*args)
    if iscoroutine(result):
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


def current_time() -> float:
    """Return the time of the running event loop, in seconds, from a start of its own.

    Stands for `asyncio.get_running_loop().time()`; works in tasks of AnyIO's and trio's, too.

    Raises:
        RuntimeError: no event loop runs in this thread.

    Example:
        >>> import asyncio, portable
        >>> async def main():
        ...     await asyncio.sleep(3)
        ...     return portable.current_time()
        >>> portable.run(main, virtual_time=True)
        3.0
    """
    return running_time("current_time")


def start_loop_on_trio() -> asyncio.AbstractEventLoop | None:
    """Return asyncio's loop of this trio run, which is started if it is not up.

    `None`: the caller is not in a trio task.
    """
    trio = sys.modules.get("trio")
    if trio is None or not trio.lowlevel.in_trio_task():
        return None
    from .asyncio_on_trio import bring_up

    return bring_up()


def asyncio_loop() -> AbstractAsyncContextManager[asyncio.AbstractEventLoop]:
    """Have asyncio's loop running inside the block, whatever started the program.

    It is for runs of trio's that others have started: `trio.run()`, `anyio.run()`, a server. On
    asyncio, and where the loop is up, there is nothing to do. The block that brings it up ends
    the tasks that are left at its end, as `asyncio.run()` does.

    asyncio has no such name: there the loop comes first.

    Raises:
        RuntimeError: no event loop runs in this thread.

    Example:
        >>> import asyncio, portable, trio
        >>> async def main():
        ...     async with portable.asyncio_loop():
        ...         return await asyncio.gather(asyncio.sleep(0, "a"), asyncio.sleep(0, "b"))
        >>> trio.run(main)
        ['a', 'b']
    """
    return _LoopBlock()


class _LoopBlock(AbstractAsyncContextManager[asyncio.AbstractEventLoop]):
    """The block that `asyncio_loop()` opens.

    It is no generator, as contextlib sets the traceback of an exception that passes through
    one, and not every exception allows that (a frozen dataclass).
    """

    def __init__(self) -> None:
        self._opened: AbstractAsyncContextManager[asyncio.AbstractEventLoop] | None = None

    async def __aenter__(self) -> asyncio.AbstractEventLoop:
        if asyncio._get_running_loop() is not None or not _in_trio_run():
            return asyncio.get_running_loop()
        from .asyncio_on_trio import open_loop

        self._opened = open_loop()
        return await self._opened.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.__aexit__(exc_type, exc, traceback)


def trio_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop of asyncio's that trio drives, for `loop_factory`.

    Stands for `asyncio.new_event_loop()`, as `uvloop.new_event_loop` does, and the loop can do
    what those can: run until something is complete, stop, go on, close. trio is its guest then,
    which makes it somewhat slower than `run(main, backend="trio")`.

    Raises:
        BackendNotInstalledError: trio is not installed.

    Example:
        >>> import asyncio, portable, trio
        >>> async def main():
        ...     await asyncio.sleep(0)
        ...     await trio.sleep(0)
        ...     return "both"
        >>> with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        ...     runner.run(main())
        'both'
    """
    require_backend("trio")
    from .asyncio_on_trio import EventLoop

    return EventLoop()
