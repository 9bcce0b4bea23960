"""The asyncio task on trio in which driven tests and async fixtures run.

AnyIO runs the tests and fixtures of a run one after the other in one task. On asyncio that is
an asyncio task, and a test may use all of asyncio. On trio it is a plain trio task. So the
stage adds an asyncio task to the trio run, in the same context, and makes every call there. All
calls share that one task, so a fixture may keep a scope, a nursery or a `timeout()` open across
its `yield`, as it may without the stage.

asyncio has one running loop per thread. The stage's loop is the running one in each step of a
trio task. Between steps there is none: pytest's own code runs there, and other tests may start
loops of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import outcome
import trio

from portable.asyncio_on_trio import EventLoop, bring_up

from ._fixtures import Step

_Inbox: TypeAlias = "asyncio.Queue[tuple[Step, Callable[[outcome.Outcome[Any]], object]]]"

_STOPPED = "Event loop stopped before Future completed."
_SEVERAL = "Multiple exceptions occurred in asynchronous callbacks"


class _RunningInSteps(trio.abc.Instrument):
    """Makes a loop asyncio's running one in each step of a trio task, and nowhere else."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        asyncio._set_running_loop(self._loop)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        asyncio._set_running_loop(None)


class Stage:
    """Makes calls in one asyncio task of a trio run.

    Attributes:
        loop: the loop of the task.
    """

    def __init__(self, loop: EventLoop) -> None:
        self.loop = loop
        self._task: asyncio.Task[None] | None = None
        self._inbox: _Inbox
        self._calling = False
        self._exceptions: list[Exception] = []
        loop.set_exception_handler(self._on_exception)
        trio.lowlevel.add_instrument(_RunningInSteps(loop))

    async def call(self, call: Step) -> Any:
        """Make a call in the asyncio task; return its result or raise its error."""
        __tracebackhide__ = True
        if self._task is None or self._task.done():
            self._inbox = asyncio.Queue()
            context = trio.lowlevel.current_task().context
            self._task = self.loop.create_task(_serve(self._inbox), context=context)
        over = trio.Event()
        results: list[outcome.Outcome[Any]] = []

        def done(result: outcome.Outcome[Any]) -> None:
            results.append(result)
            over.set()

        def stopped(failure: BaseException | None) -> None:
            # As when stop() ends run_until_complete(): the caller gets the error at once.
            task, self._task = self._task, None
            if task is not None:
                task.cancel()
            done(outcome.Error(failure or RuntimeError(_STOPPED)))

        self._inbox.put_nowait((call, done))
        self.loop.on_stop = stopped
        self._calling = True
        try:
            await self._wait(over)
            return self._unwrap(results[0])
        finally:
            results.clear()
            self._calling = False
            self.loop.on_stop = None

    async def _wait(self, over: trio.Event) -> None:
        try:
            await over.wait()
        except BaseException:  # Ctrl-C, or a scope that was opened around this
            if self._task is not None:
                self._task.cancel()
            with trio.CancelScope(shield=True):
                await over.wait()
            raise

    # As AnyIO does on asyncio: an error in a callback, or one that nobody has retrieved, fails
    # the test.
    def _on_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if self._calling and isinstance(error, Exception):
            self._exceptions.append(error)
        else:
            loop.default_exception_handler(context)

    def _unwrap(self, result: outcome.Outcome[Any]) -> Any:
        __tracebackhide__ = True
        errors, self._exceptions = self._exceptions, []
        try:
            if isinstance(result, outcome.Error):
                if not (errors and isinstance(result.error, Exception)):
                    return result.unwrap()
                errors.insert(0, result.error)
            if len(errors) == 1:
                raise errors[0]
            if errors:
                raise ExceptionGroup(_SEVERAL, errors)
            return result.unwrap()
        finally:
            del errors, result


async def _serve(inbox: _Inbox) -> None:
    __tracebackhide__ = True
    me = asyncio.current_task()
    assert me is not None
    while not me.cancelling():
        # A fixture may have cancelled a scope that is still open. That scope has to cancel the
        # next call, not the wait for it.
        with trio.CancelScope(shield=True):
            call, done = await inbox.get()
        try:
            result: outcome.Outcome[Any] = outcome.Value(await call())
        except BaseException as error:
            result = outcome.Error(error)
        done(result)
        del call, done, result


_stages: trio.lowlevel.RunVar[Stage | None] = trio.lowlevel.RunVar("asyncio's test task", None)


async def drive(call: Step) -> Any:
    """Make a call on the stage of this trio run, from one of its trio tasks."""
    __tracebackhide__ = True
    stage = _stages.get()
    if stage is None:
        stage = Stage(bring_up())
        _stages.set(stage)
    return await stage.call(call)


async def run_step(step: Step) -> Any:
    """Run a step of an async fixture: on the stage if this is a trio run, or else as it is."""
    __tracebackhide__ = True
    return await (drive(step) if trio.lowlevel.in_trio_task() else step())
