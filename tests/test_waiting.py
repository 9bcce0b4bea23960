"""`wait()` and `as_completed()`: each point of their contract, on every backend."""

import asyncio
import gc

import anyio
import pytest

import portable
from portable import (
    ALL_COMPLETED,
    FIRST_COMPLETED,
    FIRST_EXCEPTION,
    CancelledError,
    Supervisor,
    TaskCancelled,
    as_completed,
    create_task,
    wait,
)


async def value(result, delay=0.0):
    await portable.sleep(delay)
    return result


async def failure(error, delay=0.0):
    await portable.sleep(delay)
    raise error


async def cleaning(seconds, seen, error=None):
    """Wait to be cancelled, clean up for some time, and perhaps fail in that."""
    try:
        await portable.sleep(1000)
    finally:
        with anyio.CancelScope(shield=True):
            await portable.sleep(seconds)
        seen.append(portable.current_time())
        if error is not None:
            raise error


def tasks_of(*delays):
    return [create_task(value(delay, delay)) for delay in delays]


# -- wait -------------------------------------------------------------------------------


def test_wait_for_all(run):
    """By default it returns when the last has ended, with all of them in the first set."""

    async def main():
        tasks = tasks_of(1, 3, 2)
        assert await wait(tasks) == (set(tasks), set())
        assert portable.current_time() == 3

    run(main)


def test_wait_for_the_first(run):
    """FIRST_COMPLETED returns with the first end, whatever it is; the others go on."""

    async def main():
        slow, fast = tasks_of(3, 1)
        assert await wait([slow, fast], return_when=FIRST_COMPLETED) == ({fast}, {slow})
        assert portable.current_time() == 1
        failing = create_task(failure(ValueError(), 1))
        assert await wait([slow, failing], return_when=FIRST_COMPLETED) == ({failing}, {slow})
        assert await slow == 3

    run(main)


def test_wait_for_the_first_exception(run):
    """FIRST_EXCEPTION returns with the first failure; a cancelled task is none."""

    async def main():
        slow, fast = tasks_of(9, 1)
        cancelled = create_task(portable.sleep(50))
        failing = create_task(failure(ValueError(), 3))
        cancelled.cancel()
        done, pending = await wait(
            [slow, fast, cancelled, failing], return_when=FIRST_EXCEPTION
        )
        assert (done, pending) == ({fast, cancelled, failing}, {slow})
        assert portable.current_time() == 3
        assert await wait([slow], return_when=FIRST_EXCEPTION) == ({slow}, set())

    run(main)


@pytest.mark.parametrize("return_when", [FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED])
def test_wait_on_tasks_that_are_done(run, return_when):
    """What has ended already is enough; others get one turn, and no time passes."""

    async def main():
        failing = create_task(failure(ValueError()))
        await portable.sleep(1)
        seen = []
        other = create_task(value(1))
        other.add_done_callback(seen.append)
        assert await wait([failing], return_when=return_when) == ({failing}, set())
        assert portable.current_time() == 1
        await other

    run(main)


def test_wait_until_a_time_limit(run):
    """At the limit it returns what there is, raises nothing and cancels nothing."""

    async def main():
        fast, slow = tasks_of(1, 5)
        assert await wait([fast, slow], timeout=2) == ({fast}, {slow})
        assert portable.current_time() == 2
        assert await wait([slow], timeout=0) == (set(), {slow})
        assert await wait([slow], timeout=-1) == (set(), {slow})
        assert portable.current_time() == 2
        assert await slow == 5
        assert await wait([slow], timeout=0) == ({slow}, set())

    run(main)


def test_wait_takes_any_iterable_and_asyncios_constants(run):
    """A generator will do, the same task twice counts once, and constants are asyncio's."""

    async def main():
        (task,) = tasks_of(1)
        done, pending = await wait(
            (each for each in (task, task)), return_when=asyncio.ALL_COMPLETED
        )
        assert (done, pending) == ({task}, set())

    run(main)


