"""The worker: a process that runs programs, each run in a fork of its own.

Started as `python -P -m portable.equivalence.worker` with jobs on standard input. The
packages that every run needs are loaded once, then each run gets a fork, in which nothing of
another run can be seen. A run that takes longer than its limit is ended by a watchdog that
needs no cooperation, and its stacks are kept. Each run leaves a file behind: what it came to.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import pickle
import random
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from portable._backends import BACKENDS
from portable.clock._taken import Seed

from .children import end_children
from .footprint import AddressLock
from .program import Program
from .recording import Recording, record
from .run import Failure
from .run_folder import RunFolder
from .starting import Starting
from .surroundings import Surroundings
from .target import Role, Target, TargetError
from .trace import DRAWS, Trace
from .watchdog import Watchdog

DIED = "ended "
"""The beginning of the line that says how a process died."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker is to do.

    Attributes:
        target: the program.
        role: what it is judged as; an original is a program of asyncio's.
        backend: what to run it on.
        args: its arguments.
        seeds: the schedules to run it under.
        real_time: whether time is real.
        time_limit: real seconds for each run.
        folder: where the results go.
        stdin: what the programs read; `None`: nothing.
        until: virtual seconds after which a program has gone on long enough.
    """

    target: Target
    role: Role
    backend: str
    args: tuple[str, ...]
    seeds: tuple[Seed | None, ...]
    real_time: bool
    time_limit: float
    folder: Path
    stdin: Path | None = None
    until: float | None = None

    def result(self, index: int) -> Path:
        """Return the file in which the result of a run stands."""
        return self.folder / f"{index}.result"

    def output(self, index: int) -> Path:
        """Return the file that has what a run wrote past Python, its last words among it."""
        return self.folder / f"{index}.output"


def main() -> None:
    """Do the jobs on standard input; write a line to standard output for each run."""
    report = os.dup(1)
    _load_time_machine()
    # The packages whose ways to start a loop are caught; each fork would load them anew.
    for package in (
        "anyio",
        "multiprocessing",
        *(name for name in BACKENDS if BACKENDS[name].installed),
    ):
        importlib.import_module(package)
    lock = AddressLock()
    warm: set[str] = set()
    while True:
        try:
            job: Job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        if job.backend not in warm:
            warm.add(job.backend)
            _warm(job.backend)
        _run_schedules(job, report, lock)


def _run_schedules(job: Job, report: int, lock: AddressLock) -> None:
    """Run a job's schedules one after the other."""
    folder = RunFolder(job.target.home, job.folder / "cwd")
    for index, seed in enumerate(job.seeds):
        again = index > 0 and job.seeds[index - 1] == seed
        if again and not job.result(index - 1).exists():
            pass  # what hung or died would do so once more
        elif hasattr(os, "fork"):
            if index:
                folder.renew()
            child = os.fork() or _run_in_fork(job, index, lock, folder, report)
            _, status = os.waitpid(child, 0)
            lock.release()
            _note_death(job, index, status)
        else:  # pragma: no cover - Windows
            _run_and_exit(job, index, lock, folder)
        os.write(report, b"%d\n" % index)


def _load_time_machine() -> None:
    """Load time-machine without pytest.

    Where pytest is installed time-machine loads it, for a fixture that nobody needs here.
    That is a third of the time until a worker can run anything.
    """
    if "pytest" in sys.modules:
        return
    sys.modules["pytest"] = None  # type: ignore[assignment]
    try:
        with suppress(ImportError):
            importlib.import_module("time_machine")
    finally:
        del sys.modules["pytest"]


def _warm(backend: str) -> None:
    """Run a program that does nothing, so that what every fork needs is loaded once.

    Here, and not where the program's own ways to start a loop are caught: a module that is
    loaded there would keep what stands in for `asyncio.Runner`.
    """

    async def nothing() -> None:
        pass

    record(Program("nothing", nothing, "anyio"), backend)


def _note_death(job: Job, index: int, status: int) -> None:
    """Say how a run died that left no result, in the last line of its output."""
    code = os.waitstatus_to_exitcode(status)
    if job.result(index).exists():
        return
    with job.output(index).open("a") as output:
        if code < 0:
            output.write(f"\n{DIED}by {signal.Signals(-code).name}\n")
        else:
            output.write(f"\n{DIED}with exit code {code} (os._exit)\n")


