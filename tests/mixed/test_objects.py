"""AnyIO's things in asyncio's tasks, and asyncio's things in children of AnyIO's groups.

Those children are plain tasks on trio; there asyncio has no current task (T5).
"""

import asyncio
import contextvars
import ssl
import sys
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import anyio.from_thread
import anyio.to_thread
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener, TLSStream

import portable
from portable._backends import BACKENDS
from portable.clock import VirtualClock

CERTIFICATE = Path(__file__).with_name("localhost.pem")


# AnyIO's in asyncio's tasks ------------------------------------------------------------------


async def memory_stream():
    send, receive = anyio.create_memory_object_stream(0)

    async def produce():
        async with send:
            for number in range(3):
                await send.send(number)

    async def consume():
        async with receive:
            return [number async for number in receive]

    return (await asyncio.gather(produce(), consume()))[1]


async def event():
    happened = anyio.Event()
    tasks = [asyncio.create_task(happened.wait()) for _ in range(3)]
    await asyncio.sleep(1)
    happened.set()
    return await asyncio.gather(*tasks)


async def lock():
    lock, log = anyio.Lock(), []

    async def work(name):
        async with lock:
            log.append(name)
            await asyncio.sleep(1)

    await asyncio.gather(*map(work, "abc"))
    return sorted(log), asyncio.get_running_loop().time()


async def condition():
    condition = anyio.Condition()

    async def wait():
        async with condition:
            await condition.wait()
            return "woken"

    task = asyncio.create_task(wait())
    await asyncio.sleep(1)
    async with condition:
        condition.notify()
    return await asyncio.wait_for(task, 1)


async def limiter():
    limiter, most, now = anyio.CapacityLimiter(2), 0, 0

    async def work():
        nonlocal most, now
        async with limiter:
            now += 1
            most = max(most, now)
            await asyncio.sleep(1)
            now -= 1

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(work())
    return most, asyncio.get_running_loop().time()


async def thread():
    return await asyncio.gather(anyio.to_thread.run_sync(str.upper, "a"), asyncio.sleep(0, "b"))


async def from_thread():
    async def double(number):
        await asyncio.sleep(0)
        return await asyncio.create_task(asyncio.sleep(0, 2 * number))

    def work():
        first = anyio.from_thread.run(double, 1)
        return first, anyio.from_thread.run_sync(partial(max, 3, 4))

    return await asyncio.create_task(anyio.to_thread.run_sync(work))


VARIABLE = contextvars.ContextVar("variable", default="unset")


async def variables_of_a_thread():
    """What is called from a thread sees the thread's variables, before and after it waits."""

    async def look():
        seen = [VARIABLE.get()]
        for wait in (anyio.sleep, asyncio.sleep):
            await wait(0)
            seen.append(VARIABLE.get())
        await asyncio.create_task(asyncio.sleep(1))
        VARIABLE.set("lost")
        return [*seen, VARIABLE.get()]

    def work():
        VARIABLE.set("thread")
        return anyio.from_thread.run(look)

    VARIABLE.set("task")
    seen = await asyncio.create_task(anyio.to_thread.run_sync(work))
    seen += await anyio.to_thread.run_sync(work)
    await anyio.sleep(0)
    await asyncio.sleep(0)
    return [*seen, VARIABLE.get()]


async def portal():
    async with anyio.from_thread.BlockingPortal() as portal:
        work = partial(portal.call, asyncio.sleep, 0, "called")
        return await asyncio.create_task(anyio.to_thread.run_sync(work))


async def process():
    code = "import sys; print(sys.stdin.read().upper(), end='')"
    command = [sys.executable, "-c", code]
    runs = [anyio.run_process(command, input=text) for text in (b"a", b"b")]
    return [done.stdout for done in await asyncio.gather(*runs)]


async def process_streams():
    code = "print(input()[::-1])"
    async with await anyio.open_process([sys.executable, "-c", code]) as process:
        task = asyncio.create_task(process.wait())
        await process.stdin.send(b"abc\n")
        line = await BufferedByteReceiveStream(process.stdout).receive_until(b"\n", 99)
        return line.strip(), await task