def test_cancelling_wait_cancels_nothing(run):
    """Who waits leaves at once when cancelled; the tasks go on, unlistened to."""

    async def main():
        tasks = tasks_of(5, 6)
        waiter = create_task(wait(tasks))
        await portable.sleep(1)
        waiter.cancel("enough")
        with pytest.raises(TaskCancelled, match="enough"):
            await waiter
        assert portable.current_time() == 1
        assert [task.done() for task in tasks] == [False, False]
        assert [await task for task in tasks] == [5, 6]
        assert not any(task._callbacks for task in tasks)

    run(main)


@pytest.mark.parametrize("steps", range(6))
def test_wait_cancelled_at_each_step(run, steps):
    """Whenever it is cancelled, the tasks are as they were."""

    async def main():
        tasks = tasks_of(0, 0, 1)
        waiter = create_task(wait(tasks))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        waiter.cancel()
        with pytest.raises(TaskCancelled):
            await waiter
        assert [await task for task in tasks] == [0, 0, 1]

    run(main)


def test_a_failure_that_wait_returned_is_retrieved(run):
    """A failed task among the done ones counts as seen; one that is pending does not."""

    async def main():
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="later")):
            async with Supervisor() as tasks:
                failing = tasks.create_task(failure(ValueError("seen"), 1))
                later = tasks.create_task(failure(OSError("later"), 5))
                done, pending = await wait([failing, later], timeout=2)
                assert (done, pending) == ({failing}, {later})

    run(main)


def test_wait_refuses_coroutines(run):
    """Coroutines are a TypeError that shows the right call, as in asyncio, and are closed."""

    async def main():
        tasks = tasks_of(1)
        with pytest.raises(
            TypeError, match=r"wait\(\): tasks: coroutines .*create_task\(value\("
        ):
            await wait([*tasks, value(1), value(2)])
        with pytest.raises(TypeError, match=r"wait\(\): tasks must be a collection of tasks"):
            await wait(value(1))
        gc.collect()

    run(main)


def test_wait_refuses_what_is_no_task(run):
    """A single task, a function, a thing, or nothing: each is told from a set of tasks."""

    async def main():
        (task,) = tasks_of(1)
        for wrong in (task, 5, value):
            with pytest.raises(TypeError, match=r"wait\(\): tasks must be a collection"):
                await wait(wrong)
        with pytest.raises(
            TypeError, match=r"wait\(\): tasks must hold tasks alone, got <func"
        ):
            await wait([task, value])
        with pytest.raises(ValueError, match=r"wait\(\): tasks is empty"):
            await wait([])

    run(main)


def test_wait_counts_what_ends_at_the_same_instant(run):
    """At a time limit, and after a first end, all that ends at that instant is done."""

    async def turns(number):
        for _ in range(number):
            await portable.sleep(0)

    async def main():
        fast, slow = tasks_of(1, 2)
        assert await wait([fast, slow], timeout=1) == ({fast}, {slow})
        both = {create_task(turns(1)), create_task(turns(2))}
        assert await wait(both, return_when=FIRST_COMPLETED) == (both, set())
        await slow

    run(main)


def test_a_future_is_no_collection(run):
    """What can be awaited is one thing to wait for, also where it can be iterated too."""

    class Future:
        def __iter__(self):
            yield None

        __await__ = __iter__

    async def main():
        with pytest.raises(TypeError, match=r"wait\(\): tasks must be a collection of tasks"):
            await wait(Future())
        with pytest.raises(TypeError, match=r"as_completed\(\): aws must be a collection"):
            as_completed(Future())

    run(main)


def test_wait_refuses_bad_options(run):
    """`return_when` is one of three, and a time limit is a number."""

    async def main():
        tasks = tasks_of(0)
        with pytest.raises(ValueError, match=r"return_when must be one of FIRST_COMPLETED, "):
            await wait(tasks, return_when="SOMETIMES")
        with pytest.raises(ValueError, match=r"wait\(\): timeout must not be NaN"):
            await wait(tasks, timeout=float("nan"))
        with pytest.raises(TypeError, match=r"wait\(\): timeout must be a number"):
            await wait(tasks, timeout="soon")

    run(main)


