"""Step 2: run a program once under virtual time, and keep all that can be seen of it.

The automatic garbage collector is off during the run and runs at its end, still inside the
recording: "never awaited" and "never retrieved" then come at the same place every time and
belong to the program that caused them, instead of to whatever allocates enough.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from weakref import WeakKeyDictionary

from portable._backends import current_backend, require_backend
from portable._heap import heap_set_aside
from portable.clock import VirtualClock
from portable.clock._taken import Seed
from portable.clock._wall import load_time_machine

from .capture import Moment, listening
from .causality import Causality
from .own_forks import end_as_python_does
from .program import Program
from .starting import Starting
from .surroundings import Surroundings
from .task_marks import TaskMarks
from .trace import (
    BESIDE_PYTHON,
    ChildExit,
    ExceptionShape,
    Observation,
    Outcome,
    Stream,
    Trace,
    rounded,
    shown,
)

# Real seconds for a thread that was told to end, as pools do, to have ended.
_THREAD_PATIENCE = 0.5
_REAL_MOMENT = 0.01

# Output streams, warnings, logging and the wall clock belong to the whole process.
_one_at_a_time = threading.Lock()


def record(
    program: Program,
    backend: str = "asyncio",
    *,
    seed: Seed | None = None,
    real_time: bool = False,
    interrupts: bool = False,
    around: Surroundings | None = None,
    began: Callable[[Recording], object] = lambda _: None,
) -> Trace:
    """Run a program once under virtual time and return what was seen of it.

    Whatever it does, its end is an outcome: a result, an exception, `SystemExit`, or a
    `DeadlockError` if every task waits for ever. `KeyboardInterrupt` alone passes through.

    Args:
        program: what to run.
        backend: what to run it on: `asyncio`, `uvloop` or `trio`.
        seed: names the schedule, which decides who is first among the tasks that are
            ready at once; the same seed gives the same trace. `None`: the backend's order.
            `VirtualClock` says what a string means.
        real_time: whether time passes as it does outside, for programs that do real I/O;
            the times in the trace are real ones then, and there is no seed.
        interrupts: whether a `KeyboardInterrupt` is an outcome, too.
        around: the process around it, if that is there for this run alone.
        began: called with the recording before the program starts.

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
    # A wrong seed, or a part that is missing, is no outcome of the program.
    VirtualClock(seed=seed)
    load_time_machine()
    if not _one_at_a_time.acquire(blocking=False):
        raise RuntimeError(
            "record() was called while another recording is under way; output, logging and "
            "the wall clock belong to the whole process, so record one after the other"
        )
    try:
        recording = Recording(program, backend, seed, real_time, interrupts, around)
        began(recording)
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


