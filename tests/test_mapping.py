"""`amap()` and `amap_unordered()`: each point of their contract, on every backend."""

import asyncio
import contextvars
import gc
import itertools
import tracemalloc
import weakref
from contextlib import suppress

import anyio
import pytest

import portable
from portable import amap, amap_unordered


async def double(number):
    return 2 * number


async def after(number):
    await asyncio.sleep(number)
    return number


async def collected(func, items, **options):
    """What `amap_unordered` gives, in the form of a block."""
    async with amap_unordered(func, items, **options) as results:
        return [result async for result in results]


class Gauge:
    """A job that tells how many of its kind run at once, and which have begun and ended."""

    def __init__(self, seconds=1.0, clean_up=0.0):
        self.seconds = seconds
        self.clean_up = clean_up
        self.running = self.most = 0
        self.begun = []
        self.ended = []

    async def __call__(self, number):
        self.begun.append(number)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(self.seconds)
            return number
        finally:
            if self.clean_up:
                await asyncio.sleep(self.clean_up)
            self.running -= 1
            self.ended.append(number)


async def stream(items, delay=0.0):
    for item in items:
        await asyncio.sleep(delay)
        yield item


mappers = pytest.mark.parametrize("mapper", [amap, collected], ids=["amap", "unordered"])
limits = pytest.mark.parametrize("limit", [None, 1, 2, 100], ids=lambda limit: f"limit-{limit}")


@pytest.fixture(params=[list, stream], ids=["iterable", "stream"])
def source(request):
    """Items as a plain iterable and as an async one."""
    return request.param


# -- results ----------------------------------------------------------------------------


@limits
def test_amap_gives_results_in_the_order_of_the_items(run, source, limit):
    """Whoever ends first, results stand where their items stood."""

    async def main():
        assert await amap(after, source([3, 1, 2]), limit=limit) == [3, 1, 2]
        assert await amap(double, source(range(50)), limit=limit) == list(range(0, 100, 2))
        assert await amap(double, source([]), limit=limit) == []

    run(main)


@limits
def test_amap_gives_as_many_results_as_items(run, source, limit):
    """However many there are, and whichever comes last: each has its place, and no more."""

    async def last_comes_first(number):
        await asyncio.sleep(1 / (1 + number))

    async def main():
        for size in range(50):
            doubled = await amap(double, source(range(size)), limit=limit)
            assert doubled == [2 * number for number in range(size)]
            results = await amap(last_comes_first, source(range(size)), limit=limit)
            assert results == [None] * size

    run(main)


@mappers
def test_a_job_that_swallows_a_cancellation_leaves_the_others_alone(run, mapper):
    """Each job begins in a task that nobody has asked to cancel, whatever came before it."""

    async def job(number):
        task = asyncio.current_task()
        asked = task.cancelling()
        if number == 0:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(1)
        return asked

    async def main():
        assert await mapper(job, range(4), limit=1) == [0] * 4

    run(main)


def test_a_failed_awaitable_is_gone_with_its_error(run):
    """What a job awaited, which keeps the error that keeps the frame, makes no cycle."""

    async def main():
        loop = asyncio.get_running_loop()

        def job(number):
            failed = loop.create_future()
            failed.set_exception(LookupError("gone"))
            kept.append(weakref.ref(failed))
            return failed

        with suppress(LookupError):
            await amap(job, [1], limit=1)

    kept = []
    gc.collect()
    gc.disable()
    try:
        run(main)
        assert [each() for each in kept] == [None]
    finally:
        gc.enable()


@mappers
def test_a_jobs_own_type_error_is_not_taken_for_a_wrong_job(run, mapper, source):
    """A `TypeError` that a job raises, or another awaitable, is raised as it is."""
    error = TypeError("mine")

    async def fails(number):
        raise error

    class Fails:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            raise error

    async def main():
        for func in (fails, lambda number: Fails()):
            with pytest.raises(TypeError) as caught:
                await mapper(func, source([1]), limit=2)
            assert caught.value is error

    run(main)


