"""Threads under virtual time: waited for in real time, unless they wait themselves."""

import asyncio
import os
import select
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import portable
from portable._backends import BACKENDS
from portable.clock import VirtualClock

from .racing import OTHER_FIRST, SECONDS, race

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("limiter", ["default", "own"])
def test_thread_is_not_jumped_over(steer, limiter):
    """A call in a thread ends before a sleep, at virtual time 0, however long it takes."""

    async def main():
        own = anyio.CapacityLimiter(1) if limiter == "own" else None
        return await race(lambda: anyio.to_thread.run_sync(time.sleep, SECONDS, limiter=own))

    assert steer(main) == OTHER_FIRST


def test_asyncio_threads_are_not_jumped_over(runner):
    """The same holds for asyncio's own threads, and executors of any kind."""

    async def main():
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1) as pool:
            calls = [
                lambda: asyncio.to_thread(time.sleep, SECONDS),
                lambda: loop.run_in_executor(None, time.sleep, SECONDS),
                lambda: loop.run_in_executor(pool, time.sleep, SECONDS),
            ]
            for call in calls:
                start = loop.time()
                sleeper = asyncio.create_task(asyncio.sleep(10))
                await call()
                assert loop.time() == start
                assert not sleeper.done()
                await sleeper
                assert loop.time() == start + 10

    runner.run(main())


@pytest.mark.parametrize("how", ["to_thread", "run_in_executor"])
def test_asyncio_threads_in_every_run(backend, how):
    """They are waited for in programs that `portable.run` starts, too, deadlock or not."""

    async def main():
        loop = asyncio.get_running_loop()
        call = (
            asyncio.to_thread(time.sleep, SECONDS)
            if how == "to_thread"
            else loop.run_in_executor(None, time.sleep, SECONDS)
        )
        await call  # no timer is set: this is no deadlock
        return await race(lambda: asyncio.to_thread(time.sleep, SECONDS))

    clock = VirtualClock(start=None)
    assert portable.run(main, backend=backend, virtual_time=clock) == OTHER_FIRST


def test_asyncio_threads_in_a_foreign_run_of_trios():
    """So they are where asyncio's loop comes up in a run of trio's that is under way."""
    trio = pytest.importorskip("trio", reason="pip install 'portable-tasks[trio]'")

    async def main():
        return await race(lambda: portable.to_thread(time.sleep, SECONDS))

    assert trio.run(main, **VirtualClock(start=None).backend_options("trio")) == OTHER_FIRST


@pytest.mark.parametrize("seed", [None, 0], ids=["usual", "scheduled"])
def test_calls_by_name(backend, seed):
    """An executor's function and a timer's callback may be given by their names."""

    async def main():
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        loop.call_later(delay=1, callback=called.set)
        number = await loop.run_in_executor(executor=None, func=lambda: 7)
        await called.wait()
        return number, loop.time()

    clock = VirtualClock(start=None, seed=seed)
    assert portable.run(main, backend=backend, virtual_time=clock) == (7, 1.0)


def test_call_soon_threadsafe(backend):
    """A thread of the program's own may call into the loop: no deadlock while it runs."""

    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        def in_thread():
            time.sleep(SECONDS)
            loop.call_soon_threadsafe(future.set_result, "called")

        thread = threading.Thread(target=in_thread)
        thread.start()
        try:
            return await future, loop.time()
        finally:
            thread.join()

    clock = VirtualClock(start=None)
    assert portable.run(main, backend=backend, virtual_time=clock) == ("called", 0.0)


def test_trio_threads_are_not_jumped_over():
    """The same holds for trio's own threads."""
    trio = pytest.importorskip("trio", reason="pip install 'portable-tasks[trio]'")

    async def main():
        return await race(lambda: trio.to_thread.run_sync(time.sleep, SECONDS))

    assert trio.run(main, **VirtualClock(start=None).backend_options("trio")) == OTHER_FIRST


def test_thread_that_waits_for_the_loop(steer):
    """A thread that waits for a task's sleep does not keep time from moving on."""

    async def main():
        def in_thread():
            anyio.from_thread.run(anyio.sleep, 5)
            return anyio.from_thread.run_sync(anyio.current_time)

        return await anyio.to_thread.run_sync(in_thread)

    assert steer(main) == 5.0


def test_thread_that_waits_for_an_event(steer):
    """Nor does one that waits for an event which a task is to set later."""

    async def main():
        event = threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, event.wait)
            await anyio.sleep(5)
            event.set()
        return anyio.current_time()

    assert steer(main) == 5.0


