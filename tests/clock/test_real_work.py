"""Real work under virtual time: a time-out does not come before it would in reality."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_process
import pytest

from portable.clock import VirtualClock

from .racing import SECONDS

pytestmark = pytest.mark.slow

SLEEP = [sys.executable, "-c", f"import time; time.sleep({SECONDS}); print('done')"]


@contextmanager
def child(code):
    """Start a child process that the loop knows nothing of."""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        yield process


async def run_process():
    done = await anyio.run_process(SLEEP)
    assert done.stdout.strip() == b"done"


async def wait_for_a_process():
    async with await anyio.open_process(SLEEP, stdin=None, stdout=None) as process:
        assert await process.wait() == 0


async def communicate():
    process = await asyncio.create_subprocess_exec(*SLEEP, stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.strip() == b"done"


async def read_what_a_process_writes():
    process = await asyncio.create_subprocess_exec(*SLEEP, stdout=subprocess.PIPE)
    assert (await process.stdout.readline()).strip() == b"done"
    await process.wait()


async def work_in_a_process():
    await anyio.to_process.run_sync(time.sleep, SECONDS)


async def wrap_a_future():
    with ThreadPoolExecutor(1) as pool:
        await asyncio.wrap_future(pool.submit(time.sleep, SECONDS))


async def wrap_a_future_of_another_loop():
    with anyio.from_thread.start_blocking_portal() as portal:
        await asyncio.wrap_future(portal.start_task_soon(anyio.sleep, SECONDS))


async def thread_with_a_token():
    token, event = anyio.lowlevel.current_token(), anyio.Event()

    def work():
        time.sleep(SECONDS)
        anyio.from_thread.run_sync(event.set, token=token)

    thread = threading.Thread(target=work)
    thread.start()
    await event.wait()
    thread.join()


async def thread_with_a_portal():
    async with anyio.from_thread.BlockingPortal() as portal:
        event = anyio.Event()

        def work():
            time.sleep(SECONDS)
            portal.call(event.set)

        thread = threading.Thread(target=work)
        thread.start()
        await event.wait()
        thread.join()


async def server_in_a_thread():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            connection, _ = listener.accept()
            with connection:
                time.sleep(SECONDS)
                connection.send(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        async with await anyio.connect_tcp(*listener.getsockname()) as stream:
            assert await stream.receive() == b"x"
        thread.join()


async def server_in_a_process():
    code = f"""
import socket, time
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    with connection:
        time.sleep({SECONDS})
        connection.send(b"x")