@limits
def test_unordered_gives_results_as_they_come(run, source, limit):
    """The first to end comes first."""

    async def main():
        results = await collected(after, source([3, 1, 2]), limit=limit)
        assert sorted(await collected(double, source(range(50)), limit=limit)) == list(
            range(0, 100, 2)
        )
        assert await collected(double, source([]), limit=limit) == []
        return results

    expected = {1: [3, 1, 2], 2: [1, 3, 2]}.get(limit, [1, 2, 3])
    assert run(main) in (expected, [1, 2, 3] if limit == 2 else expected)


@mappers
def test_without_a_limit_all_run_at_once(run, mapper, source):
    """Two hundred jobs of a second each take a second."""

    async def main():
        gauge = Gauge()
        assert sorted(await mapper(gauge, source(range(200)))) == list(range(200))
        assert gauge.most == 200
        assert portable.current_time() == 1

    run(main)


@mappers
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_the_limit_is_kept_and_used(run, mapper, source, limit):
    """At most so many jobs run at once, and so many do while there are items."""

    async def main():
        gauge = Gauge()
        await mapper(gauge, source(range(21)), limit=limit)
        assert gauge.most == limit
        assert portable.current_time() == 21 / limit

    run(main)


@mappers
def test_items_are_taken_only_when_their_turn_comes(run, mapper):
    """With a limit, a generator is never ahead of the jobs by more than that."""

    async def main():
        taken = []

        def items():
            for number in range(20):
                taken.append(number)
                yield number

        gauge = Gauge()

        async def job(number):
            assert len(taken) - len(gauge.ended) <= 3
            return await gauge(number)

        await mapper(job, items(), limit=3)
        assert len(taken) == 20

    run(main)


def test_an_endless_generator_will_do(run):
    """Results of an endless generator can be taken until one has enough."""

    async def main():
        async with amap_unordered(double, itertools.count(), limit=5) as results:
            found = [result async for result, _ in _zip(results, range(100))]
        assert len(set(found)) == 100
        async with amap_unordered(double, stream(itertools.count()), limit=5) as results:
            found = [result async for result, _ in _zip(results, range(100))]
        assert len(set(found)) == 100

    run(main)


async def _zip(results, numbers):
    for number in numbers:
        yield await anext(results), number


def test_jobs_wait_while_nobody_takes_their_results(run):
    """With a limit, results that wait to be taken hold the jobs up: memory stays flat."""

    async def main():
        begun = []

        async def job(number):
            begun.append(number)
            return number

        async with amap_unordered(job, itertools.count(), limit=4) as results:
            await anext(results)
            await asyncio.sleep(10)
            assert len(begun) <= 3 * 4
            before = len(begun)
            for _ in range(before):
                await anext(results)
            assert len(begun) > before

    run(main)


@mappers
def test_results_are_not_kept_by_the_workers(run, mapper):
    """Neither items nor results of jobs that have ended are held on to (but in amap's list)."""

    async def main():
        class Item:
            pass

        alive = 0

        async def job(item):
            nonlocal alive
            await asyncio.sleep(1)
            gc.collect()
            alive = sum(isinstance(each, Item) for each in gc.get_objects())
            assert alive <= 6

        await mapper(job, (Item() for _ in range(12)), limit=3)
        assert alive

    run(main)


# -- failures ---------------------------------------------------------------------------


@mappers
def test_the_first_failure_is_raised_as_it_is(run, mapper, source):
    """The very exception comes out when the other jobs have ended; no further job begins."""

    async def main():
        error = ValueError("third")
        gauge = Gauge(5, clean_up=2)

        async def job(number):
            if number == 2:
                await asyncio.sleep(1)
                raise error
            return await gauge(number)

        with pytest.raises(ValueError) as caught:
            await mapper(job, source(range(10)), limit=3)
        assert caught.value is error
        assert portable.current_time() == 3
        assert sorted(gauge.begun) == sorted(gauge.ended) == [0, 1]

    run(main)


