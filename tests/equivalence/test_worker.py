"""The process that runs programs: what it leaves behind, and that it ends."""

import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from portable.equivalence import Trace
from portable.equivalence.isolated import Isolated
from portable.equivalence.run import Run
from portable.equivalence.target import Target
from portable.equivalence.worker import Failure, Job

pytestmark = pytest.mark.slow


@pytest.fixture
def work(write: Callable[..., str], tmp_path: Path) -> Callable[..., list[Job]]:
    """Has a worker do a job for each text, in two runs, and ends its input."""

    def work(*texts: str, role: str = "port") -> list[Job]:
        jobs = []
        for number, text in enumerate(texts):
            folder = tmp_path / f"results{number}"
            folder.mkdir()
            target = Target.find(write(text, f"p{number}/program.py"))
            jobs.append(Job(target, role, "asyncio", (), (None, 1), False, 10.0, folder))  # type: ignore[arg-type]
        done = subprocess.run(
            [sys.executable, "-P", "-m", "portable.equivalence.worker"],
            input=b"".join(map(pickle.dumps, jobs)),
            capture_output=True,
            timeout=60,
            check=True,
        )
        assert done.stdout == b"0\n1\n" * len(jobs)
        return jobs

    return work


def results(job: Job) -> list[Trace | Failure]:
    return [pickle.loads(job.result(index).read_bytes()) for index in range(2)]


PROGRAM = """
import asyncio

async def main():
    await asyncio.sleep(1)
    print({words!r})
"""


def test_a_worker_ends_with_its_input(work: Callable[..., list[Job]]) -> None:
    """A worker whose comparison is gone does what it was given, and ends by itself."""
    for job, words in zip(
        work(PROGRAM.format(words="a"), PROGRAM.format(words="b")), "ab", strict=True
    ):
        for trace in results(job):
            assert isinstance(trace, Trace)
            assert trace.lines("stdout") == [words]
            assert trace.duration == 1.0


DEATHS = {
    "os.kill(os.getpid(), signal.SIGKILL)": "ended by SIGKILL",
    "ctypes.CDLL(None)._exit(3)": "ended with exit code 3 (os._exit)",
}


@pytest.mark.skipif(sys.platform == "win32", reason="it has no such signals")
def test_how_a_run_died_is_its_last_line(work: Callable[..., list[Job]]) -> None:
    """A run that dies leaves no result, and how it did; the worker goes on to the next."""
    head = "import ctypes, os, signal\nasync def main(): print(1)\n"
    *died, last = work(*(head + how for how in DEATHS), PROGRAM.format(words="alive"))
    for job, words in zip(died, DEATHS.values(), strict=True):
        for index in range(2):
            assert not job.result(index).exists()
            assert job.output(index).read_text().splitlines()[-1] == words
    for trace in results(last):
        assert isinstance(trace, Trace)


def test_what_cannot_be_loaded_says_why(work: Callable[..., list[Job]]) -> None:
    """A program that cannot be loaded leaves that as its result, with where it failed."""
    (job,) = work("import no_such_thing\n")
    for failure in results(job):
        assert isinstance(failure, Failure)
        assert failure.kind == "unloadable"
        assert "no_such_thing" in failure.message
        assert any("program.py" in line for line in failure.details)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="without forks no worker runs twice")
def test_a_worker_that_another_thread_takes_runs_on(
    write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that gives a worker back does not end it if another takes it at once."""
    target = Target.find(write("import asyncio\nasyncio.run(asyncio.sleep(1))\n"))
    other_runs: list[Run] = []
    other_has_one = threading.Event()

    def run_beside() -> None:
        other_runs.extend(isolated.run(target, "original", "asyncio"))

    other = threading.Thread(target=run_beside)

    class Lock:
        """Lets the other thread take a worker as soon as the main thread gives one back."""

        def __init__(self) -> None:
            self._lock, self._uses = new_lock(), 0

        def __enter__(self) -> None:
            self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()
            if threading.current_thread() is other:
                other_has_one.set()
                return
            self._uses += 1
            if self._uses == 2:
                other.start()
                other_has_one.wait()

    new_lock = threading.Lock
    with monkeypatch.context() as patched:
        patched.setattr(threading, "Lock", Lock)
        isolated = Isolated()
    [run] = isolated.run(target, "original", "asyncio")
    other.join()
    assert [one.failure for one in (run, *other_runs)] == [None, None]
