"""Futures: every task of trio may await one, and what asyncio's library makes of them."""

import asyncio
import gc
import sys
import weakref

import anyio
import pytest
import trio

import portable


@pytest.fixture
def in_plain_task(run):
    """Run a function as a nursery's child beside a task of asyncio's, and return its result."""

    def start(function):
        results = []

        async def child():
            results.append(await function())

        async def main():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(child)

        run(main)
        return results[0]

    return start


def later(seconds, method, *args):
    asyncio.get_running_loop().call_later(seconds, method, *args)


def test_it_is_asyncios(run):
    """`loop.create_future()` gives asyncio's future, as everyone who asks finds."""

    async def main():
        future = asyncio.get_running_loop().create_future()
        assert isinstance(future, asyncio.Future)
        assert asyncio.isfuture(future)
        assert repr(future) == "<Future pending>"
        assert asyncio.ensure_future(future) is future
        assert asyncio.wrap_future(future) is future
        future.set_result(3)
        assert await future == 3

    run(main)


AWAITABLES = {
    "future": lambda: _set_later("result"),
    "task": lambda: asyncio.create_task(asyncio.sleep(1, "result")),
    "gather": lambda: _first(asyncio.gather(asyncio.sleep(1, "result"))),
    "sleep": lambda: asyncio.sleep(1, "result"),
    "queue": lambda: _queue(),
    "event": lambda: _event(),
    "lock": lambda: _lock(),
    "shield": lambda: asyncio.shield(asyncio.sleep(1, "result")),
    "wait": lambda: _wait(),
    "as_completed": lambda: _as_completed(),
    "executor": lambda: asyncio.get_running_loop().run_in_executor(None, str, "result"),
}


async def _first(aw):
    return (await aw)[0]


async def _set_later(result):
    future = asyncio.get_running_loop().create_future()
    later(1, future.set_result, result)
    return await future


async def _queue():
    queue = asyncio.Queue(1)
    later(1, queue.put_nowait, "result")
    return await queue.get()


async def _event():
    event = asyncio.Event()
    later(1, event.set)
    await event.wait()
    return "result"


async def _lock():
    lock = asyncio.Lock()
    await lock.acquire()
    later(1, lock.release)
    async with lock:
        return "result"


async def _wait():
    done, _ = await asyncio.wait([asyncio.create_task(asyncio.sleep(1, "result"))])
    return done.pop().result()


async def _as_completed():
    for each in asyncio.as_completed([asyncio.sleep(1, "result")]):
        return await each
    return None


@pytest.mark.parametrize("name", AWAITABLES)
def test_a_plain_task_awaits_it(in_plain_task, name):
    """A child of a nursery may await whatever asyncio's library waits for."""

    async def child():
        assert asyncio.current_task() is None
        return await AWAITABLES[name]()

    assert in_plain_task(child) == "result"


@pytest.mark.parametrize("name", [name for name in AWAITABLES if name != "executor"])
def test_a_scope_ends_a_plain_tasks_wait(in_plain_task, name):
    """A scope of trio's around it ends it, cancels what is awaited, and is told apart."""

    async def child():
        with trio.move_on_after(0.5) as scope:
            await AWAITABLES[name]()
        return scope.cancelled_caught, portable.current_time()

    assert in_plain_task(child) == (True, 0.5)


def test_what_a_plain_task_awaits_is_cancelled_and_waited_for(in_plain_task):
    """As when an awaiting task of asyncio's is cancelled."""

    async def job():
        try:
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(1)

    async def child():
        task = asyncio.create_task(job())
        with trio.move_on_after(1) as scope:
            await task
        return scope.cancelled_caught, task.cancelled(), portable.current_time()

    assert in_plain_task(child) == (True, True, 2)


def test_errors_reach_a_plain_task(in_plain_task):
    """Failures and cancellations of what is awaited come out as they are."""

    async def child():
        future = asyncio.get_running_loop().create_future()
        later(1, future.set_exception, LookupError("x"))
        with pytest.raises(LookupError):
            await future
        task = asyncio.create_task(asyncio.sleep(9))
        later(1, task.cancel, "enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        return portable.current_time()

    assert in_plain_task(child) == 2


def test_many_wait_for_one(run):
    """Tasks of both kinds that wait for one future are all woken."""

    async def main():
        future = asyncio.get_running_loop().create_future()
        seen = []

        async def wait(name):
            seen.append((name, await future))

        async with trio.open_nursery() as nursery:
            for _n in range(3):
                nursery.start_soon(wait, "plain")
            tasks = [asyncio.create_task(wait("task")) for _ in range(3)]
            await trio.sleep(1)
            future.set_result("x")
        await asyncio.wait(tasks)
        return sorted(seen)

    assert run(main) == [("plain", "x")] * 3 + [("task", "x")] * 3


def test_errors_keep_no_frames_in_a_plain_task(in_plain_task):
    """A plain task's wait for what fails leaves no cycle."""

    class Seen(Exception):
        pass

    def fail(future):
        future.set_exception(Seen())

    async def child():
        gc.collect()
        gc.disable()
        try:
            future = asyncio.get_running_loop().create_future()
            later(0, fail, future)
            try:
                await future
            except Seen as error:
                gone = weakref.ref(error)
            del future
            await trio.sleep(1)
            return gone() is None
        finally:
            gc.enable()

    assert in_plain_task(child)


NEEDS_A_TASK = {
    "timeout": lambda: _in_timeout(),
    "TaskGroup": lambda: _in_task_group(),
    "wait_for": lambda: _in_wait_for(),
}


async def _in_timeout():
    async with asyncio.timeout(5):
        return await asyncio.sleep(1, "result")


async def _in_task_group():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asyncio.sleep(1, "result"))
    return task.result()


async def _in_wait_for():
    coro = asyncio.sleep(1, "result")
    try:
        return await asyncio.wait_for(coro, 5)
    finally:
        coro.close()


@pytest.mark.parametrize("name", NEEDS_A_TASK)
def test_what_needs_a_current_task(in_plain_task, name):
    """T5: in a plain task it works, or fails with asyncio's own error, and leaves nothing."""

    async def child():
        try:
            return await NEEDS_A_TASK[name]()
        except RuntimeError as error:
            return str(error)

    told = in_plain_task(child)
    assert told == "result" or "task" in told


def test_anyios_ways_in_a_plain_task(in_plain_task):
    """What T5 points to works there around asyncio's waits."""

    async def child():
        with pytest.raises(TimeoutError):
            with anyio.fail_after(1):
                await asyncio.get_running_loop().create_future()
        async with anyio.create_task_group() as group:
            group.start_soon(asyncio.sleep, 1)
        return portable.current_time()

    assert in_plain_task(child) == 2


@pytest.mark.skipif(sys.version_info < (3, 13), reason="asyncio has no such iterator here")
def test_as_completed_asynchronously(in_plain_task):
    """`async for` over as_completed() works in a plain task, too."""

    async def child():
        found = []
        async for task in asyncio.as_completed([asyncio.sleep(2, "b"), asyncio.sleep(1, "a")]):
            found.append(await task)
        return found

    assert in_plain_task(child) == ["a", "b"]
