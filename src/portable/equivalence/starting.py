"""How a recorded program's event loops are started, and the time that passes in them.

A program may be a coroutine function, for which the loop is started here; or a plain function
that starts its loops itself, one after the other. Inside `catching()` the names by which
programs do that (`asyncio.run`, `asyncio.Runner`, `anyio.run`, `trio.run`, `uvloop.run` and
`portable.run`) start the backend that is recorded instead of their own, and those by which they
make loops of their own (`own_loops`) make its loops, all of them on one timeline. What is
asyncio's runs on trio as `portable.run(main, backend="trio")` does it, on asyncio's loop there.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch
from weakref import WeakSet

import anyio

import portable
from portable._backends import BACKENDS, require_backend
from portable._running import check_main, closing_if_refused, coroutine_of
from portable.clock import VirtualClock
from portable.clock._schedule import Schedule
from portable.clock._taken import Seed

from .busy import BusyWatch
from .causality import hand_clocks_on
from .footprint import reserve_addresses_of
from .left_running import report_when_main_ends, report_when_mains_end, tasks_left
from .own_loops import Policies, loops_made_by
from .task_marks import TaskMarks
from .task_names import number_tasks_anew

if TYPE_CHECKING:
    from .trio_watch import TrioWatch

_START = datetime(2000, 1, 1, tzinfo=UTC)
#: Real seconds of silence that I/O from outside is given before virtual time jumps. Most
#: programs that are compared send their signals themselves.
_IO_LIMIT = 0.25

# The classes themselves, also while their names in asyncio stand for what catches them.
_REAL_RUNNER = asyncio.Runner
_REAL_LOOP: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop
if sys.platform == "win32":
    _REAL_LOOP = asyncio.ProactorEventLoop

L = TypeVar("L", bound=asyncio.AbstractEventLoop)
Main = Callable[..., Awaitable[object]]
LoopFactory = Callable[[], asyncio.AbstractEventLoop]


class Starting:
    """Starts loops on one backend.

    Args:
        backend: the name of the backend.
        ended: called with the number of tasks that a main left running when it ended.
        marks: records each task that is made.
        seed: names the schedule; `None`: the backend's own order.
        real_time: whether time passes as it does outside.
        reserve: called with each address that a loop of uvloop's listens at.

    Attributes:
        clock: the virtual time; `None`: time is real.
        loops: the loops that were made and are still there.
        started: how many loops were started.
        schedule: what decides on the order of ready tasks, in one loop after the other.
        busy_watch: the longest computing.
    """

    def __init__(
        self,
        backend: str,
        ended: Callable[[int], object],
        *,
        marks: TaskMarks,
        seed: Seed | None = None,
        real_time: bool = False,
        reserve: Callable[[object], object] | None = None,
    ) -> None:
        self._reserve = reserve
        self._marks = marks
        self.loops: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._backend = require_backend(backend)
        # As it is now: `catching()` puts a function in its place that comes here again.
        self._real_loop: LoopFactory = self._backend.run_options().get(
            "loop_factory", _REAL_LOOP
        )
        self._ended = ended
        self.schedule: Schedule | None = None if seed is None else Schedule(seed)
        self._began: float | None = None  # when the first loop started, in real time
        clock = (
            None
            if real_time
            else VirtualClock(start=_START, seed=self.schedule, io_limit=_IO_LIMIT)
        )
        self.clock = clock
        self._shown = False
        self._has_loop = False
        self.busy_watch: BusyWatch = BusyWatch(self._choosing)
        self._own: list[asyncio.AbstractEventLoop] = []
        self._policies = Policies(self)
        self._watch: TrioWatch | None = None
        if backend == "trio":
            self._watch = _trio_watch(self.now, marks)
        self.started: int = 0
        self._process = os.getpid()

    def now(self) -> float:
        """Return the seconds since the start: virtual ones, unless time is real."""
        if self.clock is not None:
            return self.clock.now()
        return 0.0 if self._began is None else monotonic() - self._began

    def _choosing(self) -> float:
        return 0.0 if self.schedule is None else self.schedule.choosing

    @property
    def did_nothing(self) -> bool:
        """Whether no loop was started; a fork that the program made need not start one."""
        return not self.started and os.getpid() == self._process

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
        with self.running(), self._time() as clock:
            started = main
            if self._watch is not None:
                options = self._trio_options(clock, self._watch)
                started = _named_after(main, partial(self._counted, main, self._watch))
            else:
                factory = self._loop_factory(clock)
                options = {"loop_factory": partial(self._reporting_loop, factory)}
            if clock is None:
                return anyio.run(started, backend=known, backend_options=options)
            guarded = _named_after(main, partial(clock.guard, started))
            return anyio.run(guarded, backend=known, backend_options=options)

    # The stand-ins for what programs call ----------------------------------------------

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
            stack.enter_context(self._time())
            for owner, name, start in caught:
                stand_in = self._outside_of_loops(getattr(owner, name), start)
                stack.enter_context(patch.object(owner, name, stand_in))
            stack.enter_context(loops_made_by(self, self._policies))
            stack.callback(self._leave_loops)
            yield

    def _outside_of_loops(
        self, real: Callable[..., object], caught: Callable[..., object]
    ) -> Callable[..., object]:
        # What starts a loop calls one of the others; and a loop inside a loop, or in a
        # thread beside it, is the program's own affair.
        def start(*args: Any, **kwargs: Any) -> object:
            return (real if self._has_loop else caught)(*args, **kwargs)

        return start

    def _asyncio_run(
        self,
        main: Any,
        *,
        debug: bool | None = None,
        loop_factory: LoopFactory | None = None,
        **_: object,
    ) -> object:
        with self._time() as clock:
            # What is no coroutine is left to asyncio's runner, which says so.
            own_loop = loop_factory is not None or self._policies.is_own
            if self._watch is not None and asyncio.iscoroutine(main) and not own_loop:
                with self.running():
                    return self._run_on_trio(main, clock, debug, self._watch)
            with self._asyncio_runner(debug=debug, loop_factory=loop_factory) as runner:
                return runner.run(main)

    def _asyncio_runner(
        self,
        *,
        debug: bool | None = None,
        loop_factory: LoopFactory | None = None,
        **_: object,
    ) -> asyncio.Runner:
        """Return asyncio's runner, with a loop that the program's own factory may set up."""
        runner = _REAL_RUNNER(debug=debug, loop_factory=loop_factory or self._policies.new_loop)
        report_when_mains_end(runner, self._ended)
        return runner

    def _anyio_run(self, main: Main, *args: object, **_: object) -> object:
        return self.run_anyio(partial(main, *args))

    def _portable_run(
        self, main: Any, *args: object, debug: bool | None = None, **_: object
    ) -> object:
        with closing_if_refused(main):
            check_main(main, args)
        return self._asyncio_run(coroutine_of(main, args), debug=debug)

    # One loop --------------------------------------------------------------------------

    @property
    def has_loop(self) -> bool:
        """Whether a loop runs."""
        return self._has_loop

    @contextmanager
    def running(self) -> Iterator[None]:
        """Record that a loop runs in the block."""
        if self._began is None:
            self._began = monotonic()
        before, self._has_loop = self._has_loop, True
        self.started += not before
        if not before:
            self.busy_watch.begin()
        try:
            yield
        finally:
            self._has_loop = before
            if not before:
                self.busy_watch.end(self.now())

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Make a loop of asyncio's on the backend, on the recording's timeline."""
        loop = self._prepared(self._loop_factory(self._next_clock()))
        self.watch(loop)
        self._own.append(loop)
        close = loop.close

        def closing() -> None:
            self._report_left(loop)
            close()

        loop.close = closing  # type: ignore[method-assign]
        return loop

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Record whenever a loop runs."""
        run_forever = loop.run_forever

        def noted() -> None:
            with self.running():
                run_forever()

        loop.run_forever = noted  # type: ignore[method-assign]

    def _leave_loops(self) -> None:
        """Report the tasks of loops that the program made and never closed."""
        while self._own:
            loop = self._own[0]
            if self._report_left(loop) and self._watch is not None:
                loop.close()  # ends trio's run

    def _report_left(self, loop: asyncio.AbstractEventLoop) -> bool:
        if loop not in self._own:
            return False
        self._own.remove(loop)
        self._ended(len(tasks_left(loop)))
        return True

    def _prepared(self, factory: LoopFactory) -> asyncio.AbstractEventLoop:
        loop = self._noted(factory())
        number_tasks_anew(loop, self._marks.started)
        hand_clocks_on(loop, self._marks.woken)
        if self._reserve is not None and self._backend.name == "uvloop":
            reserve_addresses_of(loop, self._reserve)
        return loop

    def _noted(self, loop: L) -> L:
        self.loops.add(loop)
        return loop

    def waiting(self) -> list[tuple[str, object]]:
        """Return the names of tasks that have not ended, and what they run; from any thread."""
        found: list[tuple[str, object]] = [
            (task.get_name(), task.get_coro())
            for loop in list(self.loops)
            for task in asyncio.all_tasks(loop)
        ]
        if self._watch is not None:
            found += [(task.name, task.coro) for task in self._watch.plain()]
        return sorted(found, key=lambda one: one[0])

    def _next_clock(self) -> VirtualClock | None:
        return None if self.clock is None else self.clock.another_run()

    @contextmanager
    def _time(self) -> Iterator[VirtualClock | None]:
        """Yield a clock for one run; it steers the wall clock, unless `catching()` does."""
        clock = self._next_clock()
        with ExitStack() as stack:
            if self.clock is not None and not self._shown:
                self._shown = True
                stack.callback(setattr, self, "_shown", False)
                stack.enter_context(self.clock)
            yield clock

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
            make_loop=lambda: self._noted(RecordedLoop(watch, self._ended, coro)),
            **self._trio_options(clock, watch),
        )

    def _trio_options(self, clock: VirtualClock | None, watch: TrioWatch) -> dict[str, Any]:
        options = {} if clock is None else clock.backend_options("trio")
        return options | {"instruments": [*options.get("instruments", ()), watch]}

    def _loop_factory(self, clock: VirtualClock | None) -> LoopFactory:
        if self._watch is not None:
            return partial(self._loop_on_trio, clock, self._watch)
        if clock is None:
            return self._real_loop
        factory: LoopFactory = clock.backend_options(self._backend.name)["loop_factory"]
        return factory

    def _loop_on_trio(
        self, clock: VirtualClock | None, watch: TrioWatch
    ) -> asyncio.AbstractEventLoop:
        """Make a loop that can be run several times, as a runner does."""
        from .trio_watch import RecordedLoop

        loop = RecordedLoop(watch, self._ended)
        options = self._trio_options(clock, watch)
        if clock is not None:
            loop.use_clock(options["clock"])
        loop.instruments = tuple(options["instruments"])
        return loop

    def _reporting_loop(self, factory: LoopFactory) -> asyncio.AbstractEventLoop:
        return report_when_main_ends(self._prepared(factory), self._ended)

    async def _counted(self, main: Main, watch: TrioWatch) -> object:
        try:
            return await main()
        finally:
            self._ended(watch.left_running())


def _trio_watch(now: Callable[[], float], marks: TaskMarks) -> TrioWatch:
    from .trio_watch import TrioWatch  # needs trio

    return TrioWatch(now, marks)


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
