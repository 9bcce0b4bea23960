"""Wrong calls of every helper: a clear error that names the parameter, and nothing left over.

Whatever a helper refuses, the coroutines that it was given beside are closed: one that was
never awaited would fail the test by its warning.
"""

import gc
import math
import re
import threading
from functools import partial

import anyio
import pytest

import portable
from portable import Supervisor, TaskGroup, create_task


async def job(result=1):
    await portable.sleep(0)
    return result


async def in_a_block(block, coro):
    async with block() as tasks:
        return await tasks.create_task(coro)


async def created(coro):
    return await create_task(coro)


async def one_by_one(aws):
    return [await task async for task in portable.as_completed(aws)]


async def one_by_one_in_a_block(aws):
    async with portable.as_completed(aws) as finished:
        return [await coro for coro in finished]


async def shielded(aw):
    return await portable.shield(aw)


# How each helper is given one thing, beside good ones where it takes several; what it calls
# the parameter; and whether tasks will do.
HELPERS = {
    "create_task": (created, "coro", False),
    "Supervisor.create_task": (partial(in_a_block, Supervisor), "coro", False),
    "TaskGroup.create_task": (partial(in_a_block, TaskGroup), "coro", False),
    "wait_for": (lambda aw: portable.wait_for(aw, 1), "aw", True),
    "wait_for without time": (lambda aw: portable.wait_for(aw, 0), "aw", True),
    "wait_for without limit": (lambda aw: portable.wait_for(aw, None), "aw", True),
    "shield": (shielded, "aw", True),
    "gather": (lambda aw: portable.gather(job(), aw, job()), "aws", True),
    "race": (lambda aw: portable.race(job(), aw, job()), "aws", True),
    "wait": (lambda aw: portable.wait([aw]), "tasks", True),
    "as_completed": (lambda aw: one_by_one([job(), aw, job()]), "aws", True),
    "as_completed block": (lambda aw: one_by_one_in_a_block([job(), aw]), "aws", True),
}
every_helper = pytest.mark.parametrize("name", HELPERS)
BOTH = {"RuntimeError": RuntimeError, "TypeError": TypeError, "ValueError": ValueError}


def refused(run, name, given, kind, says):
    """Give a helper something; see that it raises this error and leaves nothing un-awaited."""
    call, parameter, _ = HELPERS[name]
    helper = name.split()[0]

    async def main():
        errors = (kind, ExceptionGroup) if name.startswith("TaskGroup") else kind
        with pytest.raises(errors) as caught:
            await call(given())
        error = caught.value
        while isinstance(error, ExceptionGroup):
            (error,) = error.exceptions
        text = str(error)
        assert isinstance(error, kind)
        assert re.search(
            rf"(^|\.|\s){re.escape(helper.split('.')[-1])}\(\): {parameter}\b", text
        )
        assert re.search(says, text), text

    run(main)
    gc.collect()


@every_helper
@pytest.mark.parametrize("given", [job, partial(job, 2)], ids=["function", "partial"])
def test_a_function_in_place_of_a_coroutine(run, name, given):
    """The error shows how the function is called."""
    says = (
        "tasks alone|not accepted" if name == "wait" else r"'job'; call it: .*job\(\.\.\.\)\)$"
    )
    refused(run, name, lambda: given, TypeError, says)


@every_helper
@pytest.mark.parametrize("given", [5, None, "text", math.nan])
def test_what_cannot_be_awaited(run, name, given):
    """The error shows what was given."""
    refused(run, name, lambda: given, TypeError, "got |not accepted")


@every_helper
def test_a_list_in_place_of_what_is_in_it(run, name):
    """The coroutines in the list are closed."""
    refused(run, name, lambda: [job(), job()], TypeError, r"got a list|got \[<coro")


@every_helper
def test_a_coroutine_used_twice(run, name):
    """It runs once; the error says how a new one is made."""
    used = job()
    run(lambda: used)
    kind = TypeError if name == "wait" else RuntimeError
    refused(run, name, lambda: used, kind, r"runs once: write .*\(job\(|not accepted")