class Recording:
    """One run, and what has been seen of it so far."""

    def __init__(
        self,
        program: Program,
        backend: str,
        seed: Seed | None,
        real_time: bool,
        interrupts: bool,
        around: Surroundings | None,
    ) -> None:
        self._program = program
        self._backend = backend
        self._interrupts = interrupts
        self._around = around
        self._seen: list[Observation] = []
        self._writers = _Writers()
        self._marks = TaskMarks(self._now, lambda: len(self._seen), self._writers.number_of)
        self._starting = Starting(
            backend,
            self._main_ended,
            seed=seed,
            real_time=real_time,
            reserve=None if around is None else around.footprint.reserve,
            marks=self._marks,
        )
        self._real_time = real_time
        self._last: Moment = (0.0, None)
        self._causality = Causality()
        self._left_running = 0
        self._process = os.getpid()

    def take(self) -> Trace:
        """Run the program, and return what was seen."""
        threads, around = set(threading.enumerate()), self._around
        descriptors = None if around is None else around.descriptors
        with ExitStack() as stack:
            stack.enter_context(_collector_by_hand())
            self._listener = stack.enter_context(
                listening(self._see, self._moment, descriptors)
            )
            self._listen_to_time()
            outcome = self._outcome_of(self._start)
            self._listen_to_time(on=False)
            gc.collect()
            self._threads_left(threads)
            if around is not None:
                around.at_exit()
        return self._completed(outcome)

    def break_off(self, how: str) -> Trace:
        """Return what has been seen so far of a run that does not come to its end.

        Args:
            how: in which way, in words.
        """
        self._listener.poll()
        return self._completed(Outcome(self._now(), otherwise=how))

    def last_seen(self, most: int) -> tuple[Observation, ...]:
        """Return the last things that were seen."""
        return tuple(self._seen[-most:])

    def waiting(self) -> list[tuple[str, object]]:
        """Return the names of tasks that have not ended, and what they run; from any thread."""
        return self._starting.waiting()

    def _completed(self, outcome: Outcome) -> Trace:
        self._marks.look()
        schedule = self._starting.schedule
        unseen: tuple[str, ...] = (BESIDE_PYTHON,)
        loaded: frozenset[str] = frozenset()
        exits: tuple[ChildExit, ...] = ()
        unknown_exits = 0
        text = str(outcome)
        around = self._around
        if around is not None:
            for stream, left, lines in around.left():
                self._seen.append(Observation(outcome.time, stream, left, details=lines))
            unseen = around.footprint.used()
            loaded = frozenset(around.footprint.loaded)
            exits = around.exit_codes.ended()
            unknown_exits = around.exit_codes.unknown
            text = around.neutral(text)
        details = outcome.exception.details if outcome.exception else ()
        self._seen.append(Observation(outcome.time, "outcome", text, details=details))
        return Trace(
            program=self._program.name,
            backend=self._backend,
            observations=tuple(self._seen),
            outcome=outcome,
            left_running=self._left_running,
            order_free_from=self._order_free_from(),
            schedule=None if schedule is None else schedule.taken(),
            unseen=unseen,
            loaded=loaded,
            lanes=self._marks.lanes(),
            exits=exits,
            unknown_exits=unknown_exits,
            busy=self._starting.busy_watch.longest,
        )

    def _listen_to_time(self, *, on: bool = True) -> None:
        """Hear of each move of virtual time: what came in before belongs to the time before."""
        clock, around = self._starting.clock, self._around
        if clock is None:
            return
        if not on:
            clock.listen()
        elif around is None:
            clock.listen(before_move=self._all_wait, blocked=self._blocked)
        else:
            until = around.until
            alarm = None if until is None else (until, self._has_gone_on)
            clock.listen(before_move=self._before_move, blocked=self._blocked, alarm=alarm)

    def _all_wait(self, _: float) -> None:
        self._starting.busy_watch.end(self._now())
        self._marks.look(waiting=True)
        if self._starting.has_loop:
            self._starting.busy_watch.begin()

    def _before_move(self, when: float) -> None:
        self._all_wait(when)
        self._listener.poll()
        assert self._around is not None
        if self._around.until is not None and when > self._around.until:
            self._leave(self._around.until)

    def _has_gone_on(self) -> None:
        assert self._around is not None
        until = self._around.until
        if until is not None and self._now() >= until:  # not if the run ends before
            self._leave(until)

    def _leave(self, until: float) -> None:
        assert self._around is not None
        self._around.ended(self.break_off(f"still running after {until:g} s"))

    def _blocked(self, seconds: float) -> None:
        self._listener.emit("blocking", f"nothing else could run for {rounded(seconds):g} s")

    def _outcome_of(self, start: Callable[[], object]) -> Outcome:
        # Only shapes and texts are kept: the result or the exception may be all that keeps
        # alive what has something to say when it is collected.
        result = exception = None
        try:
            result = shown(start())
        except BaseException as error:
            if _contains_interrupt(error) and not self._interrupts:
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
        if self._around is not None:
            text = self._around.neutral(text)
        self._marks.look()
        after = self._causality.show(writer, time)
        self._seen.append(Observation(time, stream, text, ended, writer, after=after))

    def _start(self) -> object:
        main, starting = self._program.main, self._starting
        if self._program.starter == "plain":
            with starting.catching():
                return self._here(partial(main, starting))
        if self._program.starter == "asyncio":
            return self._here(partial(starting.run_asyncio, main))
        return self._here(partial(starting.run_anyio, main))

    def _here(self, run: Callable[[], object]) -> object:
        """Run the program; a fork that it made of itself does not come back."""
        try:
            return run()
        finally:
            if os.getpid() != self._process:
                around = self._around
                at_exit = (lambda: None) if around is None else around.at_exit
                end_as_python_does(sys.exception(), at_exit)

    def _threads_left(self, before: set[threading.Thread]) -> None:
        """Show how many threads keep the process from ending, when the others have ended."""
        new = [one for one in threading.enumerate() if one not in before and not one.daemon]
        for thread in new:
            thread.join(_THREAD_PATIENCE)
        left = sum(thread.is_alive() for thread in new)
        if left:
            self._listener.emit("threads", f"{left} left running at the end")

    def _main_ended(self, left_running: int) -> None:
        self._left_running += left_running
        if left_running:
            self._listener.emit("tasks", f"{left_running} left running when main ended")


class _Writers:
    """The tasks and threads that write, numbered by first appearance."""

    def __init__(self) -> None:
        # Weak, as a task that is kept alive can no longer tell that it was destroyed; by
        # object and not by id(), as the next task may get the id of one that is gone.
        self._numbers: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        self._next = itertools.count()
        self._home = threading.current_thread()

    def number_of(self, task: object) -> int | None:
        """Return the number of a task, if it has one by now."""
        return self._numbers.get(task)

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
    """Turn the automatic collector off, and set aside all objects that are there by now.

    Garbage that is there already is not this program's, and collecting it would take longer
    than most programs do.
    """
    with ExitStack() as restore:
        if gc.isenabled():
            restore.callback(gc.enable)
            gc.disable()
        restore.enter_context(heap_set_aside())
        yield
