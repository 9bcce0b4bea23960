"""The clocks that count seconds, and `time.sleep()`, under virtual time."""

import asyncio
import select
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from time import perf_counter, sleep
from types import ModuleType

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import portable
from portable.clock import VirtualClock

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

CLOCKS = ("monotonic", "perf_counter", "process_time", "thread_time")


def test_every_clock_moves_with_the_time(run):
    """The clocks tell what the loop's does, in seconds and in nanoseconds."""

    async def main():
        await asyncio.sleep(2.5)
        assert {getattr(time, name)() for name in CLOCKS} == {2.5}
        assert {getattr(time, f"{name}_ns")() for name in CLOCKS} == {2_500_000_000}
        return asyncio.get_running_loop().time()

    assert run(main) == 2.5
    assert time.monotonic() != 2.5


def test_the_time_in_words_moves_too(run):
    """`ctime()` and `asctime()` tell the virtual time; a time they are given is that one."""

    async def main():
        await asyncio.sleep(3661)
        assert time.ctime() == time.ctime(None) == time.asctime() == time.ctime(time.time())
        assert time.ctime() == time.asctime(time.localtime()) != time.ctime(0)
        with pytest.raises(TypeError):
            time.asctime(None)
        return time.ctime(), time.ctime(0)

    real = time.ctime
    said, of_epoch = run(main)
    assert said.split()[3:] == datetime(2000, 1, 1, 1, 1, 1).strftime("%H:%M:%S %Y").split()
    assert of_epoch == time.ctime(0)
    assert time.ctime is real
    assert time.ctime().split()[4] != "2000"


@pytest.mark.skipif(not hasattr(time, "clock_gettime"), reason="this system has none")
def test_a_clock_by_its_number_moves_too(run):
    """`clock_gettime()` tells of each clock what its own function does."""

    async def main():
        await asyncio.sleep(2.5)
        for number in (time.CLOCK_MONOTONIC, time.CLOCK_PROCESS_CPUTIME_ID):
            assert time.clock_gettime(number) == 2.5
            assert time.clock_gettime_ns(number) == 2_500_000_000
        with pytest.raises(OSError):
            time.clock_gettime(-999)
        return time.clock_gettime(time.CLOCK_REALTIME) == time.time()

    assert run(main)


def test_a_clock_that_a_thread_is_given_moves_too(run):
    """A pool that calls the clock itself is told what the program is told."""

    async def main():
        await asyncio.sleep(2.5)
        return await asyncio.to_thread(time.monotonic)

    assert run(main) == 2.5


def test_a_clock_imported_by_name_moves_too(run):
    """A module that imported a clock before the run is given the virtual one meanwhile."""

    async def main():
        before = perf_counter()
        await asyncio.sleep(3600)
        return perf_counter() - before

    real = perf_counter
    assert run(main) == 3600.0
    assert perf_counter is real


@pytest.mark.parametrize("how", ["is given one", "takes the place of another"])
def test_a_module_that_holds_a_clock_later(monkeypatch, how):
    """A module that comes to a clock between two runs, or a new one, is seen in the second."""

    def new(**names):
        module = ModuleType("came_later")
        vars(module).update(names, __file__="came_later.py")
        return module

    real = time.sleep
    module = new(other=None)
    monkeypatch.setitem(sys.modules, "came_later", module)
    with VirtualClock():
        assert module.other is None
    if how == "is given one":
        module.nap = real
    else:
        module = new(nap=real)
        monkeypatch.setitem(sys.modules, "came_later", module)
    for _ in range(2):
        with VirtualClock() as clock:
            module.nap(2)
            assert clock.now() == 2.0
        assert module.nap is real


def test_a_loop_that_waits_for_a_clock_ends(run):
    """`while monotonic() < end: await sleep(.1)` takes as many turns as in reality."""

    async def main():
        turns = 0
        end = time.monotonic() + 1
        while time.monotonic() < end:
            await asyncio.sleep(0.25)
            turns += 1
        return turns

    assert run(main) == 4


def test_a_busy_loop_ends(run):
    """A program that reads a clock over and over sees the time go on."""

    async def main():
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            pass
        return round(time.monotonic(), 2)

    assert run(main) == 0.5


def test_sleep_blocks_the_loop(run):
    """`time.sleep()` in a task moves the time at once, and other tasks are late."""
    seen = []

    async def other():
        await asyncio.sleep(1)
        seen.append(time.monotonic())

    async def main():
        task = asyncio.create_task(other())
        await asyncio.sleep(0)
        sleep(3)
        await task

    run(main)
    assert seen == [3.0]


def test_sleep_beside_a_run_moves_it(run):
    """Between two runs, and in the thread that holds the clock, it moves the time as well."""
    with VirtualClock() as clock:
        time.sleep(2)
        assert clock.now() == 2.0
        assert time.perf_counter() == 2.0


