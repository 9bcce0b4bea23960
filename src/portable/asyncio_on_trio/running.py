"""Run a coroutine as asyncio.run() does, on a loop of its own in a run of trio's of its own.

Ctrl-C is asyncio's, too: the first one cancels the main task, and the run then raises
`KeyboardInterrupt`; the second one raises it where the program is.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import FrameType
from typing import Any, TypeVar

import trio

from .hosting import open_loop
from .loop import EventLoop

T = TypeVar("T")


def run(
    coro: Coroutine[Any, Any, T],
    *,
    debug: bool | None = None,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
    make_loop: Callable[[], EventLoop] = EventLoop,
) -> T:
    """Run a coroutine as a task of asyncio's, in trio, and return what it returns.

    Args:
        coro: the main coroutine.
        debug: asyncio's debug mode; `None`: as asyncio finds it in the environment.
        clock: trio's clock.
        instruments: trio's instruments.
        make_loop: makes the loop.

    Raises:
        BaseException: what the coroutine raised.
        KeyboardInterrupt: Ctrl-C came, and the main task let itself be cancelled.
        RuntimeError: the loop was stopped before the coroutine ended, or trio runs already.
    """
    program = _Program(coro, debug, make_loop)
    takes_interrupts = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if takes_interrupts:
        signal.signal(signal.SIGINT, program.on_interrupt)
    try:
        result: T = trio.run(program.main, clock=clock, instruments=instruments)
        return result
    finally:
        if takes_interrupts and signal.getsignal(signal.SIGINT) == program.on_interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        program.let_go()
        coro.close()  # if it never began


class _Program:
    """One program: its main coroutine, and what may end it sooner."""

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        debug: bool | None,
        make_loop: Callable[[], EventLoop],
    ) -> None:
        self._coro = coro
        self._debug = debug
        self._make_loop = make_loop
        self._loop: EventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._interrupts = 0
        self._failure: BaseException | None = None

    async def main(self) -> Any:
        try:
            async with open_loop(self._make_loop) as loop:
                return await self._main(loop)
        finally:
            if self._failure is not None:  # it came while the loop was closed
                failure, self._failure = self._failure, None
                try:
                    raise failure
                finally:
                    del failure

    async def _main(self, loop: EventLoop) -> Any:
        if self._debug is not None:
            loop.set_debug(self._debug)
        self._loop = loop
        self._token = trio.lowlevel.current_trio_token()
        over = trio.Event()

        def stopped(failure: BaseException | None) -> bool:
            self._failure = self._failure or failure
            halts = not over.is_set()
            over.set()
            return halts

        loop.on_stop = stopped
        task = self._task = loop.create_task(self._coro)
        # As in asyncio: the iteration ends, and then nothing runs but what ends the rest.
        task.add_done_callback(lambda _: loop.stop())
        try:
            await over.wait()
            return self._result(task)
        finally:
            self._failure = None
            self._task = None
            del task

    def _result(self, task: asyncio.Task[Any]) -> Any:
        if self._failure is not None:
            failure = self._failure
            if task.done() and not task.cancelled():
                task.exception()  # it is told of here; asyncio need not tell that nobody asked
            try:
                raise failure
            finally:
                del failure
        if not task.done():
            raise RuntimeError("Event loop stopped before Future completed.")
        if task.cancelled() and self._interrupts and task.uncancel() == 0:
            raise KeyboardInterrupt
        return task.result()

    def let_go(self) -> None:
        """Leave the thread without a running loop, even after an internal error of trio's."""
        if self._loop is not None and asyncio._get_running_loop() is self._loop:
            asyncio._set_running_loop(None)
            self._loop.detach()

    def on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT."""
        self._interrupts += 1
        token, loop, task = self._token, self._loop, self._task
        if token is None or loop is None or task is None:
            raise KeyboardInterrupt
        if self._interrupts == 1 and not task.done():
            # Not here and now: the signal may have come in the midst of trio's own work.
            token.run_sync_soon(task.cancel)
        elif trio.lowlevel.currently_ki_protected():
            token.run_sync_soon(loop.fail, KeyboardInterrupt())
        else:
            raise KeyboardInterrupt
