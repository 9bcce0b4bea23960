"""100,000 tasks, a million items: everything comes out right, and work grows with the number.

That many with `tox -e thorough`, which sets PORTABLE_TASKS; 10,000 tasks and ten times as many
items otherwise. Work is counted, as calls of Python and C functions, because time on a
busy machine proves nothing. What walks over all tasks whenever one begins or ends shows as
calls too.
"""

import asyncio
import gc
import os
import sys

import anyio
import anyio.lowlevel
import pytest

import portable
from portable import Supervisor, amap, amap_unordered, race
from portable._heap import heap_set_aside

pytestmark = pytest.mark.slow

MANY = int(os.environ.get("PORTABLE_TASKS", "10000"))
SOME = MANY // 20


async def nothing(number):
    return number


async def something(number):
    await asyncio.sleep(number % 7)
    return number


async def something_of_anyios(number):
    await anyio.sleep(number % 7)
    return number


async def failing(number):
    await asyncio.sleep(1)
    raise ValueError(number)


async def in_a_block(block, job, many):
    async with block() as tasks:
        started = [tasks.create_task(job(number)) for number in range(many)]
    return [task.result() for task in started]


async def in_a_supervisor(job, many):
    return await in_a_block(Supervisor, job, many)


async def in_a_group(job, many):
    return await in_a_block(asyncio.TaskGroup, job, many)


async def in_the_run(job, many):
    tasks = [asyncio.create_task(job(number)) for number in range(many)]
    return [await task for task in tasks]


async def in_a_gather(job, many):
    return await asyncio.gather(*(job(number) for number in range(many)))


async def in_anyios_group(job, many):
    results = {}

    async def child(number):
        results[number] = await asyncio.create_task(job(number))

    async with anyio.create_task_group() as group:
        for number in range(many):
            group.start_soon(child, number)
    return [results[number] for number in range(many)]


WAYS = [in_a_supervisor, in_a_group, in_the_run, in_a_gather, in_anyios_group]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
jobs = pytest.mark.parametrize(
    "job", [nothing, something, something_of_anyios], ids=lambda job: job.__name__
)


@pytest.fixture(autouse=True)
def _quick_collections():
    """Leave out what is there already: the collector would walk over it again and again."""
    gc.collect()
    with heap_set_aside():
        yield


@ways
@jobs
def test_many_tasks_give_their_results(run, way, job):
    """Each of many tasks gives its own result, in order."""
    assert run(way, job, MANY) == list(range(MANY))


@pytest.mark.parametrize("pauses", [False, True], ids=["at once", "after a pause"])
@pytest.mark.parametrize("mapper", ["amap", "amap_unordered"])
def test_a_million_items_are_mapped(run, mapper, pauses):
    """Each item of a long generator is mapped, and never more than the limit taken ahead."""
    taken = finished = 0

    def items():
        nonlocal taken
        for number in range(10 * MANY):
            taken += 1
            yield number

    async def job(number):
        nonlocal finished
        if pauses:
            await asyncio.sleep(0)
        finished += 1
        assert taken - finished < 100
        return number

    async def main():
        if mapper == "amap":
            return sum(await amap(job, items(), limit=100))
        total = 0
        async with amap_unordered(job, items(), limit=100) as results:
            async for number in results:
                total += number
        return total

    assert run(main) == sum(range(10 * MANY))


def test_many_failures_come_out_together(run):
    """Each of many failures that nobody retrieved is raised, once."""

    async def main():
        async with Supervisor() as tasks:
            for number in range(SOME):
                tasks.create_task(failing(number))

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert [error.args[0] for error in caught.value.exceptions] == list(range(SOME))


@pytest.mark.parametrize("wait", [asyncio.sleep, anyio.sleep], ids=["asyncio", "anyio"])
def test_many_tasks_are_cancelled(run, wait):
    """Cancelling a block cancels each of its many tasks, with the message."""

    async def main():
        async with Supervisor() as tasks:
            started = [tasks.create_task(wait(100)) for _ in range(MANY)]
            await asyncio.sleep(1)
            tasks.cancel("enough")
        told = set()
        for task in started:
            assert task.cancelled()
            try:
                await task
            except asyncio.CancelledError as error:
                told.add(error.args)
        return told, portable.current_time()

    assert run(main) == ({("enough",)}, 1)


def test_a_race_of_many(run):
    """The first of many wins, and the others have ended."""

    async def main():
        return await race(*(asyncio.sleep(MANY - n, n) for n in range(MANY)))

    assert run(main) == MANY - 1


def test_one_task_after_the_other(run):
    """Tasks that come and go, one at a time, leave nothing behind."""

    async def main():
        for _ in range(10):
            await asyncio.create_task(something(0))
        gc.collect()
        before = len(gc.get_objects())
        for number in range(MANY):
            await asyncio.create_task(nothing(number))
        gc.collect()
        return len(gc.get_objects()) - before

    assert run(main) < 100


def test_one_wait_after_the_other(run):
    """A task that waits many times, in either language, is done with each wait when it ends."""

    async def main():
        gc.collect()
        before = len(gc.get_objects())
        for _ in range(MANY):
            await asyncio.sleep(0)
            await anyio.lowlevel.checkpoint()
            await asyncio.sleep(1)
            await anyio.sleep(1)
        gc.collect()
        return len(gc.get_objects()) - before, portable.current_time()

    grown, now = run(main)
    assert grown < 100
    assert now == 2 * MANY


# -- work, counted -------------------------------------------------------------------------


async def work(way, job, many):
    """Count the calls that it takes."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        await way(job, many)
    finally:
        sys.setprofile(None)
    return calls


async def cancelled_one_by_one(job, many):
    async with Supervisor() as tasks:
        for number in range(many):
            tasks.create_task(job(number))
        await asyncio.sleep(0.5)
        tasks.cancel()


@jobs
@pytest.mark.parametrize("way", [*WAYS, cancelled_one_by_one], ids=lambda way: way.__name__)
def test_the_work_grows_with_the_number_of_tasks(run, way, job):
    """Four times as many tasks take four times as many calls."""
    run(work, way, job, 10)  # imports, caches
    few, many = (run(work, way, job, number) for number in (100, 400))
    assert few > 100
    assert many / few < 4.4


@pytest.mark.parametrize("mapper", ["amap", "amap_unordered"])
@pytest.mark.parametrize("limit", [None, 10])
def test_the_work_grows_with_the_number_of_items(run, mapper, limit):
    """Four times as many items take four times as many calls."""

    async def mapping(job, many):
        if mapper == "amap":
            await amap(job, range(many), limit=limit)
        else:
            async for _ in amap_unordered(job, range(many), limit=limit):
                pass

    run(work, mapping, something, 10)
    few, many = (run(work, mapping, something, number) for number in (100, 400))
    assert few > 100
    assert many / few < 4.4