@mappers
def test_errors_of_other_jobs_are_reachable(run, mapper):
    """What fails in clean-up stands in the history of the exception raised."""

    async def main():
        async def job(number):
            if number == 0:
                await asyncio.sleep(1)
                raise ValueError("first")
            try:
                await asyncio.sleep(9)
            finally:
                raise OSError("dirty")

        with pytest.raises(ValueError, match="first") as caught:
            await mapper(job, range(2))
        assert [str(error) for error in caught.value.__context__.exceptions] == ["dirty"]

    run(main)


@mappers
def test_what_the_items_raise_is_raised(run, mapper, source):
    """A generator that fails ends the call like a job that does."""

    async def main():
        gauge = Gauge(5)

        def items():
            yield 1
            yield 2
            raise LookupError("no third")

        async def items_later():
            for each in (1, 2):
                yield each
            raise LookupError("no third")

        with pytest.raises(LookupError, match="no third"):
            await mapper(gauge, items() if source is list else items_later())
        assert sorted(gauge.begun) == sorted(gauge.ended)

    run(main)


@mappers
def test_a_job_that_is_cancelled_ends_the_call(run, mapper):
    """A job that cancels itself ends the call with that."""

    async def main():
        async def job(number):
            if number == 3:
                asyncio.current_task().cancel("enough")
            await asyncio.sleep(1)

        with pytest.raises(asyncio.CancelledError, match="enough"):
            await mapper(job, range(9), limit=2)

    run(main)


def test_results_from_before_a_failure_come_first(run):
    """What was ready is given; then the failure is raised, once, and the loop is over."""

    async def main():
        async def job(number):
            await asyncio.sleep(number)
            if number == 3:
                raise ValueError
            return number

        async with amap_unordered(job, [1, 2, 3, 9]) as results:
            await asyncio.sleep(5)
            assert [await anext(results), await anext(results)] == [1, 2]
            with pytest.raises(ValueError):
                await anext(results)
            with pytest.raises(StopAsyncIteration):
                await anext(results)

    run(main)


async def failing(number):
    try:
        await asyncio.sleep(number)
    finally:
        if number > 1:
            raise OSError("dirty")


def test_a_failure_after_the_block_was_left_is_raised(run):
    """The block raises what nobody was there to see."""

    async def block():
        async with amap_unordered(failing, [1, 50]) as results:
            await anext(results)

    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="dirty")):
        run(block)


def test_a_failure_after_the_loop_was_left_is_logged(run, caplog):
    """A loop that was left can raise nothing any more: asyncio's log tells of it."""

    async def loop():
        async for _ in amap_unordered(failing, [1, 50]):
            break
        await asyncio.sleep(1)

    run(loop)
    gc.collect()
    assert "Task exception was never retrieved" in caplog.text
    assert "dirty" in caplog.text


# -- leaving early ----------------------------------------------------------------------


def test_a_thread_drops_the_results(run):
    """The jobs end as well where the last reference is gone in another thread."""
    cancelled = []

    async def job(number):
        try:
            await asyncio.sleep(number)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    async def main():
        kept = [amap_unordered(job, [0, 50, 60])]
        await anext(kept[0])
        await asyncio.to_thread(kept.clear)
        await asyncio.sleep(1)
        return list(cancelled)

    assert run(main) == [50, 60]


@pytest.mark.parametrize("way", ["break", "error", "return"])
def test_leaving_the_loop_ends_the_jobs(run, way):
    """Left in any way, the plain loop leaves no job behind."""

    async def leave(gauge):
        async for _ in amap_unordered(gauge, itertools.count(), limit=3):
            if way == "break":
                break
            if way == "return":
                return
            raise KeyError

    async def main():
        gauge = Gauge(1, clean_up=1)
        try:
            await leave(gauge)
        except KeyError:
            pass
        await asyncio.sleep(2)
        assert gauge.running == 0
        assert len(gauge.begun) <= 6
        await asyncio.sleep(20)
        assert len(gauge.begun) <= 6

    run(main)


