"""Cancellation at every await of mixed programs, of portable's own helpers among them.

Each program is cancelled again and again, each time at another moment: at each time at which it
does something, between any two of those, and some turns of the loop later. It is cancelled by
`task.cancel()`, by `asyncio.timeout()` and by a scope of AnyIO's. Whenever it is: it ends,
nothing goes on running, clean-ups that await run to their end, nothing is told to the loop's
exception handler, and whoever cancelled gets to know.
"""

import asyncio
import functools
import gc
from contextlib import asynccontextmanager
from itertools import pairwise

import anyio
import pytest

import portable
from portable.clock import VirtualClock

TURNS = 3
PATIENCE = 50


class Oops(Exception):
    """What a job raises."""


class Log:
    """What the jobs of one run of a program did.

    Attributes:
        pause: how long each clean-up waits, twice.
        moments: the times at which jobs began or ended.
        running: the jobs that have begun.
        broken: those whose clean-up did not run to its end.
    """

    def __init__(self, pause):
        self.pause = pause
        self.loop = asyncio.get_running_loop()
        self.began = self.loop.time()
        self.moments = {0.0}
        self.running, self.broken = [], []

    def note(self):
        self.moments.add(self.loop.time() - self.began)

    async def job(self, name, seconds, sleep=asyncio.sleep):
        """Sleep, and clean up."""
        self.running.append(name)
        try:
            await sleep(seconds)
            self.note()
            return name
        finally:
            self.broken.append(name)
            # Shielded against scopes, which cancel at each await.
            with anyio.CancelScope(shield=True):
                await asyncio.sleep(self.pause)
                await anyio.sleep(self.pause)
                self.broken.remove(name)
                self.running.remove(name)
                self.note()

    async def anyios(self, name, seconds):
        return await self.job(name, seconds, anyio.sleep)


# Programs ------------------------------------------------------------------------------------


async def supervisor(log):
    async with portable.Supervisor() as tasks:
        tasks.create_task(log.job("a", 2))
        tasks.create_task(log.anyios("b", 3))
        await log.anyios("body", 1)
    return await asyncio.sleep(1, "done")


async def race(log):
    return await portable.race(log.job("a", 2), log.anyios("b", 3), log.job("c", 4))


async def amap(log):
    async def work(number):
        job = log.job if number % 2 else log.anyios
        return await job(f"job {number}", 1 + number)

    return await portable.amap(work, range(4), limit=2)


async def amap_unordered(log):
    async def work(number):
        job = log.job if number % 2 else log.anyios
        return await job(f"job {number}", 3 - number)

    found = []
    async with portable.amap_unordered(work, range(3), limit=2) as results:
        async for result in results:
            found.append(result)
            await anyio.sleep(0.5)
    return found


async def amap_of_a_generator(log):
    async def numbers():
        for number in range(3):
            await log.job(f"item {number}", 0.5)
            yield number

    async def work(number):
        return await log.anyios(f"job {number}", 1)

    return await portable.amap(work, numbers(), limit=2)


async def gather_of_scopes(log):
    async def limited(name, seconds):
        with anyio.move_on_after(2):
            return await log.job(name, seconds)

    return await asyncio.gather(limited("a", 1), limited("b", 3), log.anyios("c", 2))


async def wait_and_shield(log):
    task = asyncio.create_task(log.anyios("a", 2))
    try:
        await asyncio.wait([task], timeout=1)
        return await asyncio.shield(task)
    finally:
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])


async def queue_to_stream(log):
    queue = asyncio.Queue(1)
    send, receive = anyio.create_memory_object_stream(0)

    async def produce():
        for number in range(3):
            await log.job(f"item {number}", 0.5)
            await queue.put(number)

    async def pass_on():
        async with send:
            for _ in range(3):
                await send.send(await queue.get())

    with send, receive:
        tasks = [asyncio.create_task(produce()), asyncio.create_task(pass_on())]
        try:
            return [number async for number in receive]
        finally:
            for task in tasks:
                task.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait(tasks)


