"""Ctrl-C while a helper waits: the program ends with `KeyboardInterrupt`, its jobs clean up.

The signal is a real one, sent from a thread when everything waits. asyncio's runner turns it
into a cancellation of main; trio raises `KeyboardInterrupt` wherever main's own task waits,
which is somewhere inside the helper.
"""

import gc
import os
import signal

import anyio
import anyio.to_thread
import pytest

import portable
from portable import Supervisor, TaskGroup, create_task

LONG = 10**6


class Jobs:
    """What the helpers run; each job counts when it begins and when it has cleaned up."""

    def __init__(self):
        self.begun = self.cleaned = 0

    async def job(self, _=None):
        self.begun += 1
        try:
            await portable.sleep(LONG)
        finally:
            with anyio.CancelScope(shield=True):
                await portable.sleep(1)
            self.cleaned += 1


async def awaiting(job):
    await job()


async def a_task(job):
    await create_task(job())


async def in_supervisor(job):
    async with Supervisor() as tasks:
        tasks.create_task(job())


async def in_group(job):
    async with TaskGroup() as group:
        group.create_task(job())


async def timeout(job):
    async with portable.timeout(2 * LONG):
        await job()


async def timeout_at(job):
    with portable.timeout_at(portable.current_time() + 2 * LONG):
        await job()


async def wait_for(job):
    await portable.wait_for(job(), 2 * LONG)


async def wait_for_a_task(job):
    await portable.wait_for(create_task(job()), 2 * LONG)


async def gather(job):
    await portable.gather(job(), job())


async def gather_exceptions(job):
    await portable.gather(job(), job(), create_task(job()), return_exceptions=True)


async def race(job):
    await portable.race(job(), job())


async def wait(job):
    await portable.wait([create_task(job()), create_task(job())])


async def as_completed(job):
    async for task in portable.as_completed([job(), job()]):
        await task


async def as_completed_block(job):
    async with portable.as_completed([job(), job()]) as finished:
        for coro in finished:
            await coro


async def amap(job):
    await portable.amap(job, range(4))


async def amap_with_limit(job):
    await portable.amap(job, range(4), limit=2)


async def amap_unordered(job):
    async for _ in portable.amap_unordered(job, range(4), limit=2):
        pass


async def amap_unordered_block(job):
    async with portable.amap_unordered(job, range(4)) as results:
        async for _ in results:
            pass


async def shield(job):
    await portable.shield(job())


async def nested(job):
    async with TaskGroup() as group:
        group.create_task(gather_exceptions(job))
        await portable.gather(amap(job), in_supervisor(job), return_exceptions=True)


WAYS = [
    awaiting,
    a_task,
    in_supervisor,
    in_group,
    timeout,
    timeout_at,
    wait_for,
    wait_for_a_task,
    gather,
    gather_exceptions,
    race,
    wait,
    as_completed,
    as_completed_block,
    amap,
    amap_with_limit,
    amap_unordered,
    amap_unordered_block,
    shield,
    nested,
]


async def interrupting():
    await portable.sleep(1)
    await anyio.to_thread.run_sync(os.kill, os.getpid(), signal.SIGINT)
    await portable.sleep(LONG)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_ctrl_c_while_a_helper_waits(run, way):
    """It comes out as `KeyboardInterrupt`, never swallowed, after the clean-up of all jobs."""
    jobs = Jobs()

    async def main():
        create_task(interrupting())
        await way(jobs.job)

    with pytest.raises(KeyboardInterrupt):
        run(main)
    assert jobs.begun == jobs.cleaned > 0
    gc.collect()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("block", [Supervisor, TaskGroup])
def test_an_exit_is_not_its_own_cause(run, block, kind):
    """The exit that one task asks for is chained to the failures of others, not to itself."""

    async def leave():
        try:
            await portable.sleep(LONG)
        finally:
            raise kind

    async def fail():
        await portable.sleep(1)
        raise ValueError("lost")

    async def main(*jobs):
        async with block() as tasks:
            for job in jobs:
                tasks.create_task(job())

    with pytest.raises(kind) as caught:
        run(main, leave)
    assert caught.value.__cause__ is None
    with pytest.raises(kind) as caught:
        run(main, fail, leave)
    (other,) = caught.value.__cause__.exceptions
    assert repr(other) == "ValueError('lost')"