def test_leaving_the_block_awaits_the_jobs(run):
    """When the block is left, each job has ended, its clean-up included."""

    async def main():
        gauge = Gauge(1, clean_up=3)
        async with amap_unordered(gauge, range(9), limit=3) as results:
            await anext(results)
        assert gauge.running == 0
        assert sorted(gauge.begun) == sorted(gauge.ended)
        with pytest.raises(StopAsyncIteration):
            await anext(results)

    run(main)


def test_aclose_ends_the_jobs_and_awaits_them(run):
    """As for an async generator: `aclose()` ends it, before the first step too."""

    async def main():
        gauge = Gauge(1, clean_up=3)
        results = amap_unordered(gauge, range(9), limit=3)
        await anext(results)
        await results.aclose()
        assert gauge.running == 0
        assert [result async for result in results] == []
        await results.aclose()
        unbegun = amap_unordered(gauge, range(9))
        await unbegun.aclose()
        assert [result async for result in unbegun] == []

    run(main)


def test_one_that_is_never_iterated_does_nothing(run):
    """Nothing begins, no item is taken, and nothing is left, before the first step."""

    async def main():
        taken = []
        amap_unordered(double, map(taken.append, range(3)))
        await asyncio.sleep(1)
        assert taken == []
        gc.collect()

    run(main)


# -- cancelling the caller --------------------------------------------------------------


async def looping(func, items, **options):
    return [result async for result in amap_unordered(func, items, **options)]


ways = pytest.mark.parametrize(
    "mapper", [amap, collected, looping], ids=["amap", "block", "loop"]
)


@ways
def test_cancelling_the_caller_ends_the_jobs(run, mapper, source):
    """The jobs are cancelled and have ended when the caller is gone, with its message."""

    async def main():
        gauge = Gauge(5, clean_up=2)
        caller = asyncio.create_task(mapper(gauge, source(range(9)), limit=3))
        await asyncio.sleep(1)
        caller.cancel("stop")
        with pytest.raises(asyncio.CancelledError, match="stop"):
            await caller
        assert portable.current_time() == 3
        assert sorted(gauge.begun) == sorted(gauge.ended) == [0, 1, 2]

    run(main)


@pytest.mark.slow_on_uvloop
@ways
@pytest.mark.parametrize("steps", range(14))
def test_cancelled_at_each_step_nothing_is_left(run, mapper, source, steps):
    """Whenever the caller is cancelled, each job that began has ended when it is gone."""

    async def main():
        begun, ended = [], []

        async def job(number):
            begun.append(number)
            try:
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
                await asyncio.sleep(1)
            finally:
                ended.append(number)

        caller = asyncio.create_task(mapper(job, source(range(5)), limit=2))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert sorted(begun) == sorted(ended)
        gc.collect()

    run(main)


@ways
def test_a_scope_around_the_caller_ends_the_jobs(run, mapper, source):
    """Cancelled by a scope of AnyIO's, the caller awaits the jobs' clean-up all the same."""

    async def main():
        gauge = Gauge(5, clean_up=2)
        with anyio.move_on_after(1) as scope:
            await mapper(gauge, source(range(9)), limit=3)
        assert scope.cancelled_caught
        assert portable.current_time() == 3
        assert sorted(gauge.begun) == sorted(gauge.ended) == [0, 1, 2]

    run(main)


@ways
def test_in_a_plain_task(run, mapper, source):
    """A child of an AnyIO group, which on trio is no task of asyncio's, may map too."""
    seen = []

    async def child():
        seen.extend(await mapper(after, source([3, 1, 2]), limit=3))

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    run(main)
    assert sorted(seen) == [1, 2, 3]


# -- jobs that share a worker -----------------------------------------------------------


