"""`run()`: run a coroutine as `asyncio.run()` does, on a new loop in a new trio run.

Ctrl-C works as in asyncio, too. The first one cancels the main task, and the run then raises
`KeyboardInterrupt`. The second one raises it right where the program is.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from inspect import CORO_CREATED, getcoroutinestate, iscoroutine
from types import FrameType
from typing import Any, TypeVar

import trio
from trio.lowlevel import enable_ki_protection

from portable._handlers import HandlerStandIns

from .loop import EventLoop
from .opening import open_loop
from .signals import in_trios_code

T = TypeVar("T")
_STOPPED = "Event loop stopped before Future completed."


def run(
    coro: Coroutine[Any, Any, T],
    *,
    debug: bool | None = None,
    clock: trio.abc.Clock | None = None,
    instruments: Sequence[trio.abc.Instrument] = (),
    make_loop: Callable[[], EventLoop] = EventLoop,
) -> T:
    """Run a coroutine as an asyncio task on trio, and return its result.

    Args:
        coro: the main coroutine.
        debug: asyncio's debug mode; `None`: as the environment says.
        clock: trio's clock.
        instruments: trio's instruments.
        make_loop: makes the loop.

    Raises:
        BaseException: what the coroutine raised.
        KeyboardInterrupt: Ctrl-C came, and the main task let itself be cancelled.
        RuntimeError: the loop was stopped before the coroutine ended, or trio runs already.
    """
    this_run = _Run(coro, debug, make_loop)
    takes_interrupts = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if takes_interrupts:
        try:
            signal.signal(signal.SIGINT, this_run.on_interrupt)
        except ValueError:  # an interpreter that allows no handlers
            takes_interrupts = False
    others = HandlerStandIns(this_run.meet, but={signal.SIGINT} if takes_interrupts else ())
    others.start()
    try:
        result: T = trio.run(this_run.main, clock=clock, instruments=instruments)
        this_run.call_held()
        return result
    finally:
        others.stop()
        if takes_interrupts and signal.getsignal(signal.SIGINT) == this_run.on_interrupt:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        this_run.let_go()
        if not iscoroutine(coro) or getcoroutinestate(coro) == CORO_CREATED:
            coro.close()


class _Run:
    """One run: its main coroutine, and the errors and signals that may end it early."""

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
        self._held: list[Callable[[], object]] = []
        self._too_late = False
        self._failure: BaseException | None = None

    @enable_ki_protection
    async def main(self) -> Any:
        """Run the coroutine on a loop, and close the loop: trio's main task."""
        self.call_held()
        try:
            async with open_loop(self._make_loop) as loop:
                return await self._main(loop)
        finally:
            if self._failure is not None:  # it was raised while the loop was being closed
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
            if self._failure is None:
                self._failure = failure
            if loop.is_finalizing:  # as in asyncio, what still cleans up is left
                if self._failure is None:
                    self._failure = RuntimeError(_STOPPED)
                loop.end()
            over.set()
            return True

        loop.on_stop = stopped
        task = self._task = loop.create_task(self._coro)

        def ended(_: object) -> None:
            # As in asyncio: this iteration goes on to its end; then only the clean-up runs.
            if not over.is_set():
                loop.stop()

        task.add_done_callback(ended)
        try:
            await over.wait()
            return self._result(task)
        finally:
            self._failure = None
            self._task = None
            del task

    def _result(self, task: asyncio.Task[Any]) -> Any:
        """Return the result of the run, as its main task has ended or the loop was stopped."""
        if self._failure is not None:
            failure = self._failure
            if task.done() and not task.cancelled():
                task.exception()  # so that asyncio does not log "never retrieved"
            try:
                raise failure
            finally:
                del failure
        if not task.done():
            raise RuntimeError(_STOPPED)
        if self._too_late and not task.cancelled() and task.exception() is None:
            # The task ended before it could be cancelled; asyncio raises in that case, too.
            raise KeyboardInterrupt
        try:
            return task.result()
        except asyncio.CancelledError:
            if self._interrupts and task.uncancel() == 0:
                raise KeyboardInterrupt  # noqa: B904 - as in asyncio
            raise

    def let_go(self) -> None:
        """Leave no running loop in the thread, not even after an internal error of trio."""
        if self._loop is not None and asyncio._get_running_loop() is self._loop:
            asyncio._set_running_loop(None)
            self._loop.detach()

    def on_interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT."""
        self._interrupts += 1
        token, task = self._token, self._task
        # Nothing at once in the middle of trio's own code.
        if self._interrupts == 1 and token is not None and task is not None and not task.done():
            self._too_late = True
            token.run_sync_soon(self._cancel_main, task)
        else:
            self.meet(_interrupt)

    def meet(self, call: Callable[[], object]) -> None:
        """Call a signal's handler, which may raise; but not in the middle of trio's code."""
        if not in_trios_code():
            call()
            return
        self._held.append(call)
        loop = self._loop
        if self._token is not None and loop is not None and not loop.is_closed():
            self._token.run_sync_soon(self._deliver, loop)

    def _deliver(self, loop: EventLoop) -> None:
        try:
            self.call_held()
        except BaseException as error:
            loop.stop_with(error)

    def call_held(self) -> None:
        """Make the calls that were held; they may raise."""
        while self._held:
            self._held.pop(0)()

    def _cancel_main(self, task: asyncio.Task[Any]) -> None:
        self._too_late = not task.cancel()


def _interrupt() -> None:
    raise KeyboardInterrupt
