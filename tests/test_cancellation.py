"""Each helper, its caller cancelled at the 1st, 2nd, 3rd … time it waits, on every backend.

A caller is run by a `Stepper`, which stands between the event loop and the coroutine: it
counts how often the coroutine waits, and calls back when it does so for the n-th time. That
is the moment in which the cancellation comes. A scenario is repeated with n = 1, 2, 3 …
until its caller ends before the n-th.

Every job of a scenario cleans up, which takes a second under a shield, and some fail while
they do. So a helper that leaves too early, or drops an error, is found.
"""

import asyncio
import contextvars
import gc
import threading
from collections.abc import Coroutine, Generator
from contextlib import suppress
from itertools import count

import anyio
import pytest

import portable
from portable import Supervisor, TaskCancelled, TaskGroup, create_task
from portable._heap import heap_set_aside

LONG = 100


class Boom(Exception):
    """What a job raises; `World` knows of each one."""


class Stepper(Generator, Coroutine):
    """A coroutine that calls `stop` when the coroutine inside waits for the n-th time."""

    def __init__(self, coro, nth, stop):
        self._coro = coro
        self._left = nth
        self._stop = stop

    @property
    def interrupted(self):
        return self._left <= 0

    def _step(self, step, *args):
        waits_for = step(*args)
        self._left -= 1
        if self._left == 0:
            self._stop()
        return waits_for

    def send(self, value):
        return self._step(self._coro.send, value)

    def throw(self, *error):
        return self._step(self._coro.throw, *error)

    def close(self):
        self._coro.close()

    def __await__(self):
        return self


class World:
    """What a scenario uses, and what became of it."""

    def __init__(self):
        self.alive = set()
        self.raised = []
        self.seen = []
        self.threads = threading.Semaphore(0)
        self._numbers = count()

    async def job(self, seconds=LONG, *, fails=False):
        """Work, then clean up for a second, then maybe fail."""
        number = next(self._numbers)
        self.alive.add(number)
        try:
            await portable.sleep(seconds)
        finally:
            with anyio.CancelScope(shield=True):
                await portable.sleep(1)
            self.alive.remove(number)
            if fails:
                self.raised.append(Boom(number))
                raise self.raised[-1]
        return number

    def thread(self):
        """Block until `main` lets threads go on."""
        self.alive.add("thread")
        self.threads.acquire()
        self.alive.remove("thread")

    async def watch(self, scenario):
        """Run a scenario and keep what comes out of it."""
        try:
            await scenario(self)
        except BaseException as error:
            self.seen.append(error)
            raise

    def lost(self):
        """The errors of jobs that nothing leads to of what was seen."""
        found = reachable(self.seen)
        return [error for error in self.raised if error not in found]


def reachable(errors):
    """All exceptions that these lead to: members of groups, causes, contexts."""
    found, waiting = [], list(errors)
    while waiting:
        error = waiting.pop()
        if error is None or any(error is one for one in found):
            continue
        found.append(error)
        waiting += [error.__cause__, error.__context__]
        waiting += getattr(error, "exceptions", ())
    return found


# -- the scenarios ----------------------------------------------------------------------


async def sleeping(world):
    await portable.sleep(3)
    await portable.sleep(0)


async def awaiting_a_task(world):
    await create_task(world.job(3))


async def awaiting_a_task_that_fails(world):
    await create_task(world.job(3, fails=True))


async def wait_for_a_coroutine(world):
    await portable.wait_for(world.job(3), 50)


async def wait_for_a_task(world):
    await portable.wait_for(create_task(world.job(3)), 50)


async def wait_for_that_expires(world):
    with pytest.raises(TimeoutError):
        await portable.wait_for(create_task(world.job()), 3)


async def wait_for_without_time(world):
    task = create_task(world.job())
    await portable.sleep(1)
    with pytest.raises(TimeoutError):
        await portable.wait_for(task, 0)


async def a_timeout(world):
    async with portable.timeout(50):
        await world.job(3)