async def tcp():
    async def serve(stream):
        async with stream:
            await stream.send((await stream.receive()).upper())

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)

    async def ask(text):
        async with await anyio.connect_tcp("127.0.0.1", port) as stream:
            await stream.send(text)
            return await stream.receive()

    async with listener:
        server = asyncio.create_task(listener.serve(serve))
        answers = await asyncio.gather(ask(b"a"), ask(b"b"))
        server.cancel()
        await asyncio.wait([server])
    return answers


async def tls():
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(CERTIFICATE)
    client_side = ssl.create_default_context(cafile=CERTIFICATE)

    async def serve(stream):
        async with stream:
            await stream.send((await stream.receive()).upper())

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    secure = TLSListener(listener, server_side, standard_compatible=False)

    async def ask(text):
        async with await anyio.connect_tcp("127.0.0.1", port) as below:
            stream = await TLSStream.wrap(
                below, hostname="localhost", ssl_context=client_side, standard_compatible=False
            )
            await stream.send(text)
            return await stream.receive()

    async with listener:
        server = asyncio.create_task(secure.serve(serve))
        answers = await asyncio.gather(ask(b"a"), ask(b"b"))
        server.cancel()
        await asyncio.wait([server])
    return answers


IN_ASYNCIOS = [
    (memory_stream, [0, 1, 2]),
    (event, [None, None, None]),
    (lock, (["a", "b", "c"], 3)),
    (condition, "woken"),
    (limiter, (2, 3)),
    (thread, ["A", "b"]),
    (from_thread, (2, 4)),
    (variables_of_a_thread, [*["thread"] * 3, "lost"] * 2 + ["task"]),
    (portal, "called"),
    (process, [b"A", b"B"], pytest.mark.slow),
    (process_streams, (b"cba", 0), pytest.mark.slow),
    (tcp, [b"A", b"B"]),
    (tls, [b"A", b"B"]),
]


def table(rows):
    """Parametrize by rows, each with the name of its program."""
    params = [
        pytest.param(program, result, id=program.__name__, marks=marks)
        for program, result, *marks in rows
    ]
    return pytest.mark.parametrize(("program", "result"), params)


@table(IN_ASYNCIOS)
def test_anyios_in_asyncios_tasks(run, program, result):
    """What is AnyIO's works in a task that asyncio started."""

    async def main():
        return await asyncio.create_task(program())

    assert run(main) == result


# asyncio's in plain tasks --------------------------------------------------------------------


async def queue():
    queue = asyncio.Queue(1)
    taker = asyncio.create_task(_take(queue, 3))
    for number in range(3):
        await queue.put(number)
    await queue.join()
    return await taker


async def _take(queue, number):
    taken = []
    for _ in range(number):
        taken.append(await queue.get())
        queue.task_done()
    return taken


async def future():
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(1, future.set_result, "set")
    return await future, await future


async def failed_future():
    future = asyncio.get_running_loop().create_future()
    future.set_exception(LookupError("lost"))
    with pytest.raises(LookupError, match="lost"):
        await future
    return future.exception().args


async def task():
    return await asyncio.create_task(asyncio.sleep(1, "slept"))


async def failed_task():
    async def fail():
        await asyncio.sleep(1)
        raise LookupError("lost")

    task = asyncio.create_task(fail())
    with pytest.raises(LookupError, match="lost"):
        await task
    return type(task.exception())


async def cancelled_task():
    task = asyncio.create_task(asyncio.sleep(9))
    asyncio.get_running_loop().call_later(1, task.cancel, "enough")
    try:
        await task
    except asyncio.CancelledError as error:
        return task.cancelled(), error.args, asyncio.get_running_loop().time()


async def gather():
    return await asyncio.gather(asyncio.sleep(2, "a"), asyncio.sleep(1, "b"))


