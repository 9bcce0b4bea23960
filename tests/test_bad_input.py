"""Wrong calls: those of asyncio's names end as on asyncio; nothing is left un-awaited.

What our own names say to wrong calls stands in the tests of each.
"""

import asyncio
import gc
import re
import threading

import anyio
import pytest

import portable
from portable import Supervisor, amap, amap_unordered, race


async def job(result=1):
    await asyncio.sleep(0)
    return result


async def started(coro):
    async with asyncio.TaskGroup() as group:
        group.create_task(coro)


async def supervised(coro):
    async with Supervisor() as tasks:
        tasks.create_task(coro)


async def shielded(aw):
    return await asyncio.shield(aw)


async def one_by_one(aw):
    return [await each for each in asyncio.as_completed([aw])]


async def limited(delay):
    async with asyncio.timeout(delay):
        await asyncio.sleep(0)


async def created(coro):
    return await asyncio.create_task(coro)


async def awaited(aw):
    return await aw


CALLS = {
    "create_task": created,
    "TaskGroup.create_task": started,
    "Supervisor.create_task": supervised,
    "wait_for": lambda aw: asyncio.wait_for(aw, 1),
    "wait_for at once": lambda aw: asyncio.wait_for(aw, 0),
    "shield": shielded,
    "gather": lambda aw: awaited(asyncio.gather(aw)),
    "wait": lambda aw: asyncio.wait([aw]),
    "as_completed": one_by_one,
    "ensure_future": lambda aw: awaited(asyncio.ensure_future(aw)),
    "await": awaited,
    "timeout": limited,
    "sleep": lambda delay: asyncio.sleep(delay),
}
GIVEN = {
    "function": lambda: job,
    "number": lambda: 5,
    "none": lambda: None,
    "text": lambda: "text",
    "negative": lambda: -1,
    "list": list,
}


def told(error):
    """What an error says, without addresses; of a group, what its errors say."""
    if isinstance(error, BaseExceptionGroup):
        return [told(each) for each in error.exceptions]
    return re.sub("0x[0-9a-f]+", "0x", repr(error))


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("given", GIVEN)
def test_what_cannot_be_awaited(against_asyncio, call, given):
    """The same error, in the same words, on every backend."""

    async def program():
        try:
            return repr(await CALLS[call](GIVEN[given]()))
        except Exception as error:
            return told(error)

    against_asyncio(program)
    gc.collect()


@pytest.mark.parametrize("call", [call for call in CALLS if call not in ("timeout", "sleep")])
def test_a_coroutine_used_twice(against_asyncio, call):
    """It runs once; the error is asyncio's."""

    async def program():
        used = job()
        await used
        try:
            return repr(await CALLS[call](used))
        except Exception as error:
            return told(error)

    against_asyncio(program)


def test_a_coroutine_in_two_tasks(against_asyncio):
    """One of the two fails, the other one goes on."""

    async def program():
        coro = job()
        tasks = [asyncio.create_task(coro) for _ in range(2)]
        return list(map(told, await asyncio.gather(*tasks, return_exceptions=True)))

    against_asyncio(program)


def test_a_task_that_awaits_itself(against_asyncio):
    """It gets asyncio's error."""

    async def itself():
        await task

    async def program():
        nonlocal task
        task = asyncio.create_task(itself(), name="Task-x")
        return [type(each) for each in await asyncio.gather(task, return_exceptions=True)]

    task = None
    assert against_asyncio(program) == [RuntimeError]


def test_a_bare_yield_of_what_nobody_understands(run):
    """A coroutine that yields anything else gets an error that says so, and may go on."""

    class Odd:
        def __await__(self):
            try:
                yield "odd"
            except RuntimeError as error:
                return str(error)

    async def program():
        return await asyncio.create_task(awaited(Odd()))

    assert "odd" in run(program)


@pytest.mark.parametrize("attribute", ["__await__", "cancel"])
def test_a_future_that_is_broken(against_asyncio, attribute):
    """What its methods raise comes to whoever awaits it, and the run goes on."""

    class Broken(asyncio.Future):
        pass

    def fail(*args, **options):
        raise LookupError(attribute)

    setattr(Broken, attribute, fail)

    async def program():
        broken = Broken()
        task = asyncio.create_task(awaited(broken))
        await asyncio.sleep(1)
        errors = []
        try:
            task.cancel()
        except LookupError as error:
            errors.append(told(error))
            asyncio.Future.set_result(broken, None)
        await asyncio.wait([task])
        errors.append(task.cancelled() or told(task.exception()))
        return errors, await job("goes on")

    against_asyncio(program)


