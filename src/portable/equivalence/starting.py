"""How a recorded program's event loops are started, and the time that passes in them.

A program may be a coroutine function, for which the loop is started here; or a plain function
that starts its loops itself, one after the other. Inside `catching()` the names by which
programs do that (`asyncio.run`, `asyncio.Runner`, `anyio.run`, `trio.run`, `uvloop.run` and
`portable.run`) start the backend that is recorded instead of their own, under virtual time:
each loop has a clock of its own, which goes on where the one before it stopped. What is
asyncio's runs on trio as `portable.run(main, backend="trio")` does it, on asyncio's loop there.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from contextvars import Context
from datetime import UTC, datetime, timedelta
from functools import partial
from inspect import isawaitable
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import anyio

import portable
from portable._backends import BACKENDS, require_backend
from portable._running import run
from portable.clock import VirtualClock

from .task_names import number_tasks_anew

if TYPE_CHECKING:
    from .trio_watch import TrioWatch

_START = datetime(2000, 1, 1, tzinfo=UTC)

# The class itself, also while its name in asyncio stands for what catches it.
_REAL_RUNNER = asyncio.Runner

Main = Callable[..., Awaitable[object]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


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
        self._watch: TrioWatch | None = None
        if backend == "trio":
            self._watch = _trio_watch(self.now)
        self.started = 0

    def now(self) -> float:
        """Return the seconds since the start: virtual ones, unless time is real."""
        if self._real:
            return time.monotonic() - self._began
        return self._before + (0.0 if self._clock is None else self._clock.now())

    @property
    def order_free_from(self) -> float | None:
        """When trio first had a say in the order of tasks; `None`: it had none."""
        return None if self._watch is None else self._watch.order_free_from

    # The starters ----------------------------------------------------------------------

    def run_asyncio(self, main: Callable[[], Any]) -> object:
        """Run a program, as `asyncio.run(main())` does."""
        return self._asyncio_run(main())

    def run_anyio(self, main: Main) -> object:
        """Run a program, as `anyio.run(main)` does."""
        known = self._backend.anyio_backend
        with self._loop() as clock:
            counted = _named_after(main, partial(self._counted, main))
            if self._watch is not None:
                options = self._trio_options(clock, self._watch)
            else:
                options = {"loop_factory": partial(_numbered, self._loop_factory(clock))}
            if clock is None:
                return anyio.run(counted, backend=known, backend_options=options)
            guarded = _named_after(main, partial(clock.guard, counted))
            with clock:
                return anyio.run(guarded, backend=known, backend_options=options)

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
        with self._loop() as clock, clock or nullcontext():
            # What is no coroutine is left to asyncio's runner, which says so.
            if self._watch is not None and asyncio.iscoroutine(main):
                return self._run_on_trio(main, clock, debug, self._watch)
            with self._runner(clock, debug=debug) as runner:
                return runner.run(main)

    @contextmanager
    def _asyncio_runner(self, *, debug: bool | None = None, **_: object) -> Iterator[object]:
        with (
            self._loop() as clock,
            clock or nullcontext(),
            self._runner(clock, debug=debug) as runner,
        ):
            yield runner

    def _anyio_run(self, main: Main, *args: object, **_: object) -> object:
        return self.run_anyio(partial(main, *args))

    def _portable_run(
        self, main: Any, *args: object, debug: bool | None = None, **_: object
    ) -> object:
        if asyncio.iscoroutine(main) and not args:
            return self._asyncio_run(main, debug=debug)
        if asyncio.iscoroutine(main) or not callable(main):
            return run(main, *args)  # it says what is wrong
        made = main(*args)
        if isawaitable(made) and not asyncio.iscoroutine(made):
            made = _awaiting(made)
        return self._asyncio_run(made, debug=debug)

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

    def _run_on_trio(
        self,
        coro: Coroutine[Any, Any, Any],
        clock: VirtualClock | None,
        debug: bool | None,
        watch: TrioWatch,
    ) -> object:
        from portable import asyncio_on_trio

        from .trio_watch import RecordedLoop

        return asyncio_on_trio.run(
            coro,
            debug=debug,
            make_loop=lambda: RecordedLoop(watch, self._ended, coro),
            **self._trio_options(clock, watch),
        )

    def _trio_options(self, clock: VirtualClock | None, watch: TrioWatch) -> dict[str, Any]:
        options = {} if clock is None else clock.backend_options("trio")
        return options | {"instruments": [*options.get("instruments", ()), watch]}

    @contextmanager
    def _runner(
        self, clock: VirtualClock | None, *, debug: bool | None = None
    ) -> Iterator[asyncio.Runner]:
        factory = partial(_numbered, self._loop_factory(clock))
        with _REAL_RUNNER(debug=debug, loop_factory=factory) as runner:
            _count_left(runner, self._ended)
            yield runner

    def _loop_factory(self, clock: VirtualClock | None) -> LoopFactory:
        if self._watch is not None:
            return partial(self._loop_on_trio, clock, self._watch)
        options = self._backend.run_options()
        if clock is not None:
            options = clock.backend_options(self._backend.name)
        factory: LoopFactory = options.get("loop_factory", asyncio.new_event_loop)
        return factory

    def _loop_on_trio(
        self, clock: VirtualClock | None, watch: TrioWatch
    ) -> asyncio.AbstractEventLoop:
        """Make a loop that can be run several times, as a runner does."""
        from .trio_watch import RecordedLoop

        loop = RecordedLoop(watch, self._ended)
        options = self._trio_options(clock, watch)
        loop.clock = options.get("clock")
        loop.instruments = tuple(options["instruments"])
        return loop

    async def _counted(self, main: Main) -> object:
        # Tasks of the machinery are there before main; only what main adds is counted.
        before = 0 if self._watch is not None else len(anyio.get_running_tasks())
        try:
            return await main()
        finally:
            if self._watch is not None:
                self._ended(self._watch.left_running())
            else:
                self._ended(len(anyio.get_running_tasks()) - before)


def _trio_watch(now: Callable[[], float]) -> TrioWatch:
    from .trio_watch import TrioWatch  # needs trio

    return TrioWatch(now)


def _numbered(factory: LoopFactory) -> asyncio.AbstractEventLoop:
    loop = factory()
    number_tasks_anew(loop)
    return loop


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


async def _awaiting(awaitable: Awaitable[object]) -> object:
    return await awaitable
