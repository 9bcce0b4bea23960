"""Deadlocks on a loop of asyncio's that no guard is in: the loop itself raises the error."""

import asyncio
import contextlib
import gc
import logging

import anyio
import pytest

from portable._errors import DeadlockError
from portable._heap import heap_set_aside


@pytest.fixture(autouse=True)
def no_complaints(caplog):
    """Whatever a deadlock ends leaves no log record and nothing for the collector."""
    with heap_set_aside(), caplog.at_level(logging.WARNING):
        yield
        gc.collect()
    assert [record.getMessage() for record in caplog.records] == []


async def wait_for_ever():
    await anyio.Event().wait()


def test_raw_asyncio(runner):
    """asyncio's run ends with the error; closing it cancels the tasks, as ever."""
    ended = []

    async def worker():
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            await asyncio.sleep(5)
            ended.append(asyncio.get_running_loop().time())
            raise

    async def main():
        await asyncio.gather(asyncio.create_task(worker(), name="anna"), worker())

    with pytest.raises(DeadlockError) as caught:
        runner.run(main())
    assert "anna" in caught.value.tasks
    assert len(caught.value.tasks) == 3
    runner.close()
    assert ended == [5.0, 5.0]


def test_raw_asyncio_waits_again_in_its_clean_up(runner):
    """Tasks that wait for ever after they were cancelled do not keep a run from closing."""
    ended = []

    async def stubborn():
        for _ in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        ended.append(True)

    async def main():
        await asyncio.gather(stubborn(), stubborn())

    with pytest.raises(DeadlockError):
        runner.run(main())
    runner.close()
    assert ended == [True, True]


def test_raw_loop_runs_on(runner):
    """A loop that raised the error can be used again, and find the next deadlock."""
    with pytest.raises(DeadlockError):
        runner.run(wait_for_ever())
    runner.run(asyncio.sleep(1))
    with pytest.raises(DeadlockError):
        runner.run(wait_for_ever())


def test_future_without_a_task(runner):
    """A bare future that nobody will set is a deadlock of no tasks."""
    loop = runner.get_loop()
    with pytest.raises(DeadlockError, match="none that portable can name"):
        loop.run_until_complete(loop.create_future())


def test_running_for_ever_is_no_deadlock(runner):
    """run_forever() waits for whatever comes: nobody waits for its end."""
    loop = runner.get_loop()
    loop.call_soon_threadsafe(loop.call_later, 10, loop.call_soon, loop.stop)
    waiting = loop.create_task(wait_for_ever())
    loop.run_forever()
    assert loop.time() == 10.0
    assert not waiting.done()
