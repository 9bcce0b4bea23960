"""`race()`: each point of its contract, on every backend, in tasks of every kind."""

import asyncio
import gc

import anyio
import pytest

import portable
from portable import race


async def after(seconds, result=None):
    await asyncio.sleep(seconds)
    return result


async def fail(seconds, error):
    await asyncio.sleep(seconds)
    raise error


async def slow(ended, seconds=3600):
    try:
        await asyncio.sleep(seconds)
    finally:
        await asyncio.sleep(1)
        ended.append(portable.current_time())


async def dirty():
    try:
        await asyncio.sleep(3600)
    finally:
        raise OSError("dirty")


@pytest.fixture(params=["task", "plain"])
def run_in(request, run):
    """Run a program as main, and in a child of an AnyIO group: on trio a plain task."""

    async def plain(main):
        results = []

        async def child():
            results.append(await main())

        async with anyio.create_task_group() as group:
            group.start_soon(child)
        return results[0]

    return run if request.param == "task" else lambda main: run(plain, main)


# -- outcomes -----------------------------------------------------------------------------


def test_the_first_to_end_wins(run_in):
    """Its result is returned when the others, coroutines and tasks, have ended."""

    async def main():
        ended = []
        task = asyncio.create_task(slow(ended))
        won = await race(after(3, "late"), slow(ended), after(2, "early"), task)
        return won, ended, task.cancelled(), portable.current_time()

    assert run_in(main) == ("early", [3, 3], True, 3)


def test_one_alone(run_in):
    """A race of one is an await."""
    assert run_in(lambda: race(after(1, "alone"))) == "alone"


def test_what_has_ended_already_wins(run_in):
    """A task, or a future, that is done; of several the first that is listed."""

    async def main():
        done = asyncio.create_task(after(0, "done"))
        future = asyncio.get_running_loop().create_future()
        future.set_result("future")
        await asyncio.sleep(1)
        return await race(after(5), done, future), await race(future, done)

    assert run_in(main) == ("done", "future")


def test_the_same_awaitable_twice(run_in):
    """It runs once."""

    async def main():
        coro = after(1, "once")
        task = asyncio.create_task(after(9, "task"))
        return await race(coro, coro, task, task), task.cancelled()

    assert run_in(main) == ("once", True)


def test_another_awaitable(run_in):
    """Anything with `__await__` will do."""

    class Awaitable:
        def __await__(self):
            return after(1, "awaited").__await__()

    assert run_in(lambda: race(Awaitable(), after(5))) == "awaited"


def test_a_failure_is_an_end(run_in):
    """The first failure is raised, the very object, when the others have ended."""
    error = LookupError()

    async def main():
        ended = []
        with pytest.raises(LookupError) as caught:
            await race(slow(ended), fail(1, error))
        return caught.value is error, ended

    assert run_in(main) == (True, [2])