"""
    with child(code) as process:
        port = int(process.stdout.readline())
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            assert await stream.receive() == b"x"


async def signal_of_a_process():
    code = f"import os, time; time.sleep({SECONDS}); os.kill({os.getpid()}, {signal.SIGUSR1})"
    with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
        with child(code):
            async for number in signals:
                assert number == signal.SIGUSR1
                break


WORK = [
    run_process,
    wait_for_a_process,
    communicate,
    read_what_a_process_writes,
    work_in_a_process,
    wrap_a_future,
    wrap_a_future_of_another_loop,
    thread_with_a_token,
    thread_with_a_portal,
    server_in_a_thread,
    server_in_a_process,
    signal_of_a_process,
]


@pytest.mark.parametrize("work", WORK)
def test_a_timeout_does_not_come_too_soon(run, work):
    """What takes less in reality than the time-out that stands around it is not cut off."""

    async def main():
        import portable

        async with portable.asyncio_loop():
            with anyio.fail_after(20):
                await work()

    run(main)


@pytest.mark.parametrize("work", [wrap_a_future, wrap_a_future_of_another_loop])
def test_foreign_futures_are_no_deadlock(run, work):
    """Who awaits a future that another thread will set awaits no deadlock."""
    run(work)


def test_a_long_timeout_is_kept_for_a_process(steer):
    """A child process that is awaited has as long as in reality, whatever the limit."""

    async def main():
        with anyio.fail_after(20):
            await run_process()

    steer(main, io_limit=0.01)


def test_a_time_that_comes_while_work_is_under_way(steer):
    """A timer beside real work comes when it would in reality, and not later."""

    async def main():
        with child("import time; print(flush=True); time.sleep(60)") as process:
            process.stdout.readline()
            with anyio.move_on_after(SECONDS):
                await anyio.wait_readable(process.stdout)
            process.kill()
        return anyio.current_time()

    began = time.monotonic()
    assert steer(main) == SECONDS
    assert time.monotonic() - began >= SECONDS


def test_a_portal_that_the_main_thread_has(backend):
    """While the main thread is at work it may call in: no time-out comes before that."""
    clock = VirtualClock(start=None)
    waits = threading.Event()

    async def wait():
        with anyio.fail_after(10):
            waits.set()
            await anyio.sleep_forever()

    def name_and_options():
        name = "trio" if backend == "trio" else "asyncio"
        return name, clock.backend_options(backend)

    with anyio.from_thread.start_blocking_portal(*name_and_options()) as portal:
        future = portal.start_task_soon(wait)
        waits.wait()
        select.select([], [], [], SECONDS)  # in reality
        assert future.cancel()
        portal.call(anyio.sleep, 3600)  # nobody is at work meanwhile
    assert clock.now() == 3600


def test_what_is_at_home_is_jumped_over(steer):
    """A connection within the program takes no time, and is not said to be cut off."""

    async def main():
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)

        async def serve(stream):
            async with stream:
                await anyio.sleep(3600)

        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                with anyio.move_on_after(600):
                    await stream.receive()
            tasks.cancel_scope.cancel()
        return anyio.current_time()

    assert steer(main, io_limit=600) == 600


def test_a_pool_of_processes_that_has_no_work(steer):
    """A process of a pool that waits for work is not waited for."""

    async def main():
        await anyio.to_process.run_sync(os.getpid)
        await anyio.sleep(3600)

    steer(main, io_limit=600)


def test_a_jump_that_cuts_off(backend):
    """A jump over I/O that was silent for too long is kept, with what it left behind."""
    import portable
    from portable.clock import VirtualClock

    async def main():
        with child("import time; time.sleep(60)") as process:
            with anyio.move_on_after(60):
                await anyio.wait_readable(process.stdout)
            process.kill()

    clock = VirtualClock(start=None, io_limit=0.01)
    portable.run(main, backend=backend, virtual_time=clock)
    (told,) = clock.cut_off
    assert told == (
        "virtual time jumped from 0 s to 60 s after 0.01 real seconds of silence from a pipe"
    )


# Busy programs -------------------------------------------------------------------------


async def spin(pause):
    while True:
        time.sleep(pause)
        await anyio.sleep(0)


async def spin_on_asyncio():
    while True:
        await asyncio.sleep(0)


@pytest.mark.parametrize("busy", [partial(spin, 0), partial(spin, 0.05)], ids=["busy", "slow"])
def test_a_livelock(steer, busy):
    """A task that is always ready, beside one that sleeps, ends with an error that names it."""
    from portable import LivelockError

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(busy, name="busy")
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()

    with pytest.raises(LivelockError, match=r"always ready: busy\n") as caught:
        steer(main)
    assert caught.value.tasks == ("busy",)


def test_a_livelock_of_asyncios(runner):
    """The same with asyncio's tasks and no guard."""
    from portable import LivelockError

    async def main():
        task = asyncio.create_task(spin_on_asyncio(), name="busy")
        await asyncio.sleep(1)
        task.cancel()

    with pytest.raises(LivelockError, match=r"always ready: busy\n"):
        runner.run(main())


def test_busy_is_no_livelock(steer):
    """A program that computes for a while, and yields, is left in peace."""

    async def main():
        with anyio.fail_after(1):
            for _ in range(1000):
                await anyio.sleep(0)

    steer(main)
