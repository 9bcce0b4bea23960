"""`shield()`: each point of its contract, on every backend."""

import gc

import anyio
import pytest

import portable
from portable import CancelledError, Supervisor, TaskCancelled, create_task, shield


async def value(result, delay=0.0):
    await portable.sleep(delay)
    return result


async def failure(error, delay=0.0):
    await portable.sleep(delay)
    raise error


async def awaiting(aw):
    return await aw


def test_a_shield_gives_what_is_inside(run):
    """Awaiting a shield is awaiting the task: its result, or the very exception it raised."""

    async def main():
        assert await shield(value("coroutine", 1)) == "coroutine"
        assert await shield(create_task(value("task", 1))) == "task"
        error = ValueError()
        with pytest.raises(ValueError) as caught:
            await shield(failure(error, 1))
        assert caught.value is error
        done = create_task(value("done"))
        await done
        protected = shield(done)
        assert (await protected, await protected) == ("done", "done")

    run(main)


def test_a_shield_takes_whatever_can_be_awaited(run):
    """Another shield, or an object with `__await__`, can be shielded too."""

    class Ready:
        def __await__(self):
            return value("object", 1).__await__()

    async def main():
        return await shield(Ready()), await shield(shield(value("inner", 1)))

    assert run(main) == ("object", "inner")


def test_the_waiter_leaves_at_once_and_the_inside_goes_on(run):
    """Cancelling the waiter does not touch the task, nor wait for it (03)."""

    async def main():
        inner = create_task(value("kept", 5))
        waiter = create_task(awaiting(shield(inner)))
        await portable.sleep(1)
        waiter.cancel("leave")
        with pytest.raises(TaskCancelled, match="leave"):
            await waiter
        assert portable.current_time() == 1
        assert not inner.done()
        assert await inner == "kept"
        assert portable.current_time() == 5

    run(main)


def test_a_time_limit_around_a_shield(run):
    """`wait_for(shield(...))` gives up in time, and what is inside goes on."""

    async def main():
        inner = create_task(value("kept", 5))
        with pytest.raises(TimeoutError):
            await portable.wait_for(shield(inner), 2)
        assert portable.current_time() == 2
        return await inner

    assert run(main) == "kept"


def test_a_coroutine_begins_though_nobody_awaits_the_shield(run):
    """As in asyncio a shielded coroutine is a task from the start."""

    async def main():
        seen = []

        async def job():
            seen.append("ran")

        shield(job())
        await portable.sleep(1)
        return seen

    assert run(main) == ["ran"]


@pytest.mark.parametrize("steps", range(6))
def test_cancelled_at_each_step(run, steps):
    """Whenever the waiter is cancelled, the task inside ends as it would have."""

    async def main():
        inner = create_task(value("kept", 0))
        waiter = create_task(awaiting(shield(inner)))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        waiter.cancel()
        try:
            assert await waiter == "kept"
        except TaskCancelled:
            pass
        assert await inner == "kept"

    run(main)


def test_the_inside_being_cancelled_is_told(run):
    """If the task itself is cancelled, the waiter gets TaskCancelled (D4) and goes on."""

    async def main():
        inner = create_task(portable.sleep(100))
        waiter = create_task(awaiting(shield(inner)))
        await portable.sleep(1)
        inner.cancel("inside")
        with pytest.raises(CancelledError, match="inside"):
            await waiter
        with pytest.raises(TaskCancelled, match="inside"):
            await shield(inner)
        await portable.sleep(1)

    run(main)


def test_what_fails_after_the_waiter_left_is_raised_by_its_owner(run):
    """An error that nobody waits for any more is not lost (D6)."""

    async def main():
        waiter = create_task(awaiting(shield(failure(OSError("late"), 5))))
        await portable.sleep(1)
        waiter.cancel()
        with pytest.raises(TaskCancelled):
            await waiter
        await portable.sleep(9)

    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="late")):
        run(main)


def test_what_fails_as_the_waiter_leaves_is_not_lost(run):
    """Cancelled in the instant in which the inside fails: one of the two raises it."""

    async def main():
        seen = []
        try:
            async with Supervisor() as tasks:
                inner = tasks.create_task(failure(OSError("now"), 1))
                waiter = tasks.create_task(awaiting(shield(inner)))
                inner.add_done_callback(lambda task: waiter.cancel())
                try:
                    await waiter
                except OSError as error:
                    seen.append(error)
                except TaskCancelled:
                    pass
        except* OSError as group:
            seen.extend(group.exceptions)
        assert [str(error) for error in seen] == ["now"]

    run(main)


def test_a_value_that_is_ready_as_the_waiter_is_cancelled_is_delivered(run):
    """The result is there when the cancellation comes: it is not lost (D10)."""

    async def main():
        inner = create_task(value("ready", 1))
        got = []

        async def waiting():
            got.append(await shield(inner))

        waiter = create_task(waiting())
        inner.add_done_callback(lambda task: waiter.cancel())
        try:
            await waiter
        except TaskCancelled:
            pass
        assert got == ["ready"]

    run(main)


def test_a_coroutine_needs_a_run(backend):
    """Nobody would own its task: the error shows both ways out, and the coroutine is closed."""
    from portable._backends import get_backend

    chosen = get_backend(backend)

    async def main():
        with pytest.raises(
            RuntimeError, match=r"shield\(\): aw: .*portable\.run\(main\).*Superv"
        ):
            shield(value(1))
        gc.collect()
        async with Supervisor() as tasks:
            return await shield(tasks.create_task(value(1)))

    options = dict(chosen.anyio_options)
    assert anyio.run(main, backend=chosen.anyio_backend, backend_options=options) == 1


def test_bad_input(run):
    """What cannot be shielded is refused by an error that shows the right call."""
    kept = []

    async def first():
        kept.append(create_task(value(1)))
        await kept[0]

    async def main():
        with pytest.raises(
            TypeError, match=r"shield\(\): aw must be .*shield\(value\(\.\.\.\)\)"
        ):
            shield(value)
        with pytest.raises(TypeError, match=r"shield\(\): aw must be awaitable, got 5"):
            shield(5)
        used = value(1)
        await used
        with pytest.raises(RuntimeError, match=r"shield\(\): aw: the coroutine of 'value'"):
            shield(used)
        with pytest.raises(ValueError, match=r"shield\(\): aw: <.*belongs to another run"):
            shield(kept[0])

    run(first)
    run(main)
    with pytest.raises(RuntimeError, match=r"shield\(\) was called with no event loop"):
        shield(value(1))
    gc.collect()