def test_a_cancellation_is_an_end(run_in):
    """A task that is cancelled first ends the race with asyncio's error; the caller goes on."""

    async def main():
        ended = []
        task = asyncio.create_task(after(9))
        asyncio.get_running_loop().call_later(1, task.cancel, "enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await race(slow(ended), task)
        await asyncio.sleep(1)
        return ended, portable.current_time()

    assert run_in(main) == ([2], 3)


def test_errors_of_the_others_are_kept(run_in):
    """Those of other coroutines come in a group, or at the end of what is raised."""

    async def main():
        with pytest.raises(ExceptionGroup, match="beside its result") as beside:
            await race(after(1, "won"), dirty(), dirty())
        error = LookupError()
        with pytest.raises(LookupError) as caught:
            await race(dirty(), fail(1, error))
        assert caught.value is error
        group = error.__context__
        return list(map(repr, beside.value.exceptions)), list(map(repr, group.exceptions))

    assert run_in(main) == (["OSError('dirty')"] * 2, ["OSError('dirty')"])


def test_errors_of_tasks_are_left_to_their_owners(run_in):
    """A task that fails while it is ended keeps its error for whoever awaits it."""

    async def main():
        task = asyncio.create_task(dirty())
        await asyncio.sleep(1)
        won = await race(task, after(1, "won"))
        with pytest.raises(OSError, match="dirty"):
            await task
        return won

    assert run_in(main) == "won"


# -- cancelling the caller ----------------------------------------------------------------


def test_a_cancelled_caller_ends_them_all(run):
    """The cancellation is raised, with its message, when each has cleaned up."""

    async def main():
        ended = []
        caller = asyncio.create_task(race(slow(ended), slow(ended)))
        await asyncio.sleep(1)
        caller.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await caller
        return ended

    assert run(main) == [2, 2]


def test_a_scope_around_a_race_ends_them_all(run_in):
    """So it is with a scope of AnyIO's."""

    async def main():
        ended = []
        with anyio.move_on_after(1) as scope:
            await race(slow(ended), slow(ended))
        return scope.cancelled_caught, ended, portable.current_time()

    assert run_in(main) == (True, [2, 2], 2)


def test_a_limit_around_a_race(run):
    """asyncio's timeout() ends it as any await."""

    async def main():
        ended = []
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await race(slow(ended), slow(ended))
        return ended, asyncio.current_task().cancelling()

    assert run(main) == ([2, 2], 0)


def test_a_cancellation_while_the_others_end(run):
    """It is raised when they have ended, in place of the result."""

    async def main():
        ended = []
        caller = asyncio.create_task(race(after(1, "won"), slow(ended)))
        await asyncio.sleep(1.5)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        return ended, portable.current_time()

    assert run(main) == ([2], 2)


def test_racers_that_end_while_the_others_are_awaited(run, caplog):
    """What ends in the same instant as the race is over makes no noise."""

    async def job(seconds):
        try:
            await asyncio.sleep(seconds)
        finally:
            await asyncio.sleep(0.25)

    async def main():
        task = asyncio.create_task(race(job(2), job(3), job(4)))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main)
    assert not caplog.records


# -- wrong use ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (lambda: after, r"aws must be awaitable, not the function 'after'; call it: race\(aft"),
        (lambda: [after(1)], r"aws must be awaitable, got a list; write race\(\*aws\)"),
        (lambda: 5, r"aws must be awaitable, got 5"),
        (lambda: None, r"aws must be awaitable, got None"),
    ],
    ids=["function", "list", "number", "none"],
)
def test_what_cannot_be_awaited(run_in, given, says):
    """The error shows the right call, and the coroutines beside it are closed."""

    async def main():
        beside = after(1), after(2)
        with pytest.raises(TypeError, match=says):
            wrong = given()
            try:
                await race(beside[0], wrong, beside[1])
            finally:
                if isinstance(wrong, list):
                    wrong[0].close()
        assert [coro.cr_frame for coro in beside] == [None, None]
        gc.collect()

    run_in(main)


def test_nothing_to_race(run_in):
    """It is an error that shows the right call."""

    async def main():
        with pytest.raises(ValueError, match=r"race\(\): aws: .*write race\(first\(\), second"):
            await race()

    run_in(main)


def test_a_coroutine_that_has_run(run_in):
    """Python's own error comes out of the race, and the others are ended."""

    async def main():
        used = after(0)
        await used
        ended = []
        with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
            await race(after(5), used, after(6))
        return ended

    run_in(main)


def test_a_future_of_another_loop(run_in):
    """It is refused, and what began already is ended."""
    other = asyncio.new_event_loop()

    async def main():
        foreign = other.create_future()
        beside = after(1), after(2)
        with pytest.raises(ValueError, match="belongs to a different loop|loop argument must"):
            await race(beside[0], foreign, beside[1])
        assert not foreign.cancelled()
        assert [coro.cr_frame for coro in beside] == [None, None]
        gc.collect()

    run_in(main)
    other.close()


def test_without_an_event_loop():
    """The error says how to start one, and the coroutines are closed."""
    coro = after(1)
    with pytest.raises(
        RuntimeError, match=r"race\(\) .* no event loop .*portable\.run\(main\)"
    ):
        race(coro).send(None)
    assert coro.cr_frame is None