@mappers
@limits
def test_jobs_do_not_see_each_others_context(run, mapper, limit):
    """Each job begins with the caller's context variables, whatever an earlier one set."""
    variable = contextvars.ContextVar("variable")

    async def job(number):
        before = variable.get()
        variable.set(number)
        if number % 3:
            await anyio.lowlevel.checkpoint()
            assert variable.get() == number
        return before

    async def main():
        variable.set("caller")
        assert await mapper(job, range(30), limit=limit) == ["caller"] * 30
        assert await mapper(job, stream(range(30)), limit=limit) == ["caller"] * 30
        assert variable.get() == "caller"

    run(main)


@mappers
@pytest.mark.parametrize("source", [list, stream])
def test_a_swallowed_cancellation_does_not_reach_the_next_job(run, mapper, source):
    """A job that was cancelled and went on all the same: the next one is not cancelled."""

    async def main():
        async def job(number):
            if number == 0:
                asyncio.current_task().cancel()
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(1)
            else:
                await asyncio.sleep(1)
            return number

        assert sorted(await mapper(job, source(range(4)), limit=1)) == [0, 1, 2, 3]

    run(main)


async def between_turns(take):
    """Return how often `take` calls its argument between each two turns of another task."""
    seen = [0]

    def note():
        seen[-1] += 1

    taking = asyncio.create_task(take(note))
    while not taking.done():
        await asyncio.sleep(0)
        seen.append(0)
        assert len(seen) < 10_000, "it does not come to its end"
    await taking
    return seen


@pytest.fixture
def set_clock(monkeypatch):
    """Return what has the pool's clock go on by so many seconds each time it is read."""

    def set_it(step):
        clock = itertools.count(step=step)
        monkeypatch.setattr("portable._pool.perf_counter", clock.__next__)
        return clock

    return set_it


@mappers
def test_jobs_that_never_wait_leave_others_a_turn(backend, mapper, set_clock):
    """A long row of jobs without a wait leaves the event loop its turns, with any limit."""
    set_clock(0.0003)

    async def take(note):
        async def job(number):
            note()

        await mapper(job, range(2000), limit=100)

    seen = portable.run(between_turns(take), backend=backend)
    # At first each worker does one job. A slice is four looks at this clock at most.
    assert max(seen) <= 100 + 4 * 8
    assert len(seen) < 1500  # and it is used


@mappers
def test_long_jobs_leave_others_a_turn_each(backend, mapper, set_clock):
    """Between two long jobs the event loop has its turn, however late it is each time."""
    clock = set_clock(0.002)

    async def take(note):
        async def job(number):
            next(clock)
            note()

        await mapper(job, range(300), limit=100)

    seen = portable.run(between_turns(take), backend=backend)
    assert max(seen) <= 100
    assert sorted(seen)[-2] <= 2


def test_without_a_limit_there_is_nothing_to_wait_for(backend, set_clock):
    """Jobs that all have tasks of their own end in the turn in which they begin."""
    set_clock(0.002)

    async def take(note):
        async def job(number):
            note()

        await amap(job, range(1000))

    seen = portable.run(between_turns(take), backend=backend)
    assert len(seen) < 10


@mappers
def test_a_job_fails_while_workers_wait_for_their_turn(backend, mapper, set_clock):
    """The workers that wait are cancelled; nothing is told to the exception handler."""
    set_clock(0.0003)

    async def main():
        told = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, context: told.append(context)
        )

        async def job(number):
            if number == 500:
                raise LookupError

        with pytest.raises(LookupError):
            await mapper(job, range(2000), limit=100)
        for _ in range(5):
            await asyncio.sleep(0)
        return told

    assert portable.run(main, backend=backend) == []


def test_taking_what_is_ready_leaves_others_a_turn(backend, monkeypatch):
    """A loop over results that are ready already does not keep the event loop to itself."""
    clock = itertools.count(step=0.0003)
    monkeypatch.setattr("portable._mapping.perf_counter", clock.__next__)

    async def take(note):
        async for _ in amap_unordered(double, range(1000)):
            note()

    seen = portable.run(between_turns(take), backend=backend)
    assert max(seen) <= 3 * 4  # slices of four looks at this clock