async def a_timeout_that_expires(world):
    with pytest.raises(TimeoutError):
        async with portable.timeout(3):
            await world.job()


async def a_timeout_at(world):
    with portable.timeout_at(portable.current_time() + 50) as limit:
        await world.job(3)
        limit.reschedule(portable.current_time() + 60)
        await world.job(3)


async def a_timeout_at_that_expires(world):
    with pytest.raises(TimeoutError):
        with portable.timeout_at(portable.current_time() + 3):
            await portable.gather(world.job(), world.job())


async def creating_tasks(world):
    context = contextvars.copy_context()
    tasks = [create_task(world.job(3), name="in a context", context=context)]
    tasks[0].add_done_callback(lambda task: world.seen.append(None))
    await portable.sleep(1)
    tasks.append(create_task(world.job(3)))
    for task in tasks:
        await task


async def a_supervisor(world):
    async with Supervisor() as tasks:
        tasks.create_task(world.job(3))
        failing = tasks.create_task(world.job(5, fails=True))
        await portable.sleep(1)
        with pytest.raises(Boom) as caught:
            await failing
        world.seen.append(caught.value)
        tasks.create_task(world.job(2, fails=True))


async def a_supervisor_that_is_cancelled(world):
    async with Supervisor() as tasks:
        tasks.create_task(world.job(fails=True))
        tasks.create_task(world.job())
        await portable.sleep(1)
        tasks.cancel("enough")


async def a_group(world):
    async with TaskGroup() as group:
        group.create_task(world.job(3))
        await portable.sleep(1)
        group.create_task(world.job(5))


async def a_group_that_fails(world):
    async with TaskGroup() as group:
        group.create_task(world.job(3, fails=True))
        group.create_task(world.job(fails=True))
        group.create_task(world.job())
        await portable.sleep(LONG)


async def groups_in_a_group(world):
    async with TaskGroup() as group:
        group.create_task(a_group(world))
        group.create_task(a_group_that_fails(world))
        await a_supervisor(world)


async def gathering(world):
    await portable.gather(world.job(3), world.job(5), world.job(4))


async def gathering_what_fails(world):
    await portable.gather(world.job(3, fails=True), world.job(fails=True), world.job())


async def gathering_exceptions(world):
    aws = world.job(3), world.job(2, fails=True), create_task(world.job(5))
    results = await portable.gather(*aws, return_exceptions=True)
    world.seen.append(results[1])


async def gathering_tasks(world):
    await portable.gather(create_task(world.job(3)), world.job(2), create_task(world.job(4)))


async def racing(world):
    await portable.race(world.job(), world.job(2), create_task(world.job()))


async def racing_with_failures(world):
    await portable.race(world.job(fails=True), world.job(2, fails=True))


async def completing_in_a_block(world):
    async with portable.as_completed([world.job(3), world.job(2), world.job()]) as finished:
        async for task in finished:
            if await task == 0:
                break


async def mapping(world):
    await portable.amap(world.job, [1, 2, 3, 4], limit=2)


async def mapping_without_a_limit(world):
    await portable.amap(world.job, [1, 2, 3])


async def mapping_a_stream(world):
    async def stream():
        try:
            for number in range(1, 5):
                await portable.sleep(1)
                yield number
        finally:
            await anyio.lowlevel.cancel_shielded_checkpoint()

    await portable.amap(world.job, stream(), limit=2)


async def mapping_what_fails(world):
    async def job(number):
        return await world.job(number, fails=number > 2)

    await portable.amap(job, [1, 2, 3, LONG], limit=3)


async def mapping_unordered(world):
    async with portable.amap_unordered(world.job, [3, 1, 2, LONG], limit=2) as results:
        async for number in results:
            await portable.sleep(1)
            if number == 2:
                break


async def mapping_unordered_and_closing(world):
    results = portable.amap_unordered(world.job, [3, 1, 2, LONG], limit=2)
    try:
        async for number in results:
            if number == 2:
                break
    finally:
        await results.aclose()


