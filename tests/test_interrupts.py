"""Ctrl-C: the main task is cancelled, everything cleans up, `run()` raises KeyboardInterrupt.

The signal is a real one. Most of these send it from within, when everything waits; the slow
ones start a process and send it from outside.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import textwrap
import threading
from contextlib import suppress
from functools import partial

import anyio
import anyio.to_thread
import pytest

import portable
from portable import Supervisor, amap, amap_unordered, race

LONG = 10**6


def interrupt():
    signal.raise_signal(signal.SIGINT)


class Jobs:
    """What the helpers run; each job counts when it begins and when it has cleaned up."""

    def __init__(self):
        self.begun = self.cleaned = 0

    async def job(self, _=None):
        self.begun += 1
        try:
            await asyncio.sleep(LONG)
        finally:
            await asyncio.sleep(1)
            self.cleaned += 1


async def awaiting(job):
    await job()


async def a_task(job):
    await asyncio.create_task(job())


async def in_supervisor(job):
    async with Supervisor() as tasks:
        tasks.create_task(job())


async def in_group(job):
    async with asyncio.TaskGroup() as group:
        group.create_task(job())


async def in_timeout(job):
    async with asyncio.timeout(2 * LONG):
        await job()


async def in_wait_for(job):
    await asyncio.wait_for(job(), 2 * LONG)


async def in_gather(job):
    await asyncio.gather(job(), job(), return_exceptions=True)


async def in_race(job):
    await race(job(), job())


async def in_amap(job):
    await amap(job, range(4), limit=2)


async def in_amap_unordered(job):
    async for _ in amap_unordered(job, range(4), limit=2):
        pass


async def in_anyios_scope(job):
    with anyio.CancelScope():
        await job()


async def waiting_in_anyio(job):
    task = asyncio.create_task(job())
    try:
        await anyio.sleep(LONG)
    finally:
        task.cancel()
        await asyncio.wait([task])


WAYS = [
    awaiting,
    a_task,
    in_supervisor,
    in_group,
    in_timeout,
    in_wait_for,
    in_gather,
    in_race,
    in_amap,
    in_amap_unordered,
    in_anyios_scope,
    waiting_in_anyio,
]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_ctrl_c_while_a_helper_waits(run, way):
    """It comes out as KeyboardInterrupt, after the clean-up of all jobs."""
    jobs = Jobs()

    async def main():
        asyncio.get_running_loop().call_later(1, interrupt)
        await way(jobs.job)

    with pytest.raises(KeyboardInterrupt):
        run(main)
    assert jobs.begun == jobs.cleaned > 0


def test_ctrl_c_while_an_anyio_group_waits(run):
    """A child that cleans up under a shield of AnyIO's is waited for."""
    seen = []

    async def child():
        try:
            await anyio.sleep(LONG)
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)
            seen.append(portable.current_time())

    async def main():
        asyncio.get_running_loop().call_later(1, interrupt)
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    with pytest.raises(KeyboardInterrupt):
        run(main)
    assert seen == [2]


def test_ctrl_c_in_a_main_that_swallows_it(backend):
    """A main task that swallows its cancellation ends as it likes, as with asyncio.run()."""

    async def main():
        asyncio.get_running_loop().call_later(0.01, interrupt)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            return "swallowed"

    assert portable.run(main, backend=backend) == asyncio.run(main()) == "swallowed"


def test_ctrl_c_in_a_main_that_waits_no_more(backend):
    """A main task that ends before its next wait is cancelled at its end, as in asyncio."""

    async def main():
        interrupt()
        return "unheard"

    with pytest.raises(KeyboardInterrupt):
        portable.run(main, backend=backend)


def test_the_second_ctrl_c_does_not_wait(backend):
    """While the main task cleans up a second one raises KeyboardInterrupt there and then."""
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(0.01, interrupt)
        try:
            await asyncio.sleep(30)
        finally:
            loop.call_later(0.01, interrupt)
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                seen.append("cancelled")

    with pytest.raises(KeyboardInterrupt):
        portable.run(main, backend=backend)
    assert seen == ["cancelled"]


def test_ctrl_c_in_a_task_that_computes(backend):
    """The first one waits until the main task waits; it interrupts nothing in its midst."""
    seen = []

    async def job():
        interrupt()
        seen.append("went on")
        await asyncio.sleep(0.01)
        seen.append("and on")

    async def main():
        task = asyncio.create_task(job())
        try:
            await asyncio.sleep(30)
        finally:
            await task

    with pytest.raises(KeyboardInterrupt):
        portable.run(main, backend=backend)
    assert seen == ["went on", "and on"]


@pytest.mark.parametrize("where", ["main", "callback", "plain"])
def test_a_handler_of_ones_own_is_left_alone(backend, where):
    """Whoever handles SIGINT keeps it, during the run and after it."""
    got = []

    async def child():
        interrupt()

    async def main():
        if where == "main":
            interrupt()
        elif where == "callback":
            asyncio.get_running_loop().call_soon(interrupt)
        else:
            async with anyio.create_task_group() as group:
                group.start_soon(child)
        await asyncio.sleep(0.01)
        return "went on"

    before = signal.signal(signal.SIGINT, lambda *_: got.append("mine"))
    try:
        assert portable.run(main, backend=backend) == "went on"
        interrupt()
    finally:
        signal.signal(signal.SIGINT, before)
    assert got == ["mine", "mine"]


