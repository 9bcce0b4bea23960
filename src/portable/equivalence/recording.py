"""Step 2: run a program once under virtual time, and keep all that can be seen of it.

The automatic garbage collector is off during the run and runs at its end, still inside the
recording: "never awaited" and "never retrieved" then come at the same place every time and
belong to the program that caused them, instead of to whatever allocates enough.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from weakref import WeakKeyDictionary

from portable._backends import current_backend, require_backend
from portable._heap import heap_set_aside
from portable.clock import VirtualClock

from .capture import Moment, listening
from .program import Program
from .starting import Starting
from .trace import ExceptionShape, Observation, Outcome, Stream, Trace, rounded, shown

# Real seconds for a thread that was told to end, as pools do, to have ended.
_THREAD_PATIENCE = 0.5
_REAL_MOMENT = 0.01

# Output streams, warnings, logging and the wall clock belong to the whole process.
_one_at_a_time = threading.Lock()


def record(
    program: Program,
    backend: str = "asyncio",
    *,
    seed: int | None = None,
    real_time: bool = False,
    interrupts: bool = False,
) -> Trace:
    """Run a program once under virtual time and return what was seen of it.

    Whatever it does, its end is an outcome: a result, an exception, `SystemExit`, or a
    `DeadlockError` if every task waits for ever. `KeyboardInterrupt` alone passes through.

    Args:
        program: what to run.
        backend: what to run it on: `asyncio`, `uvloop` or `trio`.
        seed: names the schedule, which decides who is first among the tasks that are
            ready at once; the same seed gives the same trace. `None`: the backend's order.
        real_time: whether time passes as it does outside, for programs that do real I/O;
            the times in the trace are real ones then, and there is no seed.
        interrupts: whether a `KeyboardInterrupt` is an outcome, too.

    Raises:
        UnknownBackendError: there is no such backend.
        BackendNotInstalledError: its package is missing.
        MissingDependencyError: time-machine, which moves the wall clock, is missing.
        ValueError: a seed is given for real time.
        RuntimeError: called from async code, or while another recording is under way.

    Example:
        >>> async def main():
        ...     await asyncio.sleep(3600)
        ...     print("an hour later")
        >>> print(record(Program("patience", main, starter="asyncio")))
        3600.0 s  stdout  an hour later
        3600.0 s  outcome  returned None
    """
    require_backend(backend)
    if real_time and seed is not None:
        raise ValueError("seed: the order of real time cannot be chosen; leave out one of both")
    _require_no_loop()
    with VirtualClock(seed=seed):  # a part that is missing is no outcome of the program
        pass
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError(
            "record() was called while another recording is under way; output, logging and "
            "the wall clock belong to the whole process, so record one after the other"
        )
    try:
        recording = _Recording(program, backend, seed, real_time)
        recording.interrupts = interrupts
        return recording.take()
    finally:
        _one_at_a_time.release()


def _require_no_loop() -> None:
    try:
        running = current_backend()
    except RuntimeError:
        return
    raise RuntimeError(
        f"record() was called from async code on {running}; it starts a loop of its own, so "
        "call it from outside, or in a thread with asyncio.to_thread(record, program)"
    )


class _Recording:
    """One run, and what has been seen of it so far."""

    interrupts = False

    def __init__(
        self, program: Program, backend: str, seed: int | None, real_time: bool
    ) -> None:
        self._program = program
        self._backend = backend
        self._starting = Starting(backend, self._main_ended, seed=seed, real_time=real_time)
        self._real_time = real_time
        self._last: Moment = (0.0, None)
        self._seen: list[Observation] = []
        self._writers = _Writers()
        self._left_running = 0

    def take(self) -> Trace:
        threads = set(threading.enumerate())
        with _collector_by_hand(), listening(self._see, self._moment) as self._tell:
            outcome = self._outcome_of(self._start)
            gc.collect()
            self._threads_left(threads)
        details = outcome.exception.details if outcome.exception else ()
        self._seen.append(Observation(outcome.time, "outcome", str(outcome), details=details))
        return Trace(
            program=self._program.name,
            backend=self._backend,
            observations=tuple(self._seen),
            outcome=outcome,
            left_running=self._left_running,
            order_free_from=self._order_free_from(),
        )

    def _outcome_of(self, start: Callable[[], object]) -> Outcome:
        # Only shapes and texts are kept: the result or the exception may be all that keeps
        # alive what has something to say when it is collected.
        result = exception = None
        try:
            result = shown(start())
        except BaseException as error:
            if _contains_interrupt(error) and not self.interrupts:
                raise KeyboardInterrupt from error
            exception = ExceptionShape.of(error)
        return Outcome(self._now(), result, exception)

    def _order_free_from(self) -> float | None:
        time = self._starting.order_free_from
        return None if time is None else rounded(time)

    def _now(self) -> float:
        return rounded(self._starting.now())

    def _moment(self) -> Moment:
        now, writer = self._now(), self._writers.current()
        if self._real_time:
            # A print takes time, too: what one task does in so short a while is one moment.
            before, last = self._last
            if last == writer and now - before < _REAL_MOMENT:
                return self._last
            self._last = now, writer
        return now, writer

    def _see(self, stream: Stream, text: str, ended: bool, moment: Moment) -> None:
        time, writer = moment
        self._seen.append(Observation(time, stream, text, ended, writer))

    def _start(self) -> object:
        main, starting = self._program.main, self._starting
        if self._program.starter == "plain":
            with starting.catching():
                return main(starting)
        if self._program.starter == "asyncio":
            return starting.run_asyncio(main)
        return starting.run_anyio(main)

    def _threads_left(self, before: set[threading.Thread]) -> None:
        """Tell of threads that keep the process from ending, once those that end have ended."""
        new = [one for one in threading.enumerate() if one not in before and not one.daemon]
        for thread in new:
            thread.join(_THREAD_PATIENCE)
        left = sum(thread.is_alive() for thread in new)
        if left:
            self._tell("threads", f"{left} left running at the end")

    def _main_ended(self, left_running: int) -> None:
        self._left_running += left_running
        if left_running:
            self._tell("tasks", f"{left_running} left running when main ended")


class _Writers:
    """Who writes: tasks, and threads of their own, numbered by first appearance."""

    def __init__(self) -> None:
        # Weak, as a task that is kept alive can no longer tell that it was destroyed; by
        # object and not by id(), as the next task may get the id of one that is gone.
        self._numbers: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        self._next = itertools.count()
        self._home = threading.current_thread()

    def current(self) -> int | None:
        """Return the number of the running task or foreign thread, if there is one."""
        writer = _current_task()
        if writer is None:
            writer = threading.current_thread()
            if writer is self._home:  # a callback of the loop, or after the run
                return None
        if writer not in self._numbers:
            self._numbers[writer] = next(self._next)
        return self._numbers[writer]


def _current_task() -> object:
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    trio = sys.modules.get("trio")
    if task is not None or trio is None or not trio.lowlevel.in_trio_task():
        return task
    from .trio_watch import is_plain

    task = trio.lowlevel.current_task()
    return task if is_plain(task) else None


def _contains_interrupt(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return any(map(_contains_interrupt, error.exceptions))
    return isinstance(error, KeyboardInterrupt)


@contextmanager
def _collector_by_hand() -> Iterator[None]:
    """Turn the automatic collector off, and keep all that is there by now out of its way.

    Garbage that is there already is not this program's, and collecting it would cost more
    than most programs do.
    """
    with ExitStack() as restore:
        if gc.isenabled():
            restore.callback(gc.enable)
            gc.disable()
        restore.enter_context(heap_set_aside())
        yield