def test_tasks_of_another_run_are_refused(run):
    """A task of another run, ended or not, is an error that says so."""
    kept = []

    async def first():
        kept.extend(tasks_of(0))
        await kept[0]

    async def main():
        with pytest.raises(ValueError, match=r"wait\(\): tasks: <.*belongs to another run"):
            await wait(kept)
        with pytest.raises(ValueError, match=r"as_completed\(\): aws: <.*belongs to another"):
            async for _ in as_completed([value(1), *kept]):
                pass
        with pytest.raises(ValueError, match=r"as_completed\(\): aws: <.*belongs to another"):
            async with as_completed([value(1), *kept]):
                pass
        gc.collect()

    run(first)
    run(main)


def test_without_an_event_loop_they_say_what_to_do():
    """Called outside of any run they say to use run(), and close what they were given."""
    with pytest.raises(RuntimeError, match=r"as_completed\(\) was called with no event loop"):
        as_completed([value(1)])
    with pytest.raises(RuntimeError, match=r"wait\(\) was called with no event loop"):
        wait([]).send(None)
    gc.collect()


# -- as_completed: the loops ------------------------------------------------------------


def test_tasks_come_in_the_order_in_which_they_end(run):
    """`async for` gives each task when it has ended: given ones as they are."""

    async def main():
        tasks = tasks_of(3, 1, 2)
        seen = [(task, portable.current_time()) async for task in as_completed(tasks)]
        assert seen == [(tasks[1], 1), (tasks[2], 2), (tasks[0], 3)]
        assert all(task.done() for task in tasks)

    run(main)


def test_coroutines_become_tasks_of_the_run(run):
    """A coroutine is made a task, any awaitable too; the same one twice comes once."""

    class Ready:
        def __await__(self):
            return value("object", 2).__await__()

    async def main():
        coro = value("coroutine", 1)
        return [await task async for task in as_completed([Ready(), coro, coro])]

    assert run(main) == ["coroutine", "object"]


def test_the_plain_loop_gives_coroutines(run):
    """`for coro in as_completed(...)`: each gives the next result, or raises."""

    async def main():
        got = []
        jobs = [value("c", 3), failure(ValueError("b"), 2), value("a", 1)]
        for coro in as_completed(jobs):
            try:
                got.append((await coro, portable.current_time()))
            except ValueError as error:
                got.append((str(error), portable.current_time()))
        return got

    assert run(main) == [("a", 1), ("b", 2), ("c", 3)]


def test_waiting_for_several_at_once_serves_them_in_order(run):
    """Coroutines of the plain loop that wait together get their results in turn."""

    async def main():
        waiting = []
        for coro in as_completed([value(n, n) for n in (3, 1, 2)]):
            waiting.append(create_task(coro))
            await portable.sleep(0.1)  # trio starts in any order what starts together (D7)
        return [await task for task in waiting]

    assert run(main) == [1, 2, 3]


def test_one_that_is_cancelled_while_it_waits_takes_nothing(run):
    """The task that one was waiting for comes to the next, also if both happen at once."""

    async def main():
        first, second = as_completed([value("x", 2), value("y", 3)])
        task = create_task(first)
        other = create_task(second)
        await portable.sleep(1)
        task.cancel()
        with pytest.raises(TaskCancelled):
            await task
        assert await other == "x"
        assert portable.current_time() == 2

    run(main)


def test_one_that_is_cancelled_as_its_turn_comes_loses_nothing(run):
    """It takes the task (D10), or leaves it to the one behind."""

    async def main():
        tasks = tasks_of(2, 3)
        waiting = [create_task(coro) for coro in as_completed(tasks)]
        await portable.sleep(1)
        tasks[0].add_done_callback(lambda task: waiting[0].cancel())
        await wait(waiting)
        got = [None if task.cancelled() else task.result() for task in waiting]
        assert sorted(got, key=str) in ([2, 3], [2, None])
        if got[0] is None:
            assert (got[1], portable.current_time()) == (2, 2)

    run(main)