async def waiting(world):
    tasks = {create_task(world.job(3)), create_task(world.job(7))}
    done, pending = await portable.wait(tasks, return_when="FIRST_COMPLETED")
    assert len(done) == len(pending) == 1
    await portable.wait(pending, timeout=1)


async def completing(world):
    tasks = [create_task(world.job(3)), create_task(world.job(2))]
    async for task in portable.as_completed(tasks, timeout=50):
        await task


async def completing_coroutines(world):
    for coro in portable.as_completed([world.job(3), world.job(2)]):
        await coro


async def mapping_unordered_without_a_block(world):
    async for _ in portable.amap_unordered(world.job, [3, 1, 2], limit=2):
        await portable.sleep(1)


async def shielding(world):
    await portable.shield(world.job(3))
    await portable.shield(create_task(world.job(3)))


async def shielding_what_fails(world):
    await portable.shield(create_task(world.job(3, fails=True)))


async def calling_a_thread(world):
    world.threads.release()
    await portable.to_thread(world.thread)
    await portable.to_thread(world.threads.release)
    await portable.to_thread(world.thread)


STRUCTURED = [
    sleeping,
    awaiting_a_task,
    awaiting_a_task_that_fails,
    wait_for_a_coroutine,
    wait_for_a_task,
    wait_for_that_expires,
    a_timeout,
    a_timeout_that_expires,
    a_timeout_at,
    a_timeout_at_that_expires,
    a_supervisor,
    a_supervisor_that_is_cancelled,
    a_group,
    a_group_that_fails,
    groups_in_a_group,
    gathering,
    gathering_what_fails,
    gathering_exceptions,
    gathering_tasks,
    racing,
    racing_with_failures,
    completing_in_a_block,
    mapping,
    mapping_without_a_limit,
    mapping_a_stream,
    mapping_what_fails,
    mapping_unordered,
    mapping_unordered_and_closing,
]
UNSTRUCTURED = [
    wait_for_without_time,
    creating_tasks,
    waiting,
    completing,
    completing_coroutines,
    mapping_unordered_without_a_block,
    shielding,
    shielding_what_fails,
    calling_a_thread,
]


@pytest.fixture(scope="module", autouse=True)
def _quick_collections():
    """Leave what is there before these tests out of their many collections."""
    gc.collect()
    with heap_set_aside():
        yield


# -- the ways to cancel -----------------------------------------------------------------


async def by_task(scenario, world, nth):
    """Cancel the caller's task."""
    steps = Stepper(world.watch(scenario), nth, lambda: task.cancel("enough"))
    task = create_task(steps)
    while not task.done():
        await portable.sleep(0.5)
    if task.cancelled():
        with pytest.raises(TaskCancelled, match="^enough$"):
            task.result()
    else:
        task.exception()
    return steps


async def by_scope(scenario, world, nth):
    """Cancel a scope around the call."""
    with anyio.CancelScope() as scope:
        steps = Stepper(world.watch(scenario), nth, scope.cancel)
        with suppress(Boom, ExceptionGroup):
            await steps
    return steps


async def by_group(scenario, world, nth):
    """Let a sibling's failure end the group that the caller is in."""

    async def fail():
        await stop.wait()
        raise Boom

    stop = anyio.Event()
    with suppress(ExceptionGroup):
        async with TaskGroup() as group:
            steps = Stepper(world.watch(scenario), nth, stop.set)
            task = group.create_task(steps)
            sibling = group.create_task(fail())
            task.add_done_callback(lambda _: sibling.cancel())
    return steps


def left_over(before):
    return [task for task in anyio.get_running_tasks() if task.id not in before]