# -- another loop's -----------------------------------------------------------------------


@pytest.fixture
def elsewhere(backend):
    """A task that is pending in a run of another thread until the test has ended."""
    tasks, begun, over = [], threading.Event(), threading.Event()

    async def main():
        tasks.append(asyncio.create_task(asyncio.to_thread(over.wait)))
        await asyncio.sleep(0)
        begun.set()
        await tasks[0]

    thread = threading.Thread(target=lambda: portable.run(main, backend=backend))
    thread.start()
    begun.wait()
    yield tasks[0]
    assert not tasks[0].done()
    over.set()
    thread.join()
    assert tasks[0].result()


@pytest.mark.parametrize("call", ["wait_for", "shield", "gather", "await"])
def test_a_task_of_another_run(backend, elsewhere, call):
    """It is refused, and neither waited for nor cancelled."""

    async def main():
        with pytest.raises((RuntimeError, ValueError)) as caught:
            await asyncio.create_task(awaited(CALLS[call](elsewhere)))
        return str(caught.value)

    assert re.search("different loop|different event loop", portable.run(main, backend=backend))


@pytest.mark.parametrize("name", ["race", "await"])
def test_a_task_of_another_run_in_a_plain_task(backend, elsewhere, name):
    """It is refused as well in a child of an AnyIO group."""
    seen = []

    async def child():
        with pytest.raises((RuntimeError, ValueError)) as caught:
            await (race(elsewhere) if name == "race" else awaited(elsewhere))
        seen.append(str(caught.value))

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    portable.run(main, backend=backend)
    assert re.search("different loop|different event loop", seen[0])


# -- closed while they wait -----------------------------------------------------------------


async def waiting(_=None):
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        ends.append("ended")


ends = []


async def in_a_race():
    await race(waiting(), waiting())


async def in_a_supervisors_body():
    async with Supervisor() as tasks:
        tasks.create_task(waiting())
        tasks.create_task(waiting())
        await asyncio.get_running_loop().create_future()


async def at_a_supervisors_end():
    async with Supervisor() as tasks:
        tasks.create_task(waiting())
        tasks.create_task(waiting())


async def in_amap():
    await amap(waiting, range(2))


async def in_amap_unordered():
    async for _ in amap_unordered(waiting, range(2)):
        pass


async def in_a_block_of_amap_unordered():
    async with amap_unordered(waiting, range(2)) as results:
        async for _ in results:
            pass


@pytest.mark.parametrize(
    "helper",
    [
        in_a_race,
        in_a_supervisors_body,
        at_a_supervisors_end,
        in_amap,
        in_amap_unordered,
        in_a_block_of_amap_unordered,
    ],
    ids=lambda helper: helper.__name__,
)
def test_a_coroutine_that_is_closed(run, helper):
    """One that is closed while it waits in a helper awaits nothing more; what it began ends."""
    ends.clear()

    async def program():
        coro = helper()
        task = asyncio.create_task(coro)
        await asyncio.sleep(1)
        coro.close()
        await asyncio.sleep(1)
        seen = list(ends)
        task.cancel()
        await asyncio.wait([task])
        return seen, task.cancelled() or task.exception() is not None

    assert run(program) == (["ended", "ended"], True)


# -- ours in odd places -------------------------------------------------------------------


def test_our_names_in_a_callback(run):
    """A callback is no task, but the loop runs: a supervisor's task may be created there."""

    async def program():
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        async with Supervisor() as tasks:
            loop.call_later(1, lambda: tasks.create_task(job("callback"), name="made"))
            loop.call_later(2, over.set)
            await over.wait()
        return portable.current_time()

    assert run(program) == 2


@pytest.mark.parametrize("name", ["amap", "amap_unordered"])
def test_a_job_that_is_cancelled_from_within_its_own_await(run, name):
    """A mapper inside a job of a mapper ends with it."""
    seen = []

    async def inner(number):
        try:
            await asyncio.sleep(10)
        finally:
            seen.append(number)

    async def outer(number):
        if number == 1:
            await asyncio.sleep(1)
            raise LookupError
        if name == "amap":
            await amap(inner, range(3))
        else:
            async for _ in amap_unordered(inner, range(3)):
                pass

    with pytest.raises(LookupError):
        run(amap, outer, range(2))
    assert sorted(seen) == [0, 1, 2]