@pytest.mark.parametrize("backend", ["asyncio", "uvloop"])
def test_asyncios_own_cancellation_leaves_the_turn_to_the_next(backend):
    """asyncio's `Task.cancel()` hits one whose turn has come; the one behind takes it then."""
    if backend == "uvloop":
        pytest.importorskip("uvloop", reason="pip install 'portable-tasks[uvloop]'")

    async def main():
        tasks = tasks_of(2, 3)
        natives = []

        async def taking(coro):
            natives.append(asyncio.current_task())
            return await coro

        first, second = [create_task(taking(coro)) for coro in as_completed(tasks)]
        await portable.sleep(1)
        tasks[0].add_done_callback(lambda task: natives[0].cancel())
        assert await second == 2
        assert portable.current_time() == 2
        assert first.cancelled()

    portable.run(main, backend=backend, virtual_time=True)


def test_failed_and_cancelled_tasks_come_like_others(run):
    """One that fails disturbs neither the loop nor the other tasks (23)."""

    async def main():
        error = ValueError()
        cancelled = create_task(portable.sleep(9))
        cancelled.cancel()
        failing = create_task(failure(error, 1))
        last = create_task(value("last", 2))
        got = [task async for task in as_completed([failing, cancelled, last])]
        assert got == [cancelled, failing, last]
        assert failing.exception() is error

    run(main)


def test_a_failure_that_only_came_by_is_not_lost(run):
    """A failed task that nobody awaited or asked is raised by its owner (D6)."""

    async def main():
        with pytest.RaisesGroup(ValueError):
            async with Supervisor() as tasks:
                async for _ in as_completed([tasks.create_task(failure(ValueError()))]):
                    pass
        with pytest.RaisesGroup(OSError):
            async with as_completed([failure(OSError())]) as finished:
                async for _ in finished:
                    pass

    run(main)


def test_nothing_to_complete(run):
    """An empty collection is an empty loop, in all forms."""

    async def main():
        assert list(as_completed([])) == []
        assert [task async for task in as_completed(())] == []
        async with as_completed([]) as finished:
            assert [task async for task in finished] == []

    run(main)


def test_leaving_the_loop_leaves_the_tasks(run):
    """Without the block, what is left over goes on, as in asyncio."""

    async def main():
        tasks = tasks_of(1, 5)
        async for task in as_completed(tasks):
            assert task is tasks[0]
            break
        return await tasks[1]

    assert run(main) == 5


@pytest.mark.parametrize("form", ["async", "plain"])
def test_when_the_time_is_up(run, form):
    """TimeoutError at each one that is missing; what ended in time still comes; all go on."""

    async def main():
        fast, slow, slower = tasks = tasks_of(1, 5, 6)
        iterator = as_completed(tasks, timeout=3)
        got = []
        if form == "async":
            iterator = aiter(iterator)
        for _ in range(3):
            try:
                if form == "async":
                    got.append(await anext(iterator))
                else:
                    got.append(await next(iterator if got else iter(iterator)))
            except TimeoutError:
                got.append(portable.current_time())
        assert got == [fast if form == "async" else 1, 3, 3]
        assert [await slow, await slower] == [5, 6]

    run(main)


def test_what_ends_after_the_time_is_up_does_not_come(run):
    """The limit counts from the call, and holds also if nobody has asked meanwhile."""

    async def main():
        iterator = aiter(as_completed(tasks_of(1, 3, 5), timeout=3))
        await portable.sleep(10)
        assert await (await anext(iterator)) == 1
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await anext(iterator)
        with pytest.raises(StopAsyncIteration):
            await anext(iterator)

    run(main)


# -- as_completed: the block ------------------------------------------------------------


def test_leaving_the_block_ends_the_rest(run):
    """What has not ended when the block is left is cancelled, and its end awaited (D5)."""

    async def main():
        seen = []
        given = create_task(cleaning(3, seen))
        async with as_completed([value("x", 1), cleaning(2, seen), given]) as finished:
            async for task in finished:
                assert await task == "x"
                break
        assert seen == [3, 4]
        assert given.cancelled()

    run(main)