def test_a_coroutine_in_two_tasks(run):
    """The second of two tasks that run one coroutine says so; the first goes on."""

    async def main():
        coro = job()
        first, second = create_task(coro), create_task(coro)
        ended, _ = await portable.wait([first, second])
        kinds = [type(task.exception()) for task in ended]
        assert sorted(map(str, kinds)) == sorted(map(str, [RuntimeError, type(None)]))
        (error,) = [task.exception() for task in ended if task.exception()]
        assert "coro: the coroutine of 'job'" in str(error)

    run(main)


def test_a_coroutine_awaited_twice_inside_a_task_is_its_own_mistake(run):
    """The error of the task's own code stays the very object."""

    async def main():
        used = job()
        await used

        async def again():
            await used

        with pytest.raises(RuntimeError, match=r"^cannot reuse already awaited coroutine$"):
            await create_task(again())

    run(main)


# -- tasks of another run ---------------------------------------------------------------


@pytest.fixture
def elsewhere(backend):
    """A task that is pending in a run of another thread until the test has ended."""
    tasks, begun, over = [], threading.Event(), threading.Event()

    async def main():
        tasks.append(create_task(portable.to_thread(over.wait)))
        await portable.sleep(0)
        begun.set()
        await tasks[0]

    thread = threading.Thread(target=lambda: portable.run(main, backend=backend))
    thread.start()
    begun.wait()
    yield tasks[0]
    assert not tasks[0].done()
    over.set()
    thread.join()
    assert tasks[0].result()


@pytest.mark.parametrize("name", [name for name, (*_, takes) in HELPERS.items() if takes])
def test_a_task_of_another_run(run, elsewhere, name):
    """It is refused, and neither waited for nor cancelled."""
    refused(run, name, lambda: elsewhere, ValueError, "belongs to another run")


def test_awaiting_a_task_of_another_run(run, elsewhere):
    """It is refused, as by asyncio, and neither waited for nor cancelled."""

    async def main():
        with pytest.raises(RuntimeError, match="belongs to another run, .* create the task in"):
            await elsewhere

    run(main)


def test_awaiting_a_task_of_another_run_in_a_task_of_anyios(
    elsewhere, anyio_backend_name, anyio_backend_options
):
    """It is refused as well where no task of portable's waits."""

    async def main():
        with pytest.raises(RuntimeError, match="belongs to another run"):
            await elsewhere

    anyio.run(main, backend=anyio_backend_name, backend_options=anyio_backend_options)


@pytest.mark.skipif(
    not portable._backends.BACKENDS["trio"].installed, reason="trio is not installed"
)
@pytest.mark.parametrize("others", ["asyncio", "trio"])
def test_awaiting_a_task_on_another_backend(run, others):
    """A task that has ended tells its result on every backend; a pending one would not."""
    tasks = []

    async def begin():
        tasks.append(create_task(job(3)))
        await tasks[0]

    async def main():
        return await tasks[0]

    portable.run(begin, backend=others)
    assert run(main) == 3


# -- no event loop ----------------------------------------------------------------------


async def entered(block):
    async with block:
        pass


NO_LOOP = {
    "sleep": lambda: portable.sleep(1),
    "wait_for": lambda: portable.wait_for(job(), 1),
    "gather": lambda: portable.gather(job(), job()),
    "race": lambda: portable.race(job(), job()),
    "wait": lambda: portable.wait([]),
    "amap": lambda: portable.amap(job, [1]),
    "to_thread": lambda: portable.to_thread(print),
    "Supervisor": lambda: entered(Supervisor()),
    "TaskGroup": lambda: entered(TaskGroup()),
    "timeout": lambda: entered(portable.timeout(1)),
    "shield": lambda: portable.shield(job()),
    "as_completed": lambda: portable.as_completed([job(), job()]),
    "amap_unordered": lambda: anext(portable.amap_unordered(job, [1])),
    "current_task": portable.current_task,
    "current_time": portable.current_time,
    "current_backend": portable.current_backend,
    "create_task": lambda: create_task(job()),
}


@pytest.mark.parametrize("name", NO_LOOP)
def test_no_event_loop(name):
    """The error names the helper and says how a program is started."""
    with pytest.raises(RuntimeError, match=rf"\b{name}\(\).*portable\.run\(main\)"):
        NO_LOOP[name]().send(None)
    gc.collect()


def test_a_time_limit_without_a_delay_needs_an_event_loop_too():
    """What has no deadline yet says the same when it is entered."""
    for limit in (portable.timeout(None), portable.timeout_at(5)):
        with pytest.raises(RuntimeError, match=r"timeout\(\) was called with no event loop"):
            limit.__enter__()


