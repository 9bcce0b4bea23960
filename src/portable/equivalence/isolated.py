"""Runs in processes of their own, from the side of whoever asked for them.

`Isolated` starts a worker for a program on a backend, waits for its runs one by one, and makes
something of every end: a trace, or a `Failure` that says whether the program could not be
loaded, hung or crashed. Whatever happens, no process is left behind.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .target import Role, Target
from .trace import Trace
from .worker import DIED, Failure, Job

# Real seconds beside the limit of a run: for the interpreter to start, and to load packages.
_GRACE = 30.0
_LAST_WORDS = 25


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program, and what it came to.

    Attributes:
        backend: what it ran on.
        seed: the schedule; `None`: the backend's own order.
        trace: what was recorded; `None` if it failed.
        failure: why there is no trace.
    """

    backend: str
    seed: int | None
    trace: Trace | None = None
    failure: Failure | None = None


class Isolated:
    """Runs programs in processes of their own.

    Args:
        args: the programs' arguments.
        real_time: whether time is real.
        time_limit: real seconds for each run.
    """

    def __init__(
        self, *, args: Sequence[str] = (), real_time: bool = False, time_limit: float = 10.0
    ) -> None:
        self._args = tuple(args)
        self.real_time = real_time
        self._limit = time_limit
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def run(
        self,
        target: Target,
        role: Role,
        backend: str,
        seeds: Sequence[int | None] = (None,),
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
        with tempfile.TemporaryDirectory(prefix="portable-") as folder:
            job = Job(
                target,
                role,
                backend,
                self._args,
                tuple(seeds),
                self.real_time,
                self._limit,
                Path(folder),
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
            for process in self._running:
                _kill(process)

    def _work(self, job: Job, progress: Callable[[], object]) -> None:
        with self._lock:
            if self._stopped:
                raise KeyboardInterrupt
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "portable.equivalence.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                # Sets of strings have the same order each time.
                env={"PYTHONHASHSEED": "0"} | dict(os.environ),
                start_new_session=True,  # to be ended with all that it started
            )
            self._running.add(process)
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            watchdog = self._watch(process)
            try:
                process.stdin.write(pickle.dumps(job))
                process.stdin.close()
            except BrokenPipeError:
                pass  # it died; there will be no results
            while process.stdout.readline():
                watchdog.cancel()
                progress()
                watchdog = self._watch(process)
            watchdog.cancel()
        finally:
            _kill(process)
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
            with self._lock:
                self._running.discard(process)

    def _watch(self, process: subprocess.Popen[bytes]) -> threading.Timer:
        watchdog = threading.Timer(self._limit + _GRACE, _kill, (process,))
        watchdog.daemon = True
        watchdog.start()
        return watchdog

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
            if line.startswith("Timeout (") and line.endswith("!"):
                where = _places(words[place + 1 : -1])
                message = f"hangs: ended after {self._limit:g} s of real time"
                return replace(run, failure=Failure("hang", message, where))
        how = DIED.strip()
        if words and words[-1].startswith(DIED):
            how = words[-1]
        message = f"the process {how}, before the program did"
        return replace(run, failure=Failure("crash", message, _places(words[:-1])))


def _places(words: Sequence[str]) -> tuple[str, ...]:
    """Return last words with the stacks in them cut off where the program's own part ends."""
    kept: list[str] = []
    frames = 0  # of the stack at hand, that are kept; -1: the rest of it is machinery
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


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass  # it has ended
