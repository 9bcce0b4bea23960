"""How a recorded program's event loops are started, and the time that passes in them.

A program may be a coroutine function, for which the loop is started here; or a plain function
that starts its loops itself, one after the other. Inside `catching()` the names by which
programs do that (`asyncio.run`, `asyncio.Runner`, `anyio.run`, `trio.run`, `uvloop.run` and
`portable.run`) start the backend that is recorded instead of their own, under virtual time:
each loop has a clock of its own, which goes on where the one before it stopped.
"""

from __future__ import annotations

import asyncio
import importlib
import itertools
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import Context
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import anyio

import portable
from portable._backends import BACKENDS, require_backend
from portable._running import run
from portable._tasks import restart_numbering
from portable.clock import VirtualClock

_START = datetime(2000, 1, 1, tzinfo=UTC)

# The class itself, also while its name in asyncio stands for what catches it.
_REAL_RUNNER = asyncio.Runner

Main = Callable[..., Awaitable[object]]


class Starting:
    """Starts loops on one backend.

    Args:
        backend: the name of the backend.
        ended: called with the number of tasks that a main left running when it ended.
        seed: names the schedule; `None`: the backend's own order.
        real_time: whether time passes as it does outside.

    Attributes:
        started: how many loops were started.
    """

    def __init__(
        self,
        backend: str,
        ended: Callable[[int], object],
        *,
        seed: int | None = None,
        real_time: bool = False,
    ) -> None:
        self._backend = require_backend(backend)
        self._ended = ended
        self._seed = seed
        self._real = real_time
        self._began = time.monotonic()
        self._before = 0.0
        self._clock: VirtualClock | None = None
        self._outer: VirtualClock | None = None
        self._busy = False
        self.started = 0

    def now(self) -> float:
        """Return the seconds since the start: virtual ones, unless time is real."""
        if self._real:
            return time.monotonic() - self._began
        return self._before + (0.0 if self._clock is None else self._clock.now())

    # The starters ----------------------------------------------------------------------

    def run_asyncio(self, main: Callable[[], Any]) -> object:
        """Run a raw asyncio program, as `asyncio.run(main())` does."""
        with self._loop() as clock, self._wall(clock), self._runner(clock) as runner:
            return runner.run(main())

    def run_anyio(self, main: Main) -> object:
        """Run a program, as `anyio.run(main)` does."""
        known = self._backend.anyio_backend
        with self._loop() as clock:
            counted = _named_after(main, partial(self._counted, main))
            if clock is None:
                options = dict(self._backend.anyio_options)
                return anyio.run(counted, backend=known, backend_options=options)
            guarded = _named_after(main, partial(clock.guard, counted))
            options = clock.backend_options(self._backend.name)
            with clock:
                return anyio.run(guarded, backend=known, backend_options=options)

    def run_portable(self, main: Main) -> object:
        """Run a program, as `portable.run(main)` does."""
        with self._loop() as clock:
            restart_numbering()
            counted = _named_after(main, partial(self._counted, main))
            return run(counted, backend=self._backend.name, virtual_time=clock or False)

    # What programs call ----------------------------------------------------------------

    @contextmanager
    def catching(self) -> Iterator[None]:
        """Start loops here wherever the program starts one, until the block ends."""
        caught: list[tuple[Any, str, Callable[..., object]]] = [
            (asyncio, "run", self._asyncio_run),
            (asyncio, "Runner", self._asyncio_runner),
            (anyio, "run", self._anyio_run),
            (portable, "run", self._portable_run),
        ]
        if BACKENDS["trio"].installed:
            caught.append((importlib.import_module("trio"), "run", self._anyio_run))
        if BACKENDS["uvloop"].installed:
            caught.append((importlib.import_module("uvloop"), "run", self._asyncio_run))
        with ExitStack() as stack:
            if not self._real:
                self._outer = stack.enter_context(VirtualClock(start=_START))
            for owner, name, start in caught:
                stand_in = self._unless_busy(getattr(owner, name), start)
                stack.enter_context(patch.object(owner, name, stand_in))
            yield

    def _unless_busy(
        self, real: Callable[..., object], caught: Callable[..., object]
    ) -> Callable[..., object]:
        # What starts a loop calls one of the others; and a loop inside a loop, or in a
        # thread beside it, is the program's own affair.
        def start(*args: Any, **kwargs: Any) -> object:
            return (real if self._busy else caught)(*args, **kwargs)

        return start

    def _asyncio_run(self, main: Any, *, debug: bool | None = None, **_: object) -> object:
        if self._backend.anyio_backend != "asyncio":
            return self.run_anyio(_function(main))
        with (
            self._loop() as clock,
            self._wall(clock),
            self._runner(clock, debug=debug) as runner,
        ):
            return runner.run(main)

    @contextmanager
    def _asyncio_runner(self, *, debug: bool | None = None, **_: object) -> Iterator[object]:
        if self._backend.anyio_backend != "asyncio":
            raise RuntimeError(f"asyncio.Runner has no loop of {self._backend.name}")
        with (
            self._loop() as clock,
            self._wall(clock),
            self._runner(clock, debug=debug) as runner,
        ):
            yield runner

    def _anyio_run(self, main: Main, *args: object, **_: object) -> object:
        return self.run_anyio(partial(main, *args))

    def _portable_run(self, main: Any, *args: object, **_: object) -> object:
        program: Any = partial(main, *args) if callable(main) else _function(main)
        return self.run_portable(program)

    # One loop --------------------------------------------------------------------------

    @contextmanager
    def _loop(self) -> Iterator[VirtualClock | None]:
        self._busy = True
        self.started += 1
        if not self._real:
            start = _START + timedelta(seconds=min(self._before, 1e11))
            self._clock = VirtualClock(start=start, seed=self._seed)
        try:
            yield self._clock
        finally:
            self._busy = False
            clock, self._clock = self._clock, None
            if clock is not None:
                self._before += clock.now()
                if self._outer is not None:
                    self._outer.advance(clock.now())

    def _wall(self, clock: VirtualClock | None) -> Any:
        return nullcontext() if clock is None else clock

    @contextmanager
    def _runner(
        self, clock: VirtualClock | None, *, debug: bool | None = None
    ) -> Iterator[asyncio.Runner]:
        factory = None
        if clock is not None:
            factory = clock.backend_options(self._backend.name)["loop_factory"]
        elif self._backend.name == "uvloop":
            factory = importlib.import_module("uvloop").new_event_loop
        with _REAL_RUNNER(debug=debug, loop_factory=factory) as runner:
            _count_left(runner, self._ended)
            _number_tasks_anew(runner.get_loop())
            yield runner

    async def _counted(self, main: Main) -> object:
        # Tasks of the machinery are there before main; only what main adds is counted.
        before = {task.id for task in anyio.get_running_tasks()}
        try:
            return await main()
        finally:
            after = {task.id for task in anyio.get_running_tasks()}
            self._ended(len(after - before))