def _run_in_fork(
    job: Job, index: int, lock: AddressLock, place: RunFolder, report: int
) -> NoReturn:
    os.close(report)  # what the run starts must not keep it open
    _run_and_exit(job, index, lock, place)


def _set_stdin(stdin: Path | None) -> None:
    """Let the process read a file from stdin, or nothing.

    It is a pipe that has been filled, since no event loop can wait for a file; what is too
    long for one is the file itself.
    """
    if sys.platform != "win32":
        text = b"" if stdin is None else stdin.read_bytes()
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        try:
            if not text or os.write(writer, text) == len(text):
                os.dup2(reader, 0)
                return
        finally:
            os.close(reader)
            os.close(writer)
    with open(os.devnull if stdin is None else stdin, "rb") as given:
        os.dup2(given.fileno(), 0)


def _run_and_exit(job: Job, index: int, lock: AddressLock, place: RunFolder) -> NoReturn:
    """Run one schedule, leave its result behind and end the process."""
    _set_stdin(job.stdin)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    descriptor = os.open(job.output(index), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    watchdog = Watchdog(job.time_limit, descriptor)
    owner = os.getpid()

    def leave(found: Trace | Failure) -> NoReturn:
        """Leave the result behind and end the process, with all that the run has started."""
        watchdog.stop()
        unfinished = job.result(index).with_suffix(".part")
        unfinished.write_bytes(pickle.dumps(found))
        unfinished.rename(job.result(index))
        end_children()
        exit_now(0)  # threads that never end keep nobody waiting

    def leave_at_limit(found: Trace) -> None:
        if os.getpid() == owner:  # a fork of the program's own goes on
            leave(found)

    exit_now = os._exit
    around = Surroundings(
        place,
        job.folder / f"{index}.stdout",
        job.output(index),
        lock,
        until=job.until,
        ended=leave_at_limit,
        while_waiting=watchdog.waiting_for_others,
    )
    faulthandler.enable(descriptor)
    os.register_at_fork(after_in_child=_leave_recording)

    def began(recording: Recording) -> None:
        def exit_at_once(status: int) -> None:
            if os.getpid() == owner:
                leave(recording.break_off(f"exited with {status} at once (os._exit)"))
            exit_now(status)

        os._exit = exit_at_once  # type: ignore[assignment]
        watchdog.start(recording)
        around.footprint.listen()

    leave(_recorded(job, job.seeds[index], around, began))


def _leave_recording() -> None:
    """Give a child that the program forked Python's own streams: the recording is its parent's.

    If it dies it writes no stacks, as a program's own child would not.
    """
    faulthandler.disable()
    assert sys.__stdout__ is not None
    assert sys.__stderr__ is not None
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__


def _recorded(
    job: Job,
    seed: Seed | None,
    around: Surroundings,
    began: Callable[[Recording], object],
) -> Trace | Failure:
    random.seed(0)  # jitter is the same on both sides, and in each run
    before = random.getstate()
    failure: TargetError | None = None

    def run(starting: Starting) -> object:
        nonlocal failure
        try:
            return job.target.run(job.role, job.args, starting)
        except TargetError as error:
            failure = error
            raise

    program = Program(job.target.text, run, "plain")
    try:
        trace = record(
            program,
            job.backend,
            seed=seed,
            real_time=job.real_time,
            interrupts=True,
            around=around,
            began=began,
        )
    except BaseException as error:
        text = traceback.format_exception(error)
        return Failure("crash", f"recording it raised {type(error).__name__}", tuple(text))
    if failure is not None:
        cause = failure.__cause__
        details = () if cause is None else tuple(traceback.format_exception(cause))
        return Failure("unloadable", str(failure), details)
    if random.getstate() != before:
        trace = replace(trace, unseen=(*trace.unseen, DRAWS))
    return trace


if __name__ == "__main__":
    # By its own name, or what it leaves behind would be of classes in "__main__".
    importlib.import_module("portable.equivalence.worker").main()