async def gather_errors():
    async def fail():
        raise LookupError

    first, second = await asyncio.gather(fail(), asyncio.sleep(1, 2), return_exceptions=True)
    return type(first), second


async def wait():
    tasks = [asyncio.create_task(asyncio.sleep(n, n)) for n in (3, 1)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    left = await asyncio.gather(*pending)
    return [task.result() for task in done], left


async def as_completed():
    aws = [asyncio.sleep(n, n) for n in (3, 1, 2)]
    return [await next_one for next_one in asyncio.as_completed(aws)]


async def shield():
    return await asyncio.shield(asyncio.sleep(1, "shielded"))


async def events_and_locks():
    event, lock, semaphore = asyncio.Event(), asyncio.Lock(), asyncio.Semaphore(1)
    asyncio.get_running_loop().call_later(1, event.set)
    async with lock, semaphore:
        return await event.wait(), lock.locked(), semaphore.locked()


async def sleeps():
    await asyncio.sleep(0)
    await asyncio.sleep(1)
    return await asyncio.sleep(1, asyncio.get_running_loop().time())


async def asyncios_thread():
    return await asyncio.to_thread(str.upper, "a")


async def supervisor():
    async with portable.Supervisor() as tasks:
        task = tasks.create_task(anyio.sleep(1))
    return task.done()


async def race():
    return await portable.race(asyncio.sleep(2, "slow"), asyncio.sleep(1, "fast"))


async def amap():
    async def double(number):
        await asyncio.sleep(3 - number)
        return 2 * number

    async with portable.amap_unordered(double, range(3)) as results:
        unordered = [result async for result in results]
    return await portable.amap(double, range(3)), unordered


IN_PLAIN_TASKS = [
    (queue, [0, 1, 2]),
    (future, ("set", "set")),
    (failed_future, ("lost",)),
    (task, "slept"),
    (failed_task, LookupError),
    (cancelled_task, (True, ("enough",), 1)),
    (gather, ["a", "b"]),
    (gather_errors, (LookupError, 2)),
    (wait, ([1], [3])),
    (as_completed, [1, 2, 3]),
    (shield, "shielded"),
    (events_and_locks, (True, True, True)),
    (sleeps, 1),
    (asyncios_thread, "A"),
    (supervisor, True),
    (race, "fast"),
    (amap, ([0, 2, 4], [4, 2, 0])),
]


@table(IN_PLAIN_TASKS)
def test_asyncios_in_anyios_children(run, program, result):
    """What is asyncio's works in a child of an AnyIO group, two of them at once."""
    results = []

    async def child():
        results.append(await program())

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            group.start_soon(child)

    run(main)
    assert results == [result, result]


@table(IN_PLAIN_TASKS)
def test_asyncios_in_a_foreign_run(backend, program, result):
    """The same where AnyIO started the run, and the loop comes up inside."""
    clock = VirtualClock(start=None)
    chosen = {"backend": BACKENDS[backend].anyio_backend}

    async def main():
        async with portable.asyncio_loop():
            return await program()

    options = clock.backend_options(backend)
    assert anyio.run(main, **chosen, backend_options=options) == result


NEEDS_A_TASK = {
    "timeout": lambda: asyncio.timeout(1).__aenter__(),
    "TaskGroup": lambda: asyncio.TaskGroup().__aenter__(),
}
if sys.version_info >= (3, 12):  # before, it started a task of its own
    NEEDS_A_TASK["wait_for"] = lambda: asyncio.wait_for(
        asyncio.get_running_loop().create_future(), 1
    )


@pytest.mark.parametrize("name", NEEDS_A_TASK)
def test_what_needs_a_current_task(name):
    """T5: what asks for asyncio's current task says so in a plain task on trio."""
    pytest.importorskip("trio")
    errors = []

    async def child():
        coro = NEEDS_A_TASK[name]()
        with pytest.raises(RuntimeError, match="task") as caught:
            await coro
        errors.append(caught.value)

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    portable.run(main, backend="trio")
    assert len(errors) == 1
