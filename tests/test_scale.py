"""100,000 tasks, a million items: everything comes out right, and work grows with the number.

That many with `tox -e thorough`, which sets PORTABLE_TASKS; 10,000 tasks and ten times as many
items otherwise. Work is counted, as calls of Python and C functions, because time on a
busy machine proves nothing. What walks over all tasks whenever one begins or ends shows as
calls too.
"""

import gc
import os
import sys
from contextlib import suppress

import pytest

import portable
from portable import Supervisor, TaskCancelled, TaskGroup, create_task, gather
from portable._heap import heap_set_aside

pytestmark = pytest.mark.slow

MANY = int(os.environ.get("PORTABLE_TASKS", "10000"))
SOME = MANY // 20


async def nothing(number):
    return number


async def something(number):
    await portable.sleep(number % 7)
    return number


async def failing(number):
    await portable.sleep(1)
    raise ValueError(number)


async def in_a_block(block, job, many):
    async with block() as tasks:
        started = [tasks.create_task(job(number)) for number in range(many)]
    return [task.result() for task in started]


async def in_a_supervisor(job, many):
    return await in_a_block(Supervisor, job, many)


async def in_a_group(job, many):
    return await in_a_block(TaskGroup, job, many)


async def in_the_run(job, many):
    tasks = [create_task(job(number)) for number in range(many)]
    return [await task for task in tasks]


async def in_a_gather(job, many):
    return await gather(*(job(number) for number in range(many)))


WAYS = [in_a_supervisor, in_a_group, in_the_run, in_a_gather]


@pytest.fixture(autouse=True)
def _quick_collections():
    """Leave out what is there already: the collector would walk over it again and again."""
    gc.collect()
    with heap_set_aside():
        yield


@pytest.mark.parametrize("way", WAYS)
def test_many_tasks_give_their_results(run, way):
    """Each of many tasks gives its own result, in order."""
    assert run(way, something, MANY) == list(range(MANY))


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
            await portable.sleep(0)
        finished += 1
        assert taken - finished < 100
        return number

    async def main():
        if mapper == "amap":
            return sum(await portable.amap(job, items(), limit=100))
        total = 0
        async with portable.amap_unordered(job, items(), limit=100) as results:
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
    assert sorted(error.args[0] for error in caught.value.exceptions) == list(range(SOME))


@pytest.mark.parametrize("block", [Supervisor, TaskGroup])
def test_many_tasks_are_cancelled(run, block):
    """Cancelling a block cancels each of its many tasks, with the message."""

    async def main():
        async with block() as tasks:
            started = [tasks.create_task(portable.sleep(100)) for _ in range(SOME)]
            await portable.sleep(1)
            # A TaskGroup's cancel() ends the body too, at its next await.
            tasks.cancel("enough")
        told = set()
        for task in started:
            with suppress(TaskCancelled):
                task.result()
            assert task.cancelled()
            try:
                await task
            except TaskCancelled as error:
                told.add(error.message)
        return told, portable.current_time()

    assert run(main) == ({"enough"}, 1)


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


async def cancelled_by_block(job, many):
    async with TaskGroup() as group:
        for number in range(many):
            group.create_task(job(number))
        await portable.sleep(0.5)
        group.cancel()


async def cancelled_one_by_one(job, many):
    async with Supervisor() as tasks:
        for number in range(many):
            tasks.create_task(job(number))
        await portable.sleep(0.5)
        tasks.cancel()


@pytest.mark.parametrize("job", [nothing, something])
@pytest.mark.parametrize("way", [*WAYS, cancelled_by_block, cancelled_one_by_one])
def test_the_work_grows_with_the_number_of_tasks(run, way, job):
    """Four times as many tasks take four times as many calls."""
    run(work, way, job, 10)  # imports, caches
    few, many = (run(work, way, job, number) for number in (250, 1000))
    assert few > 250
    assert many / few < 4.4