# -- numbers ----------------------------------------------------------------------------


async def limited(limit):
    async with limit:
        await portable.sleep(0)


async def rescheduled(when):
    async with portable.timeout(5) as limit:
        limit.reschedule(when)


async def waited(timeout):
    await portable.wait([create_task(job())], timeout=timeout)


SECONDS = {
    "sleep(): delay": portable.sleep,
    "timeout(): delay": lambda seconds: limited(portable.timeout(seconds)),
    "timeout_at(): when": lambda seconds: limited(portable.timeout_at(seconds)),
    "reschedule(): when": rescheduled,
    "wait_for(): timeout": lambda seconds: portable.wait_for(job(), seconds),
    "wait(): timeout": waited,
}


async def of_a_gather(timeout):
    await portable.wait_for(portable.gather(job(), job()), timeout)


async def of_as_completed(timeout):
    portable.as_completed((job() for _ in range(3)), timeout=timeout)


@pytest.mark.parametrize(
    ("given", "kind"),
    [(math.nan, ValueError), ("3", TypeError), ([3], TypeError), (10**400, OverflowError)],
    ids=["NaN", "text", "list", "endless"],
)
@pytest.mark.parametrize(
    ("says", "call"),
    [
        *SECONDS.items(),
        ("wait_for(): timeout", of_a_gather),
        ("as_completed(): timeout", of_as_completed),
    ],
    ids=[*(text.split("(")[0] for text in SECONDS), "wait_for a gather", "as_completed"],
)
def test_what_is_no_time(run, says, call, given, kind):
    """The error names the parameter, and coroutines that were given are closed."""

    async def main():
        with pytest.raises(kind, match=re.escape(says)):
            await call(given)

    run(main)
    gc.collect()


@pytest.mark.parametrize(
    ("limit", "kind"),
    [
        (0, ValueError),
        (-1, ValueError),
        (math.nan, TypeError),
        (1.5, TypeError),
        ("2", TypeError),
    ],
)
def test_what_is_no_limit(run, limit, kind):
    """A limit is a whole number of jobs."""

    async def main():
        with pytest.raises(kind, match=r"amap\(\): limit must be .* got "):
            await portable.amap(job, [1], limit=limit)
        with pytest.raises(kind, match=r"amap_unordered\(\): limit must be .* got "):
            portable.amap_unordered(job, [1], limit=limit)

    run(main)


# -- contexts and callbacks -------------------------------------------------------------


@pytest.mark.parametrize("name", ["create_task", "Supervisor", "TaskGroup"])
def test_what_is_no_context(run, name):
    """The coroutine is closed."""

    async def main():
        async with Supervisor() as supervisor, TaskGroup() as group:
            create = {
                "create_task": create_task,
                "Supervisor": supervisor.create_task,
                "TaskGroup": group.create_task,
            }[name]
            with pytest.raises(TypeError, match=r"create_task\(\): context must be a "):
                create(job(), context={})

    run(main)
    gc.collect()


def test_what_is_no_callback(run):
    """What cannot be called is refused when it is added."""

    async def main():
        task = create_task(job())
        with pytest.raises(TypeError, match=r"add_done_callback\(\): fn must be a function"):
            task.add_done_callback(None)
        with pytest.raises(TypeError, match=r"add_done_callback\(\): context must be a "):
            task.add_done_callback(print, context=5)
        await task

    run(main)


def test_a_coroutine_function_is_no_callback(run):
    """Nobody would await what it returns; that is told, and nothing is left un-awaited."""

    async def main():
        async with Supervisor() as tasks:
            tasks.create_task(job()).add_done_callback(job)

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    (error,) = caught.value.exceptions
    assert isinstance(error, TypeError)
    assert "not the coroutine function 'job'" in str(error)
    gc.collect()


def test_an_awaitable_that_cannot_be_a_key(run):
    """An awaitable that has no hash is refused by gather(), and the others are closed."""

    class Odd:
        __hash__ = None

        def __await__(self):
            return job().__await__()

    async def main():
        for call in (portable.gather, portable.race, lambda *aws: one_by_one(aws)):
            with pytest.raises(TypeError, match="unhashable type: 'Odd'"):
                await call(job(), Odd(), job())

    run(main)
    gc.collect()
