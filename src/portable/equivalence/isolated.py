"""Isolated runs: `Isolated` has worker processes run programs.

Each run ends in a trace, or in a `Failure` that says whether the program could not be loaded,
hung or crashed. Whatever happens, no process is left behind.

A worker needs a second of processor time before its first run, and a few hundredths for each
run. So a worker whose runs have left no process behind is given the next program.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from portable.clock._taken import Seed

from .footprint import CHILDREN
from .run import Failure, Run
from .run_folder import JOBS
from .target import Role, Target
from .watchdog import SEEN, TIMEOUT, WAITING
from .worker import DIED, Job

# Real seconds beside the limit of a run: for the interpreter to start, to load packages, and to
# wait until no other run has a fixed address.
_GRACE = 120.0
_LAST_WORDS = 25


class Isolated:
    """Runs programs in processes of their own.

    Args:
        args: the programs' arguments.
        real_time: whether time is real.
        time_limit: real seconds for each run.
        stdin: the file that the programs read; `None`: they read nothing.
        until: virtual seconds after which a program has gone on long enough.
    """

    def __init__(
        self,
        *,
        args: Sequence[str] = (),
        real_time: bool = False,
        time_limit: float = 10.0,
        stdin: Path | None = None,
        until: float | None = None,
    ) -> None:
        self._stdin = None if stdin is None else stdin.absolute()
        self._until = until
        self._args = tuple(args)
        self.real_time = real_time
        self._limit = time_limit
        self._lock = threading.Lock()
        self._running: set[_Worker] = set()
        self._idle: list[_Worker] = []
        self._stopped = False
        weakref.finalize(self, _end_all, self._idle)

    def run(
        self,
        target: Target,
        role: Role,
        backend: str,
        seeds: Sequence[Seed | None] = (None,),
        progress: Callable[[], object] = lambda: None,
    ) -> list[Run]:
        """Run a program on a backend once for each seed.

        Args:
            target: the program.
            role: what it is judged as.
            backend: what to run it on.
            seeds: the schedules.
            progress: called after each run.
        """
        runs: list[Run] = []
        with tempfile.TemporaryDirectory(prefix=JOBS) as folder:
            job = Job(
                target,
                role,
                backend,
                self._args,
                tuple(seeds),
                self.real_time,
                self._limit,
                Path(folder),
                self._stdin,
                self._until,
            )
            step = len(seeds) if hasattr(os, "fork") else 1
            for first in range(0, len(seeds), step):
                part = replace(job, seeds=job.seeds[first : first + step])
                self._work(part, progress)
                runs += [self._result(part, index) for index in range(len(part.seeds))]
        return runs

    def stop(self) -> None:
        """End every process that runs, at once; new ones are not started."""
        with self._lock:
            self._stopped = True
            for worker in self._running:
                worker.kill()

    def _work(self, job: Job, progress: Callable[[], object]) -> None:
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            worker = self._idle.pop() if self._idle else _Worker()
            self._running.add(worker)
        reusable = False
        try:
            done = worker.do(job, self._limit + _GRACE, progress)
            runs = [self._result(job, index) for index in range(len(job.seeds))]
            reusable = done and hasattr(os, "fork") and all(map(_left_nobody, runs))
        finally:
            with self._lock:
                self._running.discard(worker)
                reusable = reusable and not self._stopped
                if reusable:  # from here on another thread may have it
                    self._idle.append(worker)
            if not reusable:
                worker.end()

    def _result(self, job: Job, index: int) -> Run:
        run = Run(job.backend, job.seeds[index])
        if job.result(index).exists():
            found = pickle.loads(job.result(index).read_bytes())
            if isinstance(found, Failure):
                return replace(run, failure=found)
            return replace(run, trace=found)
        words: tuple[str, ...] = ()
        if job.output(index).exists():
            words = tuple(job.output(index).read_text("utf-8", "replace").splitlines())
        for place, line in enumerate(words):
            if line.startswith(TIMEOUT) and line.endswith("!"):
                told = [one for one in words[:place] if one.startswith((WAITING, SEEN))]
                stacks = [one for one in words[place + 1 :] if not one.startswith(DIED)]
                where = (*told, *_places(_without_watchdog(stacks)))
                message = f"hangs: ended after {self._limit:g} s of real time"
                return replace(run, failure=Failure("hang", message, where))
        how = DIED.strip()
        if words and words[-1].startswith(DIED):
            how = words[-1]
        message = f"the process {how}, before the program did"
        return replace(run, failure=Failure("crash", message, _places(words[:-1])))


def _without_watchdog(stacks: Sequence[str]) -> Sequence[str]:
    """Return the stacks without that of the thread that wrote them down, which comes first."""
    for place, line in enumerate(stacks):
        if line.startswith("Thread "):
            return stacks[place:]
    return stacks


def _places(words: Sequence[str]) -> tuple[str, ...]:
    """Return last words, with each stack cut off where the program's own part ends."""
    kept: list[str] = []
    frames = 0  # how many frames of this stack are kept; -1: the rest of it is machinery
    for word in words:
        if not word.startswith("  File "):
            frames = 0
            if word.strip() and not word.startswith("Extension modules:"):
                kept.append(word)
        elif _is_machinery(word) and frames:
            frames = -1
        elif frames >= 0:
            frames += 1
            kept.append(word)
    return tuple(kept[:_LAST_WORDS])


def _is_machinery(frame: str) -> bool:
    return str(Path(__file__).parents[1]) in frame or '"<frozen' in frame


class _Worker:
    """A process that does jobs, one after the other."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "portable.equivalence.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # Sets of strings have the same order each time.
            env={"PYTHONHASHSEED": "0"} | dict(os.environ),
            start_new_session=True,  # to be ended with all that it started
        )

    def do(self, job: Job, patience: float, progress: Callable[[], object]) -> bool:
        """Do a job; return whether the worker can do another one.

        Args:
            job: what to do.
            patience: real seconds without a word after which it is ended.
            progress: called after each run.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(pickle.dumps(job))
            self._process.stdin.flush()
        except BrokenPipeError:
            return False  # it died; there will be no results
        for _ in job.seeds:
            watchdog = threading.Timer(patience, self.kill)
            watchdog.daemon = True
            watchdog.start()
            try:
                if not self._process.stdout.readline():
                    return False
            finally:
                watchdog.cancel()
            progress()
        return True

    def kill(self) -> None:
        """End it at once, with all that it started."""
        try:
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:  # pragma: no cover - Windows
                self._process.kill()
        except (ProcessLookupError, PermissionError):
            pass  # it has ended

    def end(self) -> None:
        """End it, and leave nothing of it behind."""
        self.kill()
        self._process.wait()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()


def _end_all(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().end()


def _left_nobody(run: Run) -> bool:
    """Say whether a run has certainly left no process behind in its worker's session."""
    return run.trace is not None and not any(
        one.startswith(CHILDREN) for one in run.trace.unseen
    )