@pytest.mark.slow
@mappers
@pytest.mark.parametrize("waits", [False, True], ids=["no-op", "one-wait"])
def test_memory_does_not_grow_with_the_items(mapper, waits):
    """Four times the items from a generator take no more memory, but for amap's list."""

    async def job(number):
        if waits:
            await anyio.lowlevel.checkpoint()

    async def main(size):
        gc.collect()
        tracemalloc.start()
        try:
            if mapper is amap:
                assert len(await amap(job, (n for n in range(size)), limit=10)) == size
                results = 9 * size  # bytes: a list of pointers, grown in steps
            else:
                results = count = 0
                async with amap_unordered(job, (n for n in range(size)), limit=10) as them:
                    async for _ in them:
                        count += 1
                assert count == size
            return tracemalloc.get_traced_memory()[1] - results
        finally:
            tracemalloc.stop()

    small, large = (portable.run(main, size) for size in (3_000, 12_000))
    assert large < small + 30_000


# -- bad input --------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [amap, amap_unordered])
@pytest.mark.parametrize(
    ("limit", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (True, TypeError),
        (1.5, TypeError),
        (float("nan"), TypeError),
        ("2", TypeError),
    ],
)
def test_a_bad_limit_is_refused(run, caller, limit, error):
    """A limit is a whole number from 1 on, or None; the error says so."""

    async def main():
        with pytest.raises(error, match=rf"{caller.__name__}\(\): limit must be .*None for no"):
            await _call(caller, double, [1], limit=limit)

    run(main)


async def _call(caller, *args, **options):
    result = caller(*args, **options)
    return await result if caller is amap else [each async for each in result]


@pytest.mark.parametrize("caller", [amap, amap_unordered])
def test_bad_functions_and_items_are_refused(run, caller):
    """Each wrong call names the parameter, shows the right one and leaves nothing."""
    name = caller.__name__

    def plain(item):
        return item

    async def main():
        with pytest.raises(TypeError, match=rf"{name}\(\): func must be a function, not a co"):
            await _call(caller, double(1), [1])
        with pytest.raises(
            TypeError, match=rf"{name}\(\): func must be a coroutine function, g"
        ):
            await _call(caller, 5, [1])
        with pytest.raises(
            TypeError, match=rf"{name}\(\): func .* plain\(\) returned 1\. Write"
        ):
            await _call(caller, plain, [1])
        for wrong in (5, double(1)):
            with pytest.raises(TypeError, match=rf"{name}\(\): items must be an iterable or"):
                await _call(caller, double, wrong)
        with pytest.raises(TypeError, match=rf"items must .*call it: {name}\(func, stream\("):
            await _call(caller, double, stream)
        gc.collect()

    run(main)


def test_they_work_in_any_run(anyio_backend_name, anyio_backend_options):
    """A run that AnyIO has started will do, for the plain loop too."""

    async def main():
        return [await mapper(double, [1, 2], limit=1) for mapper in (amap, collected, looping)]

    options = {"backend": anyio_backend_name, "backend_options": anyio_backend_options}
    assert anyio.run(main, **options) == [[2, 4]] * 3


def test_without_a_loop_they_say_what_to_do():
    """Everything needs an event loop."""
    with pytest.raises(RuntimeError, match=r"amap\(\) was called with no event loop"):
        amap(double, [1]).send(None)
    with pytest.raises(RuntimeError, match=r"amap_unordered\(\) was called with no event loop"):
        anext(amap_unordered(double, [1])).send(None)


def test_the_block_is_opened_first(run):
    """A loop that has begun cannot become a block, and says what to write."""

    async def main():
        results = amap_unordered(double, range(3))
        await anext(results)
        with pytest.raises(RuntimeError, match=r"amap_unordered\(\): .*open the block first"):
            async with results:
                pass

    run(main)


def test_the_limit_has_to_be_named():
    """`limit` is given by its name alone, which the other two may be."""
    for function in (amap, amap_unordered):
        with pytest.raises(TypeError, match="positional"):
            function(double, [1], 2)
        made = function(func=double, items=[1], limit=2)
        if function is amap:
            made.close()