def interrupted_everywhere(run, scenario, how, *, structured):
    """Run a scenario, cancelled ever later, until it ends by itself; return how often."""
    for nth in count(1):
        world = World()

        async def main(nth=nth, world=world):
            before = {task.id for task in anyio.get_running_tasks()}
            try:
                steps = await how(scenario, world, nth)
                if structured:
                    assert not world.alive, "a job outlives the call"
                    assert not left_over(before), "a task outlives the call"
            finally:
                world.threads.release(2)
            return steps.interrupted

        if not run_to_the_end(run, main, world):
            return nth
    raise AssertionError("unreachable")


def run_to_the_end(run, main, world):
    """Run main; see that nothing is alive or lost after it."""
    interrupted = True
    try:
        interrupted = run(main)
    except ExceptionGroup as unretrieved:
        if unretrieved.subgroup(AssertionError):
            raise  # main's own
        world.seen.append(unretrieved)
    assert not world.alive, "a job outlives the run"
    assert not world.lost(), "an error is lost"
    world.seen.clear()
    world.raised.clear()
    gc.collect()  # what was never awaited, or never retrieved, says so now
    return interrupted


@pytest.mark.parametrize("how", [by_task, by_scope, by_group])
@pytest.mark.parametrize("scenario", STRUCTURED, ids=lambda scenario: scenario.__name__)
def test_a_block_has_ended_when_its_caller_is_cancelled(run, scenario, how):
    """Wherever the cancellation comes, nothing is alive after the call, and nothing lost."""
    assert interrupted_everywhere(run, scenario, how, structured=True) > 1


@pytest.mark.parametrize("how", [by_task, by_scope, by_group])
@pytest.mark.parametrize("scenario", UNSTRUCTURED, ids=lambda scenario: scenario.__name__)
def test_what_goes_on_after_its_caller_has_ended_with_the_run(run, scenario, how):
    """What outlives a cancelled caller by design belongs to the run, which ends it."""
    assert interrupted_everywhere(run, scenario, how, structured=False) > 1


@pytest.mark.parametrize(
    "scenario", [*STRUCTURED, *UNSTRUCTURED], ids=lambda scenario: scenario.__name__
)
def test_a_run_ends_what_main_leaves(run, scenario):
    """A main that ends at any moment, others in the middle of something, leaves nothing."""
    for nth in count(1):
        world, steps = World(), []

        async def main(nth=nth, world=world, steps=steps):
            reached = anyio.Event()
            steps.append(Stepper(world.watch(scenario), nth, reached.set))
            task = create_task(steps[0])
            task.add_done_callback(lambda _: reached.set())
            await reached.wait()
            world.threads.release(2)

        run_to_the_end(run, main, world)
        if not steps[0].interrupted:
            break


@pytest.mark.parametrize(
    "scenario", [*STRUCTURED, *UNSTRUCTURED], ids=lambda scenario: scenario.__name__
)
def test_a_run_whose_main_is_cancelled(run, scenario):
    """A main that is cancelled at any moment ends the run: nothing is left, nothing lost."""
    for nth in count(1):
        world, steps = World(), []

        async def main(nth=nth, world=world, steps=steps):
            task = portable.current_task()
            steps.append(Stepper(world.watch(scenario), nth, lambda: task.cancel("enough")))
            try:
                await steps[0]
            finally:
                world.threads.release(2)

        try:
            run_to_the_end(run, main, world)
        except (TaskCancelled, Boom) as error:
            world.seen.append(error)
        assert not world.alive, "a job outlives the run"
        assert not world.lost(), "an error is lost"
        told = {error.message for error in world.seen if type(error) is TaskCancelled}
        assert told <= {"enough"}
        if not steps[0].interrupted:
            break


def test_the_stepper_counts_what_waits():
    """It sees each time the loop gets control back, and none but those."""
    seen = []

    async def program():
        for _ in range(3):
            await asyncio.sleep(0)

    async def main():
        steps = Stepper(program(), 2, lambda: seen.append("second"))
        await steps
        assert steps.interrupted
        steps = Stepper(program(), 4, lambda: seen.append("fourth"))
        await steps
        assert not steps.interrupted

    asyncio.run(main())
    assert seen == ["second"]