async def locks(log):
    mine, theirs, ready = asyncio.Lock(), anyio.Lock(), anyio.Event()

    async def work(name):
        async with mine:
            async with theirs:
                await log.anyios(name, 1)
        await ready.wait()

    async def wake():
        await asyncio.sleep(3.5)
        ready.set()

    await asyncio.gather(work("a"), work("b"), wake())
    assert not mine.locked()
    assert not theirs.statistics().locked


async def children(log):
    async with anyio.create_task_group() as group:
        group.start_soon(log.job, "a", 2)
        group.start_soon(log.anyios, "b", 1)
        await log.job("body", 1.5)
    return await asyncio.sleep(1, "done")


async def children_and_gather(log):
    async def child(name):
        return await asyncio.gather(log.job(f"{name}1", 1), log.anyios(f"{name}2", 2))

    async with anyio.create_task_group() as group:
        group.start_soon(child, "a")
        group.start_soon(child, "b")


async def groups(log):
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(log.anyios("a", 2))
        async with anyio.create_task_group() as group:
            group.start_soon(log.job, "b", 1)
            await log.job("body", 1.5)


async def timeouts(log):
    try:
        async with asyncio.timeout(1.5):
            await log.anyios("a", 9)
    except TimeoutError:
        await asyncio.wait_for(log.job("b", 1), 9)
    with anyio.move_on_after(1):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(log.job("c", 0.25))
    return await anyio.sleep(1)


async def failures(log):
    async def fail():
        await log.anyios("a", 1)
        raise Oops

    async with portable.Supervisor() as tasks:
        failing = tasks.create_task(fail())
        tasks.create_task(log.job("b", 2))
        with pytest.raises(Oops):
            await failing
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())
            await log.anyios("c", 9)
    except* Oops:
        pass


#: Those that need no current task of asyncio's, so that plain tasks can run them.
ANYWHERE = [
    supervisor,
    race,
    amap,
    amap_unordered,
    amap_of_a_generator,
    gather_of_scopes,
    wait_and_shield,
    queue_to_stream,
    locks,
    children,
    children_and_gather,
]
PROGRAMS = [*ANYWHERE, groups, timeouts, failures]
#: Those in which a cancellation of asyncio's passes through AnyIO's groups (T2).
WITH_CHILDREN = {children, children_and_gather, groups}


# Cancelling ----------------------------------------------------------------------------------


async def run_once(program, pause):
    """Run a program to its end; return its moments, and moments in between."""
    log = Log(pause)
    await program(log)
    assert not log.running
    moments = sorted(log.moments)
    between = [(one + two) / 2 for one, two in pairwise(moments)]
    return moments, between


async def later(seconds, turns):
    await asyncio.sleep(seconds)
    for _ in range(turns):
        await asyncio.sleep(0)


async def end(task):
    """Wait for a task that was cancelled; it has to end by itself."""
    done, _ = await asyncio.wait([task], timeout=PATIENCE)
    assert done, "it does not end"


@asynccontextmanager
async def watching(log):
    """See that what is left ends, as asyncio's `gather()` leaves some, and nothing is told."""
    told = []
    log.loop.set_exception_handler(lambda _, context: told.append(context))
    before = asyncio.all_tasks()
    yield
    for _ in range(PATIENCE):
        if asyncio.all_tasks() == before:
            break
        await asyncio.sleep(1)
    assert asyncio.all_tasks() == before
    gc.collect(0)
    assert not told


async def cancel_at_each_moment(program, cancel, pause):
    """Cancel a program at each of its moments; return what came of it."""
    records = {}
    moments, between = await run_once(program, pause)
    for moment in moments + between:
        for turns in range(TURNS):
            log = Log(pause)
            async with watching(log):
                outcome = await cancel(program, log, moment, turns)
            records[moment, turns] = moment in between, outcome, sorted(log.broken)
    return records


