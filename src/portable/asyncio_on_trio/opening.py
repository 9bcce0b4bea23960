"""asyncio's loop inside a trio run, which somebody else or `run()` has started.

The first call of `bring_up()` or `open_loop()` starts the loop. It ends with the block of
`open_loop()`, or with trio's main task. Then, as in `asyncio.run()`, tasks that are left are
cancelled, async generators are closed, and the executor is shut down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any

import trio
from trio.lowlevel import enable_ki_protection

from .loop import EventLoop

_loops: trio.lowlevel.RunVar[EventLoop | None] = trio.lowlevel.RunVar("asyncio loop", None)


def current_loop() -> EventLoop | None:
    """Return the loop of this trio run; `None`: it is not up."""
    return _loops.get()


def bring_up(make_loop: Callable[[], EventLoop] = EventLoop) -> EventLoop:
    """Return the loop of this trio run; start it if it is not up.

    Raises:
        RuntimeError: trio itself is the guest of an asyncio loop here, or the caller is not in
            a trio run.
    """
    loop = _loops.get()
    if loop is not None:
        return loop
    if asyncio._get_running_loop() is not None:
        raise RuntimeError(
            "asyncio's own loop runs in this thread already and trio runs on it as a guest; "
            "asyncio's names mean that loop here"
        )
    loop = make_loop()
    loop.over = trio.Event()
    _loops.set(loop)
    asyncio._set_running_loop(loop)
    loop.attach(lambda: _stopped(loop))
    trio.lowlevel.spawn_system_task(_keep_going, loop, name="asyncio's callbacks")
    return loop


def open_loop(
    make_loop: Callable[[], EventLoop] = EventLoop,
) -> AbstractAsyncContextManager[EventLoop]:
    """Have asyncio's loop in the block, inside a trio task.

    Only the outermost block starts the loop, and ends it.
    """
    return _LoopBlock(make_loop)


class _LoopBlock(AbstractAsyncContextManager[EventLoop]):
    """The block that `open_loop()` opens.

    It is no generator, as contextlib sets the traceback of an exception that passes through
    one, and not every exception allows that (a frozen dataclass).
    """

    def __init__(self, make_loop: Callable[[], EventLoop]) -> None:
        self._make_loop = make_loop
        self._opened: EventLoop | None = None

    async def __aenter__(self) -> EventLoop:
        loop = _loops.get()
        if loop is None:
            loop = self._opened = bring_up(self._make_loop)
        return loop

    @enable_ki_protection
    async def __aexit__(self, *_: object) -> None:
        if self._opened is not None:
            with trio.CancelScope(shield=True):
                await _close(self._opened)


async def _close(loop: EventLoop) -> None:
    assert loop.over is not None
    _finalize(loop)
    try:
        await loop.over.wait()
    except KeyboardInterrupt:  # as in asyncio, what still cleans up is left
        loop.end()
        await loop.over.wait()
        raise


def _finalize(loop: EventLoop) -> None:
    """Begin to end what is left, and then the loop.

    Once is enough: the block of `open_loop()` and trio's main task may end in either order.
    """
    if loop.is_finalizing:
        return
    loop.is_finalizing = True
    try:
        left = loop.cancel_all()
        all_left = asyncio.gather(*left, return_exceptions=True)
        all_left.add_done_callback(lambda _: _left_ended(loop, left))
    except BaseException as error:  # of a future's own cancel()
        _end(loop, error)
    if loop.halted:
        loop.go_on()


def _left_ended(loop: EventLoop, left: list[asyncio.Task[Any]]) -> None:
    """Tell of errors of the tasks that were left, then end the rest in a task."""
    try:
        for task in left:
            if not task.cancelled() and task.exception() is not None:
                loop.call_exception_handler(
                    {
                        "message": "unhandled exception during asyncio.run() shutdown",
                        "exception": task.exception(),
                        "task": task,
                    }
                )
        coro = finalize(loop)
        loop.call_at_end = coro.close  # the loop may be stopped before that ends, or begins
        ours: Any = loop.create_task(coro)
        ours.add_done_callback(lambda task: _end(loop, _failure_of(task)))
        loop.call_at_end = partial(_forget, coro, ours)
    except BaseException as error:  # of an exception handler or a task factory
        _end(loop, error)


async def finalize(loop: EventLoop) -> None:
    """Close async generators and shut the executor down, as `asyncio.run()` does."""
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


def _forget(coro: Coroutine[Any, Any, None], task: Any) -> None:
    """Keep asyncio from logging that the task was left, or that nobody asked for its error."""
    coro.close()
    with suppress(AttributeError):  # a task factory may have made it
        task._log_destroy_pending = task._log_traceback = False


def _failure_of(task: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _end(
    loop: EventLoop,
    error: BaseException | None,
    message: str = "asyncio's loop on trio could not be shut down",
) -> None:
    """End the loop; hand on the error with which it failed, or log it with the message."""
    loop.end()
    if error is None:
        return
    if loop.on_stop is not None:
        loop.on_stop(error)
    else:
        _log(loop, message, error)


async def _keep_going(loop: EventLoop) -> None:
    """Pump until the loop has ended; then close it."""
    undo_hooks = loop.install_hooks()
    loop.track_origins(True)
    try:
        try:
            await loop.pump()
        except trio.Cancelled:  # trio's main task has ended
            with trio.CancelScope(shield=True):
                _finalize(loop)
                await loop.pump()
        with trio.CancelScope(shield=True):
            await loop.pool.wait_until_empty()
    except BaseException as error:
        loop.is_finalizing = True
        _end(loop, error, "asyncio's loop on trio has failed")
    finally:
        undo_hooks()
        loop.track_origins(False)
        if asyncio._get_running_loop() is loop:
            asyncio._set_running_loop(None)
        _loops.set(None)
        loop.call_at_end()
        loop.detach()
        loop.close()
        assert loop.over is not None
        loop.over.set()


def _stopped(loop: EventLoop) -> bool:
    """Handle a stop, and the error that caused it; say whether the loop is to stand still."""
    error = loop.take_failure()
    loop.clear_stop()
    if loop.on_stop is not None:
        return bool(loop.on_stop(error))
    if error is not None:
        where = "in a task or callback cannot end a run of trio's that asyncio did not start"
        _log(loop, f"{type(error).__name__} {where}", error)
    return False


def _log(loop: EventLoop, message: str, error: BaseException) -> None:
    """Call the exception handler; if that would end the program, it cannot: log it all."""
    context = {"message": message, "exception": error}
    try:
        loop.call_exception_handler(context)
    except BaseException as its_error:
        loop.default_exception_handler(context)
        its_context = {
            "message": "Unhandled error in exception handler",
            "exception": its_error,
        }
        loop.default_exception_handler(its_context)
