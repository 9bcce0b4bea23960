"""Runs that have a fork of the process each."""

import asyncio
import os
import signal
import sys
import threading
from pathlib import Path

import anyio
import pytest

from portable.equivalence import Program, Trace, assert_equivalent, check
from portable.equivalence.forked import can_fork, forked
from portable.equivalence.recording import record
from portable.equivalence.run import Failure

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")
needs_forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")

COUNT = 0


async def counting() -> None:
    global COUNT
    COUNT += 1
    await asyncio.sleep(1)
    print("run", COUNT)


async def counting_too() -> None:
    global COUNT
    COUNT += 1
    await anyio.sleep(1)
    print("run", COUNT)


@pytest.mark.slow
@needs_forks
def test_each_run_finds_the_state_as_it_was() -> None:
    """What one run leaves in a module no other run finds, and nor does the test."""
    assert_equivalent(counting, counting_too, schedules=2)
    assert COUNT == 0


@needs_forks
def test_a_spare_thread_of_trios_is_no_obstacle() -> None:
    """trio keeps a thread for ten seconds after a call in it; runs have forks all the same."""
    trio = pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")
    begun, over = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        over.wait()

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, work)
            while not begun.is_set():
                await trio.sleep(0)
            try:
                assert not can_fork()
            finally:
                over.set()

    trio.run(main)
    assert can_fork()


@pytest.mark.slow
def test_in_this_process_what_is_left_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `fork=False` a run finds what others left, and the report shows it."""
    monkeypatch.setitem(globals(), "COUNT", 0)
    with pytest.raises(AssertionError, match="run 2"):
        assert_equivalent(counting, counting_too, backends=["asyncio"], fork=False)
    assert COUNT > 0


def test_a_fork_beside_threads_is_refused() -> None:
    """Beside another thread there is no fork; asked for, the error says so."""
    go = threading.Event()
    thread = threading.Thread(target=go.wait)
    thread.start()
    try:
        with pytest.raises(ValueError, match="other threads"):
            assert_equivalent(silent, silent, backends=["asyncio"], fork=True)
    finally:
        go.set()
        thread.join()


async def silent() -> None:
    print("there")


@needs_forks
def test_a_process_that_ends_is_told() -> None:
    """A run that ends its process is a crash, with the exit code."""

    async def leaves() -> None:
        os._exit(3)

    with pytest.raises(AssertionError, match="ended with exit code 3"):
        assert_equivalent(silent, leaves, backends=["asyncio"], fork=True)


@needs_forks
def test_a_signal_is_told() -> None:
    """A process that was killed is told with the signal's name."""

    def killed() -> Trace:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    found = forked(killed)
    assert isinstance(found, Failure)
    assert "SIGKILL" in found.message


async def quarrelling() -> None:
    first = []

    async def one() -> None:
        first.append("one")

    async def other() -> None:
        if not first:
            os.kill(os.getpid(), signal.SIGKILL)

    async with anyio.create_task_group() as group:
        group.start_soon(one)
        group.start_soon(other)
    print("there")


@needs_forks
def test_a_port_that_dies_under_schedules() -> None:
    """A port that only some orders kill has failed there, and nothing is left to shrink."""
    report = check(
        Program("silent", silent, "asyncio"),
        Program("quarrelling", quarrelling),
        backends=["asyncio"],
        seeds=range(8),
        fork=True,
    )
    assert report.row("port", "asyncio").equivalent
    [explored] = report.explored
    assert 0 < len(explored.failing) < 8
    assert {one.run.failure.kind for one in explored.failing if one.run.failure} == {"crash"}
    assert explored.shrunk is None
    assert not report.equivalent


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells who waits")
def test_ctrl_c_ends_the_fork() -> None:
    """Ctrl-C in this process ends the run, too, and comes out."""
    parent = Path(f"/proc/{os.getpid()}/stat")
    reading, writing = os.pipe()

    def interrupt() -> Trace:
        os.write(writing, str(os.getpid()).encode())
        while parent.read_text().rpartition(")")[2].split()[0] != "S":
            os.sched_yield()  # until it waits for this
        os.kill(os.getppid(), signal.SIGINT)
        while True:
            signal.pause()

    with pytest.raises(KeyboardInterrupt):
        forked(interrupt)
    os.close(writing)
    with open(reading, "rb") as pipe:
        fork = int(pipe.read())
    with pytest.raises(ChildProcessError):
        os.waitpid(fork, os.WNOHANG)


@needs_forks
def test_a_fork_that_fails_leaves_no_descriptor_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system refuses a fork, its error comes out and the pipe is closed."""

    def refuse() -> int:
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    before = set(os.listdir("/dev/fd"))
    with pytest.raises(BlockingIOError, match="no more processes"):
        forked(lambda: pytest.fail("nothing runs"))
    assert set(os.listdir("/dev/fd")) <= before


@needs_forks
def test_an_error_that_cannot_be_passed_on_is_told() -> None:
    """An error of a class that only the run knows comes out as words."""

    class LocalError(Exception):
        pass

    def refuse() -> Trace:
        raise LocalError("nothing there")

    with pytest.raises(RuntimeError, match="LocalError: nothing there"):
        forked(refuse)


@needs_forks
def test_an_error_passes_through() -> None:
    """What the recording raises comes out here."""

    def refuse() -> Trace:
        raise LookupError("nothing there")

    with pytest.raises(LookupError, match="nothing there"):
        forked(refuse)


@needs_forks
def test_a_fork_of_the_programs_own_says_nothing() -> None:
    """A child that a program forks does not speak for it."""

    async def forks() -> None:
        child = os.fork()
        if not child:
            raise SystemExit(1)
        print("parent of", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))

    found = forked(lambda: record(Program("forks", forks, "asyncio")))
    assert isinstance(found, Trace)
    assert found.lines("stdout") == ["parent of 1"]
