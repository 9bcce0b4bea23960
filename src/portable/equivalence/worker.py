"""What runs in a process of its own: one program on one backend, a fork for each schedule.

Started as `python -P -m portable.equivalence.worker` with a job on standard input. The
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
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .program import Program
from .recording import record
from .starting import Starting
from .target import Role, Target, TargetError
from .trace import Trace

DIED = "ended "
"""How the line begins that says how a process died."""


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
    """

    target: Target
    role: Role
    backend: str
    args: tuple[str, ...]
    seeds: tuple[int | None, ...]
    real_time: bool
    time_limit: float
    folder: Path

    def result(self, index: int) -> Path:
        """Return the file in which the result of a run stands."""
        return self.folder / f"{index}.result"

    def output(self, index: int) -> Path:
        """Return the file that has what a run wrote past Python, its last words among it."""
        return self.folder / f"{index}.output"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no trace of a run.

    Attributes:
        kind: `unloadable` (a missing file, a syntax error …), `hang` (over the time limit),
            `crash` (the process died).
        message: what happened, in a line.
        details: more lines, such as where it hung.
    """

    kind: Literal["unloadable", "hang", "crash"]
    message: str
    details: tuple[str, ...] = ()


def main() -> None:
    """Do the job on standard input; write a line to standard output for each run that ended."""
    job: Job = pickle.load(sys.stdin.buffer)
    report = os.dup(1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    for package in {job.backend, "anyio"} - {"asyncio"}:
        importlib.import_module(package)
    _warm(job.backend)
    for index, _ in enumerate(job.seeds):
        if hasattr(os, "fork"):
            child = os.fork()
            if not child:
                os.close(report)
                _one(job, index)
            _, status = os.waitpid(child, 0)
            _note_signal(job, index, status)
        else:
            _one(job, index)
        os.write(report, b"%d\n" % index)


def _warm(backend: str) -> None:
    """Run a program that does nothing, so that what every fork needs is loaded once.

    Here, and not where the program's own ways to start a loop are caught: a module that is
    loaded there would keep what stands in for `asyncio.Runner`.
    """

    async def nothing() -> None:
        pass

    record(Program("nothing", nothing, "anyio"), backend)


def _note_signal(job: Job, index: int, status: int) -> None:
    """Say how a run died that left no result, in the last line of its output."""
    code = os.waitstatus_to_exitcode(status)
    if job.result(index).exists():
        return
    with job.output(index).open("a") as output:
        if code < 0:
            output.write(f"\n{DIED}by {signal.Signals(-code).name}\n")
        else:
            output.write(f"\n{DIED}with exit code {code} (os._exit)\n")


def _one(job: Job, index: int) -> None:
    """Run one schedule, leave its result behind and end the process."""
    descriptor = os.open(job.output(index), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    faulthandler.enable(descriptor)
    faulthandler.dump_traceback_later(job.time_limit, exit=True, file=descriptor)
    found = _run(job, job.seeds[index])
    faulthandler.cancel_dump_traceback_later()
    unfinished = job.result(index).with_suffix(".part")
    unfinished.write_bytes(pickle.dumps(found))
    unfinished.rename(job.result(index))
    os._exit(0)  # threads that never end keep nobody waiting


def _run(job: Job, seed: int | None) -> Trace | Failure:
    random.seed(0)  # jitter is the same on both sides, and in each run
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
            program, job.backend, seed=seed, real_time=job.real_time, interrupts=True
        )
    except BaseException as error:
        text = traceback.format_exception(error)
        return Failure("crash", f"recording it raised {type(error).__name__}", tuple(text))
    if failure is not None:
        cause = failure.__cause__
        details = () if cause is None else tuple(traceback.format_exception(cause))
        return Failure("unloadable", str(failure), details)
    return trace


if __name__ == "__main__":
    # By its own name, or what it leaves behind would be of classes in "__main__".
    importlib.import_module("portable.equivalence.worker").main()