def _count_left(runner: asyncio.Runner, ended: Callable[[int], object]) -> None:
    """Let a runner tell how many tasks are left each time a main has ended.

    On the object, as the class is closed to inheritance.
    """
    run_main, loop = runner.run, runner.get_loop()

    def counted(coro: Coroutine[Any, Any, Any], *, context: Context | None = None) -> Any:
        try:
            return run_main(coro, context=context)
        finally:
            pending = asyncio.all_tasks(loop)
            ended(sum(task.get_coro() is not coro for task in pending))

    runner.run = counted  # type: ignore[method-assign]


def _named_after(main: Callable[..., Any], call: Main) -> Main:
    """Return an async function that makes a call, under the name of a program's main.

    A task is named after its function: what the program sees of it, and who waits in a
    deadlock, is the program's own.
    """

    async def named() -> object:
        return await call()

    while isinstance(main, partial):
        main = main.func
    named.__module__ = getattr(main, "__module__", named.__module__)
    named.__qualname__ = getattr(main, "__qualname__", named.__qualname__)
    return named


def _function(awaitable: Awaitable[object]) -> Main:
    async def main() -> object:
        return await awaitable

    return main


def _number_tasks_anew(loop: asyncio.AbstractEventLoop) -> None:
    """Let the names that asyncio gives to tasks begin with Task-1 on this loop.

    asyncio counts the tasks of a process, not of a run: a program that prints the name of
    a task would print another one each time it is recorded. A task factory is no way to do
    it, as Python 3.13.0 renames what a factory made to "None".
    """
    create, numbers = loop.create_task, itertools.count(1)

    def create_task(
        coro: Coroutine[Any, Any, Any], *, name: object = None, **options: Any
    ) -> asyncio.Task[Any]:
        label = f"Task-{next(numbers)}" if name is None else str(name)
        return create(coro, name=label, **options)

    loop.create_task = create_task  # type: ignore[assignment,method-assign]
