"""Deadlocks of programs that `portable.run` starts: the same end on every backend."""

import asyncio
import contextlib
import gc
import logging

import anyio
import pytest

import portable
from portable._heap import heap_set_aside
from portable.clock import VirtualClock


@pytest.fixture(autouse=True)
def no_complaints(caplog):
    """Whatever a deadlock ends leaves no log record and nothing for the collector."""
    with heap_set_aside(), caplog.at_level(logging.WARNING):
        yield
        gc.collect()
    records = [*caplog.get_records("call"), *caplog.records]
    assert [record.getMessage() for record in records] == []


@pytest.fixture
def run(backend):
    """Run a program on the test's backend, in virtual time, the wall clock left alone."""

    def run(main):
        clock = VirtualClock(start=None)
        return portable.run(main, backend=backend, virtual_time=clock)

    return run


async def wait_for_ever():
    await asyncio.Event().wait()


async def shielded():
    with anyio.CancelScope(shield=True):
        await anyio.Event().wait()


def named(main):
    """Return a main whose task has a name: asyncio counts those of a process."""

    async def program():
        asyncio.current_task().set_name("main")
        await main()

    return program


def test_all_kinds_of_tasks_are_named(run):
    """asyncio's tasks and AnyIO's have their names, whichever of both they wait for."""

    async def main():
        async with asyncio.TaskGroup() as group, anyio.create_task_group() as tasks:
            group.create_task(wait_for_ever(), name="asyncio's in asyncio's")
            group.create_task(anyio.sleep_forever(), name="asyncio's in AnyIO's")
            tasks.start_soon(wait_for_ever, name="AnyIO's in asyncio's")
            tasks.start_soon(anyio.sleep_forever, name="AnyIO's in AnyIO's")
            await group.create_task(asyncio.sleep(1))

    with pytest.raises(portable.DeadlockError) as caught:
        run(named(main))
    assert caught.value.tasks == (
        "AnyIO's in AnyIO's",
        "AnyIO's in asyncio's",
        "asyncio's in AnyIO's",
        "asyncio's in asyncio's",
        "main",
    )
    notes = caught.value.__notes__
    assert [note.partition(" waits at ")[0] for note in notes if __file__ in note] == [
        "AnyIO's in asyncio's",
        "asyncio's in asyncio's",
        "main",
    ]
    assert notes[-1].endswith("main")


def test_workers_that_are_free_do_not_count(run):
    """Tasks that have ended are not named, whatever is kept of them for others."""

    async def main():
        await asyncio.gather(*(asyncio.sleep(1) for _ in range(20)))
        await wait_for_ever()

    with pytest.raises(portable.DeadlockError) as caught:
        run(named(main))
    assert caught.value.tasks == ("main",)


def test_tasks_clean_up(run):
    """The tasks are cancelled, as when asyncio's run is left, and their clean-up takes time."""
    ended = []

    async def worker():
        try:
            await wait_for_ever()
        finally:
            await asyncio.sleep(5)
            ended.append(portable.current_time())

    async def main():
        await asyncio.wait([asyncio.create_task(worker()) for _ in range(2)])

    with pytest.raises(portable.DeadlockError):
        run(main)
    assert ended == [5.0, 5.0]


def test_a_main_that_swallows_its_cancellation(run):
    """The run ends with the error, whatever main makes of its cancellation."""

    async def main():
        with contextlib.suppress(BaseException):
            await wait_for_ever()
        return "nothing happened"

    with pytest.raises(portable.DeadlockError):
        run(main)


@pytest.mark.parametrize("shields", [0, 1, 2])
def test_shields_and_stubborn_tasks_end(run, shields):
    """Nothing keeps the run from its end: neither shields nor tasks that wait again."""
    ended = []

    async def stubborn():
        for _ in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await wait_for_ever()
        ended.append(True)

    async def main():
        async with anyio.create_task_group() as tasks:
            for _ in range(shields):
                tasks.start_soon(shielded)
            children = [asyncio.create_task(shielded()) for _ in range(shields)]
            await asyncio.gather(stubborn(), stubborn(), *children)

    with pytest.raises(portable.DeadlockError) as caught:
        run(main)
    assert len(caught.value.tasks) == 3 + 2 * shields
    assert ended == [True, True]


def test_a_deadlock_while_the_loop_closes(run, caplog):
    """One that comes when main has ended is told as well."""

    async def main():
        async def leave():
            try:
                await wait_for_ever()
            except asyncio.CancelledError:
                await wait_for_ever()

        kept = asyncio.create_task(leave(), name="left")
        await asyncio.sleep(1)
        return kept

    with pytest.raises(portable.DeadlockError) as caught:
        run(main)
    assert "left" in caught.value.tasks
    del caught
    gc.collect()
    caplog.clear()  # asyncio's Runner is left with the task pending, and says so


def test_a_guard_sees_asyncios_tasks(backend):
    """A guard names and ends what its program made with asyncio, and spares the rest."""
    clock = VirtualClock(start=None)
    kept = []

    async def program():
        tasks = [
            asyncio.create_task(wait_for_ever(), name="inside"),
            asyncio.create_task(shielded(), name="shielded"),
        ]
        kept.extend(tasks)  # the loop itself keeps none that waits for ever
        await asyncio.wait(tasks)

    async def program_that_waits_again():
        try:
            await program()
        finally:
            await program()

    async def main():
        bystander = asyncio.create_task(wait_for_ever(), name="bystander")
        await asyncio.sleep(1)
        for guarded in (program, program_that_waits_again):
            with pytest.raises(portable.DeadlockError) as caught:
                await clock.guard(guarded)
            assert {"inside", "shielded"} <= set(caught.value.tasks)
            assert "bystander" not in caught.value.tasks
            assert asyncio.current_task().cancelling() == 0
        await asyncio.sleep(1)
        assert not bystander.done()
        bystander.cancel()
        return portable.current_time()

    assert portable.run(main, backend=backend, virtual_time=clock) == 2.0


def test_a_wait_that_cannot_be_cancelled():
    """A task of asyncio's on trio may refuse to be cancelled; a deadlock ends it."""
    trio = pytest.importorskip("trio", reason="needs trio: pip install 'portable-tasks[trio]'")

    async def refuses():
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refuses)
            await asyncio.gather(refuses(), wait_for_ever())

    with pytest.raises(portable.DeadlockError):
        portable.run(main, backend="trio", virtual_time=VirtualClock(start=None))


@pytest.mark.parametrize("how", ["run", "guest"])
def test_trios_own_mock_clock(how):
    """trio's MockClock drives asyncio's timers on trio, too."""
    pytest.importorskip("trio", reason="needs trio: pip install 'portable-tasks[trio]'")
    from trio.testing import MockClock

    from portable import asyncio_on_trio

    async def main():
        start = asyncio.get_running_loop().time()
        await asyncio.gather(asyncio.sleep(10), anyio.sleep(20))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait_for_ever(), 100)
        return asyncio.get_running_loop().time() - start

    clock = MockClock(autojump_threshold=0)
    if how == "run":
        assert asyncio_on_trio.run(main(), clock=clock) == 120.0
    else:

        class Loop(asyncio_on_trio.EventLoop):
            pass

        Loop.clock = clock
        with asyncio.Runner(loop_factory=Loop) as runner:
            assert runner.run(main()) == 120.0