@functools.cache
def records(backend, program, cancel, pause):
    clock = VirtualClock(start=None)
    return portable.run(
        cancel_at_each_moment, program, cancel, pause, backend=backend, virtual_time=clock
    )


def check(backend, program, cancel, pause=0.23):
    """Cancel a program at each of its moments, on asyncio and another backend, and compare.

    At moments in between everything is the same, to the very clean-ups that were cancelled
    twice. At moments at which something else happens, too, the order decides.
    """
    by_scope = pause == 0
    expected, got = (records(name, program, cancel, pause) for name in ("asyncio", backend))
    assert expected.keys() == got.keys()
    cancelled = 0
    for key, (between, outcome, broken) in got.items():
        cancelled += outcome != "returned"
        if between:
            assert outcome == expected[key][1]
            if by_scope or program is children_and_gather:
                # AnyIO on asyncio cancels what a task awaits at each turn until it ends.
                assert set(broken) <= set(expected[key][2])
            else:
                assert broken == expected[key][2]
    assert cancelled >= TURNS


async def by_cancel(program, log, moment, turns):
    task = asyncio.create_task(program(log))
    await later(moment, turns)
    said = task.cancel("enough")
    await end(task)
    if not task.cancelled():
        assert task.exception() is None
        return "returned"
    assert said
    assert task.cancelling() == 1
    try:
        await task
    except asyncio.CancelledError as error:
        return error.args


async def by_timeout(program, log, moment, turns):
    async def limited():
        try:
            async with asyncio.timeout(moment + turns / 1000):
                await program(log)
        except TimeoutError:
            return "too late"
        except BaseExceptionGroup as error:
            rest = error.split(asyncio.CancelledError)[1]
            assert rest is None
            assert portable.current_backend() == "trio"
            assert program in WITH_CHILDREN
            return "too late"
        return "returned"

    task = asyncio.create_task(limited())
    await end(task)
    return task.result()


async def by_scope(program, log, moment, turns):
    scope = anyio.CancelScope()

    async def limited():
        with scope:
            await program(log)
        return "caught" if scope.cancelled_caught else "returned"

    task = asyncio.create_task(limited())
    await later(moment, turns)
    scope.cancel()
    await end(task)
    return task.result()


async def in_a_child(program, log, moment, turns):
    scope, outcomes = anyio.CancelScope(), []

    async def child():
        with scope:
            await program(log)
        outcomes.append("caught" if scope.cancelled_caught else "returned")

    async with anyio.create_task_group() as group:
        group.start_soon(child)
        await later(moment, turns)
        scope.cancel()
        with anyio.fail_after(PATIENCE):
            while not outcomes:
                await asyncio.sleep(1)
    return outcomes.pop()


def programs(which):
    return pytest.mark.parametrize("program", which, ids=lambda program: program.__name__)


@pytest.mark.slow_on_uvloop
@programs(PROGRAMS)
def test_by_cancel(backend, program):
    """`task.cancel()` ends it, with its message, and clean-ups run to their end."""
    check(backend, program, by_cancel)


@pytest.mark.slow
@programs(PROGRAMS)
def test_by_timeout(backend, program):
    """`asyncio.timeout()` ends it, and clean-ups run to their end."""
    check(backend, program, by_timeout)


@pytest.mark.slow_on_uvloop
@programs(PROGRAMS)
def test_by_a_scope(backend, program):
    """A scope of AnyIO's ends it. (Clean-ups take no time, as AnyIO on asyncio would spin.)"""
    check(backend, program, by_scope, pause=0)


@pytest.mark.slow_on_uvloop
@programs(ANYWHERE)
def test_in_a_child_of_a_group(backend, program):
    """A scope of AnyIO's ends it in a plain task, too."""
    check(backend, program, in_a_child, pause=0)