def held_by_a_thread(lock):
    """Have two threads sleep while they hold a lock, one after the other."""

    def hold():
        with lock:
            time.sleep(0.5)

    return [lambda: anyio.to_thread.run_sync(hold)] * 2, 1.0


def held_by_a_task(lock):
    """Have a task sleep while it holds a lock, and a thread that needs it."""

    async def hold():
        lock.acquire()
        await anyio.sleep(0.5)
        lock.release()

    return [hold, lambda: anyio.to_thread.run_sync(lock.acquire)], 0.5


@pytest.mark.parametrize("holder", [held_by_a_thread, held_by_a_task])
def test_thread_that_waits_for_a_lock(backend, holder):
    """A thread that stands still lets time pass, as in reality: a sleeper may have the lock."""
    calls, seconds = holder(threading.Lock())

    async def main():
        async with anyio.create_task_group() as tasks:
            for call in calls:
                tasks.start_soon(call)
        return anyio.current_time()

    assert portable.run(main, backend=backend, virtual_time=True) == seconds


def test_thread_that_stands_still_for_long(steer):
    """A time-out does not come before its time because a pool's thread stands still."""

    def read():
        select.select([], [], [], 1.5)

    async def main():
        with anyio.move_on_after(3) as scope:
            await anyio.to_thread.run_sync(read)
        return scope.cancelled_caught, anyio.current_time()

    assert steer(main) == (False, 0.0)


def test_thread_that_computes_for_long(steer):
    """A thread that goes on is waited for, also when it takes longer than the timer would."""

    def compute():
        end = os.times().user + 1.5
        while os.times().user < end:
            pass

    async def main():
        with anyio.move_on_after(0.01):
            await anyio.to_thread.run_sync(compute)
        return anyio.current_time()

    assert steer(main) == 0.0


def test_busy_thread_among_waiting_ones(steer):
    """As long as one thread works, time stays, whatever the others wait for."""

    async def main():
        event = threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, event.wait)
            tasks.start_soon(anyio.sleep, 5)
            await anyio.to_thread.run_sync(time.sleep, SECONDS)
            seen = anyio.current_time()
            event.set()
        return seen

    assert steer(main) == 0.0


def test_abandoned_thread(steer):
    """Nobody waits for a thread that was abandoned, so time does not."""

    async def main():
        started, held = threading.Event(), threading.Lock()

        def in_thread():
            started.set()
            held.acquire()  # unlike an event's, this wait looks like work from outside

        async def abandoned():
            await anyio.to_thread.run_sync(in_thread, abandon_on_cancel=True)

        with held:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(abandoned)
                await anyio.to_thread.run_sync(started.wait)
                tasks.cancel_scope.cancel()
            await anyio.sleep(10)
        return anyio.current_time()

    assert steer(main) == 10.0


def test_waiting_for_a_thread_limit(steer):
    """A call that waits for its limiter is no thread yet: time moves on."""

    async def main():
        limiter = anyio.CapacityLimiter(1)

        async def holder():
            async with limiter:
                await anyio.sleep(10)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(holder)
            await anyio.wait_all_tasks_blocked()
            await anyio.to_thread.run_sync(int, limiter=limiter)
            return anyio.current_time()

    assert steer(main) == 10.0


def test_thread_of_the_programs_own(steer):
    """A thread that the program started may call into the loop: that is no deadlock."""

    async def main():
        event = anyio.Event()
        token = anyio.lowlevel.current_token()

        def in_thread():
            time.sleep(SECONDS)
            anyio.from_thread.run_sync(event.set, token=token)

        thread = threading.Thread(target=in_thread)
        thread.start()
        await event.wait()
        thread.join()
        return anyio.current_time()

    assert steer(main) == 0.0


def test_default_executor_shuts_down(runner):
    """Closing the loop waits for its executor's threads, with no time limit passing."""
    ended = []

    async def main():
        loop = asyncio.get_running_loop()
        call = loop.run_in_executor(None, lambda: (time.sleep(SECONDS), ended.append(True)))
        await asyncio.sleep(0)
        call.cancel()

    runner.run(main())
    runner.close()
    assert ended == [True]


def test_portal_waits_for_calls(backend):
    """A blocking portal under virtual time waits for calls; it is no deadlock."""
    clock = VirtualClock(start=None)
    with anyio.from_thread.start_blocking_portal(
        BACKENDS[backend].anyio_backend, clock.backend_options(backend)
    ) as portal:
        time.sleep(SECONDS)
        portal.call(anyio.sleep, 10)
        assert portal.call(anyio.current_time) == 10.0