@pytest.mark.parametrize("how", ["to_thread", "executor", "anyio", "thread"])
def test_sleep_in_a_thread_takes_virtual_time(run, how):
    """A thread's sleep is a timer among others: the tasks beside it come in their order."""
    seen = []

    def block(seconds):
        time.sleep(seconds)
        seen.append((time.monotonic(), "thread"))

    def in_thread():
        if how == "to_thread":
            return asyncio.to_thread(block, 2)
        if how == "executor":
            return asyncio.get_running_loop().run_in_executor(None, block, 2)
        if how == "anyio":
            return anyio.to_thread.run_sync(block, 2)
        threading.Thread(target=block, args=(2,)).start()
        return asyncio.sleep(2.5)

    async def ticking():
        for _ in range(3):
            await asyncio.sleep(0.9)
            seen.append((round(time.monotonic(), 3), "task"))

    async def main():
        await asyncio.gather(in_thread(), ticking())

    run(main)
    assert seen == [(0.9, "task"), (1.8, "task"), (2.0, "thread"), (2.7, "task")]


def test_threads_that_sleep_at_once(run):
    """More sleeps than a pool has threads take their turns; the others overlap."""

    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(2) as pool:
            jobs = [loop.run_in_executor(pool, time.sleep, 1) for _ in range(4)]
            await asyncio.gather(*jobs)
        return time.monotonic()

    assert run(main) == 2.0


def test_a_thread_that_sleeps_past_the_end(run):
    """A thread that still sleeps when the run is over goes on sleeping, in real time."""
    done = threading.Event()

    def sleeper():
        time.sleep(0.05)
        done.set()

    async def main():
        threading.Thread(target=sleeper).start()
        await asyncio.sleep(0)

    run(main)
    assert done.wait(30)


def test_bad_lengths_are_refused_as_ever(run):
    """What `time.sleep()` refuses it refuses in virtual time, too."""

    async def main():
        with pytest.raises(ValueError, match="non-negative"):
            time.sleep(-1)
        with pytest.raises(TypeError):
            time.sleep("1")

    run(main)


def test_the_standard_library_keeps_real_time(run):
    """What waits for processes and other threads does so in real time."""

    def wait():
        subprocess.run([sys.executable, "-c", "pass"], timeout=60, check=True)
        assert not threading.Event().wait(0.001)

    async def main():
        before = time.monotonic()
        wait()
        return time.monotonic() - before

    assert run(main) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("how", ["thread", "executor", "portal"])
def test_a_sleep_for_a_thread_at_work(run, how):
    """Who sleeps while another thread is at work gives it that time in reality."""
    done = threading.Event()

    def work():
        select.select([], [], [], 0.1)  # in reality
        done.set()

    async def main():
        with ExitStack() as stack:
            if how == "thread":
                threading.Thread(target=work).start()
            elif how == "executor":
                stack.enter_context(ThreadPoolExecutor(1)).submit(work)
            else:
                portal = stack.enter_context(anyio.from_thread.start_blocking_portal())
                portal.start_task_soon(anyio.to_thread.run_sync, work)
            time.sleep(1)
            return done.is_set(), time.monotonic()

    assert run(main) == (True, 1.0)


@pytest.mark.parametrize("how", ["event", "sleep", "idle"])
def test_a_sleep_beside_a_thread_that_waits(run, monkeypatch, how):
    """A thread that waits for another one, for the time or for work needs no real time."""
    slept, event, never = [], threading.Event(), threading.Event()

    def sleep_shortly(seconds):
        slept.append(seconds)
        never.wait(0.001)  # the other thread goes on

    monkeypatch.setattr("portable.clock._timeline._real_sleep", sleep_shortly)

    def work():
        if how == "sleep":
            time.sleep(60)
        else:
            event.wait()

    async def main():
        if how == "idle":
            await anyio.to_thread.run_sync(int)
        else:
            thread = threading.Thread(target=work)
            thread.start()
            await asyncio.sleep(1)  # now it waits
        before = time.monotonic()
        time.sleep(3600)
        event.set()
        return time.monotonic() - before

    assert run(main) == 3600.0
    assert sum(slept) < 1  # one may have been about to wait


def test_a_clock_that_a_test_has_patched_stays(run, monkeypatch):
    """What the test says that `time.time()` tells, it tells, during the run and after it."""
    monkeypatch.setattr(time, "time", lambda: 5.0)

    async def main():
        await asyncio.sleep(1)
        return time.time(), time.monotonic()

    assert run(main) == (5.0, 1.0)
    assert time.time() == 5.0


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0.2, 60.0])
def test_a_sleep_for_a_thread_has_a_limit(backend, limit):
    """The thread gets as long as I/O does, or the whole sleep if that is shorter."""
    done = threading.Event()

    def work():
        select.select([], [], [], 1)
        done.set()

    async def main():
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep(3 if limit > 1 else 3600)
        try:
            return done.is_set(), time.monotonic()
        finally:
            thread.join()

    clock = VirtualClock(io_limit=limit)
    slept = 3.0 if limit > 1 else 3600.0
    assert portable.run(main, backend=backend, virtual_time=clock) == (limit > 1, slept)