def test_the_block_takes_the_plain_loop_too(run):
    """Inside the block both loops do."""

    async def main():
        async with as_completed([value("b", 2), value("a", 1)]) as finished:
            return [await coro for coro in finished]

    assert run(main) == ["a", "b"]


def test_the_block_needs_no_run(backend):
    """It owns its tasks, so it works in any program on AnyIO; the loop alone says so."""
    from portable._backends import get_backend

    chosen = get_backend(backend)

    async def main():
        with pytest.raises(RuntimeError, match=r"as_completed\(\).*async with as_completed"):
            async for _ in as_completed([value(1)]):
                pass
        gc.collect()
        async with as_completed([value(1)]) as finished:
            return [await task async for task in finished]

    options = dict(chosen.anyio_options)
    assert anyio.run(main, backend=chosen.anyio_backend, backend_options=options) == [1]


def test_an_error_in_the_block_ends_the_rest(run):
    """What the body raises comes out as it is, when the rest has ended."""

    async def main():
        seen = []
        with pytest.raises(KeyError):
            async with as_completed([value(1, 1), cleaning(2, seen)]) as finished:
                async for _ in finished:
                    raise KeyError
        assert seen == [3]
        with pytest.raises(TimeoutError):
            async with as_completed([cleaning(2, seen)], timeout=1) as finished:
                async for _ in finished:
                    pass
        assert seen == [3, 6]

    run(main)


def test_an_error_of_the_rest_is_raised(run):
    """A task that fails while it is cancelled by the block is not lost (D6)."""

    async def main():
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="dirty")):
            async with as_completed([cleaning(1, [], OSError("dirty"))]):
                await portable.sleep(1)

    run(main)


@pytest.mark.parametrize("steps", range(10))
def test_the_block_cancelled_at_each_step(run, steps):
    """Whenever the caller is cancelled, each task that began ends before it leaves."""

    async def main():
        begun, ended = [], []

        async def child(number):
            begun.append(number)
            try:
                await anyio.lowlevel.checkpoint()
                await portable.sleep(1)
            finally:
                ended.append(number)

        async def caller(given):
            async with as_completed([child(1), given, child(2)]) as finished:
                async for _ in finished:
                    await anyio.lowlevel.checkpoint()

        given = create_task(child(0))
        task = create_task(caller(given))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel("stop")
        with pytest.raises(TaskCancelled, match="stop"):
            await task
        if begun and steps > 3:
            assert given.cancelled()
            with pytest.raises(TaskCancelled, match="stop"):
                given.result()
        given.cancel()
        assert sorted(begun) == sorted(ended) or not given.done()
        with pytest.raises(CancelledError):
            await given
        assert sorted(begun) == sorted(ended)
        gc.collect()

    run(main)


def test_the_block_is_opened_first(run):
    """A loop that has begun cannot become a block, and says what to write."""

    async def main():
        iterator = as_completed(tasks_of(0))
        await anext(aiter(iterator))
        with pytest.raises(RuntimeError, match=r"open the block first: `async with as_comp"):
            async with iterator:
                pass

    run(main)


def test_as_completed_refuses_bad_input(run):
    """Each wrong call names what is wrong with it and closes the coroutines."""

    async def main():
        task = create_task(value(1))
        for wrong in (value(1), task, 5, value):
            with pytest.raises(TypeError, match=r"as_completed\(\): aws must be a collection"):
                as_completed(wrong)
        with pytest.raises(
            TypeError, match=r"as_completed\(\): aws .*call it: as_completed\(value"
        ):
            list(as_completed([value(1), value]))
        with pytest.raises(ValueError, match=r"as_completed\(\): timeout must not be NaN"):
            as_completed([value(1)], timeout=float("nan"))
        with pytest.raises(TypeError, match=r"as_completed\(\): timeout must be a number"):
            as_completed([value(1)], timeout="soon")
        used = value(1)
        await used
        with pytest.raises(RuntimeError, match="has begun or ended already"):
            list(as_completed([value(1), used]))
        async with as_completed([value(1)]) as finished:
            assert [await each async for each in finished] == [1]
        await task
        gc.collect()

    run(main)
