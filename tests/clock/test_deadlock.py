"""Deadlocks: every task waits for ever, and the run ends with an error that says so."""

import contextlib
import gc
import logging

import anyio
import pytest

from portable._backends import BACKENDS
from portable._errors import DeadlockError
from portable._heap import heap_set_aside
from portable.clock import VirtualClock


@pytest.fixture(autouse=True)
def no_complaints(caplog):
    """Whatever a deadlock ends leaves no log record and nothing for the collector."""
    with heap_set_aside(), caplog.at_level(logging.WARNING):
        yield
        gc.collect()
    assert [record.getMessage() for record in caplog.records] == []


async def wait_for_ever():
    await anyio.Event().wait()


async def program():
    """Two tasks that wait for ever, and a main that waits for them."""
    await anyio.sleep(3)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(wait_for_ever)
        tasks.start_soon(wait_for_ever, name="bob")


def test_error_names_who_waits_and_where(steer):
    """The error names the tasks that wait; its notes name the lines."""
    with pytest.raises(DeadlockError) as caught:
        steer(program)
    names = ("bob", f"{__name__}.program", f"{__name__}.wait_for_ever")
    assert caught.value.tasks == names
    assert str(caught.value).endswith(f"waiting: {', '.join(names)}")
    in_program = program.__code__.co_firstlineno
    in_wait = wait_for_ever.__code__.co_firstlineno + 1
    notes = caught.value.__notes__
    assert [note.partition(" waits at ")[0] for note in notes] == list(names)
    assert f"{__file__}:{in_wait}, in wait_for_ever" in notes[0]
    assert f"{__file__}:{in_wait}, in wait_for_ever" in notes[2]
    line = int(notes[1].partition(f"{__file__}:")[2].partition(",")[0])
    assert in_program < line <= in_program + 5


def test_place_is_found_through_generators(steer):
    """The line is the innermost one of the program's own, inside an async generator too."""

    async def numbers():
        await wait_for_ever()
        yield 1

    async def main():
        async for _ in numbers():
            pass

    with pytest.raises(DeadlockError) as caught:
        steer(main)
    assert caught.value.__notes__[0].endswith("in wait_for_ever")


def test_tasks_clean_up(steer):
    """Every task is cancelled and its clean-up runs before the error comes out."""
    cleaned_up = []

    async def tidy(name):
        try:
            await wait_for_ever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(5)
            cleaned_up.append((name, anyio.current_time()))

    async def main():
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(tidy, "child")
                await tidy("host")
        finally:
            cleaned_up.append("main")

    with pytest.raises(DeadlockError):
        steer(main)
    assert sorted(cleaned_up[:2]) == [("child", 5.0), ("host", 5.0)]
    assert cleaned_up[2:] == ["main"]


def test_deadlock_behind_a_shield(steer):
    """A shield does not hold: nothing will ever come to its task."""

    async def shielded():
        with anyio.CancelScope(shield=True), anyio.CancelScope(shield=True):
            await wait_for_ever()

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shielded)
            with anyio.CancelScope(shield=True):
                async with anyio.create_task_group() as inner:
                    inner.start_soon(shielded)

    with pytest.raises(DeadlockError):
        steer(main)


def test_deadlock_during_clean_up(steer):
    """A task that waits for ever in its clean-up, and in that one's, is ended as well."""
    steps = []

    async def stubborn():
        try:
            await wait_for_ever()
        finally:
            steps.append("first")
            try:
                with anyio.CancelScope(shield=True):
                    await wait_for_ever()
            finally:
                steps.append("second")
                with anyio.CancelScope(shield=True):
                    await anyio.sleep(1)
                    await wait_for_ever()

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stubborn)
            tasks.start_soon(stubborn)

    with pytest.raises(DeadlockError) as caught:
        steer(main)
    assert steps.count("first") == steps.count("second") == 2
    assert len(caught.value.tasks) == 3


def test_failed_clean_up_is_not_lost(steer):
    """An error of the clean-up is the deadlock's cause."""

    async def main():
        try:
            await wait_for_ever()
        finally:
            raise LookupError("in the clean-up")

    with pytest.raises(DeadlockError) as caught:
        steer(main)
    assert isinstance(caught.value.__cause__, LookupError)


def test_swallowed_cancellation(steer):
    """A program that ends normally after the deadlock still ends with the error."""

    async def main():
        with contextlib.suppress(BaseException):
            await wait_for_ever()
        return "nothing happened"

    with pytest.raises(DeadlockError):
        steer(main)


def test_timers_and_deadlock(steer):
    """No deadlock as long as a timer is set; it comes right after the last."""
    seen = []

    async def sleeper():
        await anyio.sleep(100)
        seen.append(anyio.current_time())

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleeper)
            tasks.start_soon(wait_for_ever)
            await anyio.sleep_forever()

    with pytest.raises(DeadlockError) as caught:
        steer(main)
    assert seen == [100.0]
    assert len(caught.value.tasks) == 2


def test_guard_inside_a_program(steer, backend):
    """A guard ends its own program alone: who called it goes on, and can guard again."""
    clock = VirtualClock(start=None)
    ticks = []

    async def main():
        with pytest.raises(DeadlockError):
            await clock.guard(program)
        await anyio.sleep(1)
        with pytest.raises(DeadlockError):
            await clock.guard(wait_for_ever)
        ticks.append(anyio.current_time())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(wait_for_ever)
            assert await clock.guard(anyio.sleep, 1) is None
            tasks.cancel_scope.cancel()
        return anyio.current_time()

    end = anyio.run(
        main,
        backend=BACKENDS[backend].anyio_backend,
        backend_options=clock.backend_options(backend),
    )
    assert end == 5.0
    assert ticks == [4.0]


def test_guard_spares_who_was_there_before(backend):
    """What ran before the guard is not cancelled, whatever its program does."""
    clock = VirtualClock(start=None)

    async def stubborn():
        try:
            await wait_for_ever()
        finally:
            with anyio.CancelScope(shield=True):
                await wait_for_ever()

    async def main():
        event = anyio.Event()
        survived = []

        async def bystander():
            await event.wait()
            survived.append(True)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(bystander)
            await anyio.wait_all_tasks_blocked()
            with pytest.raises(DeadlockError) as caught:
                await clock.guard(stubborn)
            event.set()
        return survived, caught.value.tasks

    survived, names = anyio.run(
        main,
        backend=BACKENDS[backend].anyio_backend,
        backend_options=clock.backend_options(backend),
    )
    assert survived == [True]
    assert len(names) == 1


def test_wait_that_cannot_be_cancelled():
    """On trio a task may refuse to be cancelled; a deadlock ends it nevertheless."""
    trio = pytest.importorskip("trio", reason="pip install 'portable-tasks[trio]'")
    clock = VirtualClock(start=None)

    async def refuses():
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(refuses)

    with pytest.raises(DeadlockError):
        trio.run(clock.guard, main, **clock.backend_options("trio"))