def test_the_handler_is_put_back(backend):
    """After a run, however it ended, Python's own handler has SIGINT again."""

    async def main():
        assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        raise LookupError

    with pytest.raises(LookupError):
        portable.run(main, backend=backend)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_that_the_program_has_set_stays(backend):
    """A handler that was set while the program ran is not taken away after it."""

    def ours(*_):
        pass

    async def main():
        signal.signal(signal.SIGINT, ours)

    try:
        portable.run(main, backend=backend)
        assert signal.getsignal(signal.SIGINT) is ours
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def test_a_run_in_a_thread_leaves_signals_alone(backend):
    """Only the main thread may handle signals; a run in another one does without."""
    results = []

    async def main():
        return signal.getsignal(signal.SIGINT)

    thread = threading.Thread(
        target=lambda: results.append(portable.run(main, backend=backend))
    )
    thread.start()
    thread.join()
    assert results == [signal.default_int_handler]


async def spin():
    while True:
        await asyncio.sleep(0)


async def refuse():
    while True:
        with suppress(asyncio.CancelledError):
            await anyio.sleep(LONG)


@pytest.mark.parametrize(
    "clean_up",
    [partial(asyncio.sleep, LONG), partial(anyio.sleep, LONG), spin, refuse],
    ids=["asyncio", "anyio", "spins", "refuses"],
)
def test_ctrl_c_while_the_run_ends(backend, clean_up):
    """What still cleans up is left: the run ends, and the thread is free for another one."""

    async def left():
        try:
            await asyncio.sleep(LONG)
        finally:
            # Soon, when everything waits; at any other time it does the same.
            threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
            await clean_up()

    async def main():
        loops.append(asyncio.get_running_loop())
        asyncio.create_task(left())
        await asyncio.sleep(0)

    loops = []
    with pytest.raises(KeyboardInterrupt):
        portable.run(main, backend=backend)
    gc.collect()
    assert loops[0].is_closed()
    assert portable.run(asyncio.sleep, 0, "free", backend=backend) == "free"


def test_what_ctrl_c_has_cancelled_is_the_context(backend):
    """The traceback of KeyboardInterrupt shows where the main task was, as asyncio's does."""

    async def main():
        asyncio.get_running_loop().call_later(0.01, interrupt)
        await asyncio.sleep(30)

    with pytest.raises(KeyboardInterrupt) as caught:
        portable.run(main, backend=backend)
    assert isinstance(caught.value.__context__, asyncio.CancelledError)


def test_ctrl_c_under_asyncios_runner():
    """On the loop of `trio_loop()` asyncio's own runner handles it, and can go on after it."""
    pytest.importorskip("trio")
    seen = []

    async def main():
        asyncio.get_running_loop().call_later(0.01, interrupt)
        try:
            await anyio.sleep(30)
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned up")

    with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        with pytest.raises(KeyboardInterrupt):
            runner.run(main())
        assert runner.run(asyncio.sleep(0, "goes on")) == "goes on"
    assert seen == ["cleaned up"]


def test_ctrl_c_while_a_thread_is_waited_for(backend):
    """It wakes a run in which nothing else goes on."""
    go_on = threading.Event()

    def send():
        os.kill(os.getpid(), signal.SIGINT)
        go_on.wait()

    async def main():
        try:
            await asyncio.to_thread(send)
        finally:
            go_on.set()

    with pytest.raises(KeyboardInterrupt):
        portable.run(main, backend=backend)


class Process(subprocess.Popen):
    """A program in a Python of its own, which prints when it is ready."""

    def __init__(self, text):
        super().__init__(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(text)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.stdout.readline() == "ready\n"

    def interrupt(self, times=1):
        """Send SIGINT; return what the process then printed, and what it wrote of errors."""
        for _ in range(times):
            self.send_signal(signal.SIGINT)
        out, err = self.communicate(timeout=20)
        assert self.returncode == -signal.SIGINT
        assert err.rstrip().endswith("KeyboardInterrupt")
        assert "Internal" not in err
        assert "unhandled" not in err
        return out


@pytest.mark.slow
@pytest.mark.parametrize("wait", ["asyncio.sleep(30)", "anyio.sleep(30)", "task"])
def test_ctrl_c_from_outside(backend, wait):
    """A process that is interrupted cleans up and ends as Python's processes do."""
    with Process(
        f"""
        import asyncio, anyio, portable

        async def job():
            try:
                await anyio.sleep(30)
            finally:
                await asyncio.sleep(0)
                print("job cleaned up", flush=True)

        async def main():
            task = asyncio.create_task(job())
            await asyncio.sleep(0)
            print("ready", flush=True)
            try:
                await {wait}
            except asyncio.CancelledError:
                print("cancelled", flush=True)
                raise

        portable.run(main, backend={backend!r})
        """
    ) as process:
        assert sorted(process.interrupt().splitlines()) == ["cancelled", "job cleaned up"]


@pytest.mark.slow
def test_two_interrupts_in_a_busy_process(backend):
    """Signals that come while tasks are busy end the process all the same."""
    with Process(
        f"""
        import asyncio, portable

        async def spin():
            while True:
                await asyncio.sleep(0)

        async def main():
            print("ready", flush=True)
            await asyncio.gather(*(spin() for _ in range(10)))

        portable.run(main, backend={backend!r})
        """
    ) as process:
        process.interrupt(times=2)
