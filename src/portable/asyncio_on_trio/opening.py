"""asyncio's loop inside a trio run, which somebody else or `run()` has started.

The first call of `bring_up()` or `open_loop()` starts the loop. It ends with the block of
`open_loop()`, or with trio's main task. Then, as in `asyncio.run()`, tasks that are left are
cancelled, async generators are closed, and the executor is shut down.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import trio

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

    async def __aexit__(self, *_: object) -> None:
        if self._opened is not None:
            with trio.CancelScope(shield=True):
                await _close(self._opened)


async def _close(loop: EventLoop) -> None:
    over = trio.Event()
    loop.over = over
    _finalize(loop)
    await over.wait()


def _finalize(loop: EventLoop) -> None:
    left = loop.cancel_all()
    loop.create_task(loop.finalize(left)).add_done_callback(lambda task: _end(loop, task))
    if loop.halted:
        loop.go_on()


def _end(loop: EventLoop, task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        loop.call_exception_handler({"message": "unhandled exception", "exception": error})
    loop.end()


async def _keep_going(loop: EventLoop) -> None:
    undo_hooks = loop.install_hooks()
    loop.track_origins(True)
    try:
        try:
            await loop.pump()
        except trio.Cancelled:  # trio's main task has ended
            with trio.CancelScope(shield=True):
                _finalize(loop)
                await loop.pump()
    except BaseException as error:
        loop.call_exception_handler({"message": "asyncio's loop on trio", "exception": error})
    finally:
        undo_hooks()
        loop.track_origins(False)
        if asyncio._get_running_loop() is loop:
            asyncio._set_running_loop(None)
        _loops.set(None)
        loop.detach()
        loop.close()
        if loop.over is not None:
            loop.over.set()


def _stopped(loop: EventLoop) -> bool:
    halts = False
    if loop.on_stop is not None:
        halts = bool(loop.on_stop(loop.take_failure()))
    else:
        error = loop.take_failure()
        if error is not None:
            loop.call_exception_handler(
                {
                    "message": f"{type(error).__name__} in a task or callback cannot end a run "
                    "of trio's that asyncio did not start",
                    "exception": error,
                }
            )
    loop.clear_stop()
    return halts
