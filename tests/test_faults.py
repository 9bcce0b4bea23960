"""What a rebuilt asyncio got wrong: each fault a program, on every backend beside raw asyncio.

Programs written by others brought these to light when portable's names were not asyncio's. Each
is run on raw asyncio and on the test's backend, and has to end alike; where AnyIO's rules make
the two differ, the test says how.
"""

import asyncio
import contextvars
import dataclasses
import gc
import os
import subprocess
import sys
import threading
import weakref
from contextlib import suppress

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

import portable
from portable import Supervisor, amap, amap_unordered, race


def messages(group):
    return [str(error) for error in group.exceptions]


# -- groups and limits --------------------------------------------------------------------


def test_all_siblings_begin_before_the_first_failure_ends_them(against_asyncio):
    """A task group whose tasks fail at once has run each of them, and reports each failure."""

    async def program():
        began = []

        async def check(number):
            began.append(number)
            if number % 2:
                raise ValueError(number)

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(4):
                    group.create_task(check(number))
        except ExceptionGroup as failures:
            return began, messages(failures)

    assert against_asyncio(program) == ([0, 1, 2, 3], ["1", "3"])


def test_inner_limits_with_one_deadline(against_asyncio):
    """Three tasks whose limits end at the same instant each report their own."""

    async def program():
        async def limited(number):
            try:
                async with asyncio.timeout_at(1):
                    await asyncio.sleep(10)
            except TimeoutError:
                raise ValueError(number) from None

        try:
            async with asyncio.TaskGroup() as group:
                for number in range(3):
                    group.create_task(limited(number))
        except ExceptionGroup as failures:
            return messages(failures), portable.current_time()

    assert against_asyncio(program) == (["0", "1", "2"], 1)


def test_a_group_whose_body_awaits_its_cancelled_child(against_asyncio):
    """What comes out is the child's CancelledError, no group of errors."""

    async def program():
        try:
            async with asyncio.TaskGroup() as group:
                child = group.create_task(asyncio.sleep(10))
                child.cancel("enough")
                await child
        except BaseException as error:
            return type(error).__name__, error.args, asyncio.current_task().cancelling()

    assert against_asyncio(program) == ("CancelledError", ("enough",), 0)


def test_a_limit_around_a_yield(against_asyncio):
    """A generator with a limit around its `yield` may be driven by one task after another."""

    async def program():
        seen = []

        async def ticks():
            try:
                for number in range(3):
                    async with asyncio.timeout(5):
                        yield number
            finally:
                seen.append("closed")

        generator = ticks()
        seen.extend([await asyncio.wait_for(anext(generator), 1) for _ in range(2)])
        await asyncio.create_task(generator.aclose())
        async for number in ticks():
            seen.append(number)
            break
        await asyncio.sleep(0)
        return seen

    assert against_asyncio(program)[:3] == [0, 1, "closed"]


def test_limits_ended_in_the_order_they_began(against_asyncio):
    """Two limits need not be nested: the first may end first."""

    async def program():
        first, second = asyncio.timeout(5), asyncio.timeout(3)
        await first.__aenter__()
        await second.__aenter__()
        await first.__aexit__(None, None, None)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError as error:
            try:
                await second.__aexit__(type(error), error, error.__traceback__)
            except TimeoutError:
                return portable.current_time(), asyncio.current_task().cancelling()

    assert against_asyncio(program) == (3, 0)


def _runner(backend):
    from portable._backends import get_backend

    if backend == "trio":
        return asyncio.Runner(loop_factory=portable.trio_loop)
    return asyncio.Runner(**get_backend(backend).run_options())


def test_a_supervisor_as_a_fixture(backend):
    """A block entered in one task, used in a second and left in a third, as fixtures are."""

    async def fixture():
        async with Supervisor() as tasks:
            yield tasks

    async def use(tasks):
        return await tasks.create_task(asyncio.sleep(0, "used"))

    async def step():
        return await anext(generator, "over")

    generator = fixture()
    with _runner(backend) as runner:
        assert runner.run(use(runner.run(step()))) == "used"
        assert runner.run(step()) == "over"


# -- the end of a run ---------------------------------------------------------------------


@pytest.mark.parametrize("way", ["await", "wait", "gather", "group"])
def test_a_leftover_that_creates_tasks_in_its_clean_up(against_asyncio, way):
    """What a left-over task's clean-up starts and waits for runs to its end."""
    seen = []

    async def ending():
        await asyncio.sleep(1)
        seen.append("ended")

    async def job():
        try:
            await asyncio.sleep(3600)
        finally:
            if way == "group":
                async with asyncio.TaskGroup() as group:
                    group.create_task(ending())
            elif way == "wait":
                await asyncio.wait([asyncio.create_task(ending())])
            elif way == "gather":
                await asyncio.gather(ending(), ending())
            else:
                await asyncio.create_task(ending())
            seen.append("cleaned up")

    async def program():
        asyncio.create_task(job())
        await asyncio.sleep(1)

    against_asyncio(program)
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    assert seen[-2:] == ["ended", "cleaned up"]


def test_a_leftover_that_creates_a_task_and_leaves_it(run, caplog):
    """What nobody waits for is not lost without a word: asyncio logs it, and so on trio."""

    async def job():
        try:
            await asyncio.sleep(3600)
        finally:
            asyncio.create_task(asyncio.sleep(3600), name="late")

    async def program():
        asyncio.create_task(job())
        await asyncio.sleep(1)

    run(program)
    gc.collect()
    assert "Task was destroyed but it is pending" in caplog.text
    assert "late" in caplog.text


def test_failures_nobody_retrieved_do_not_pile_up(run, caplog):
    """In a long run a failed task that nobody keeps is logged and gone at once."""
    alive = weakref.WeakSet()

    async def bad(number):
        raise ValueError(number)

    async def program():
        for number in range(200):
            alive.add(asyncio.create_task(bad(number)))
            if number % 20 == 19:
                await asyncio.sleep(1)
        return len(alive), len(caplog.records)

    left, logged = run(program)
    assert left <= 1
    assert logged >= 199
    assert {record.message.partition("\n")[0] for record in caplog.records} == {
        "Task exception was never retrieved"
    }


# -- jobs that end in odd ways ------------------------------------------------------------


def test_a_job_that_raises_stop_async_iteration(run):
    """It does not end the loop over the results early: it is raised, as a RuntimeError."""

    async def job(number):
        await asyncio.sleep(number)
        if number == 2:
            raise StopAsyncIteration
        return number

    async def plain():
        return [each async for each in amap_unordered(job, [1, 2, 3])]

    async def block():
        async with amap_unordered(job, [1, 2, 3]) as results:
            return [each async for each in results]

    for program in (plain, block):
        with pytest.raises(RuntimeError, match="StopAsyncIteration"):
            run(program)


def test_a_handler_for_two_kinds_of_error(against_asyncio):
    """`except (portable.CancelledError, TimeoutError)` works when another error passes."""

    async def program():
        try:
            try:
                raise KeyError("passes")
            except (portable.CancelledError, TimeoutError):
                return "caught by the wrong one"
        except KeyError:
            return "passed"

    assert against_asyncio(program) == "passed"
    assert isinstance(portable.CancelledError, type)


@dataclasses.dataclass(frozen=True)
class Frozen(Exception):
    """Nothing can be set on it: neither a traceback nor a context, by an assignment."""

    number: int


async def in_timeout(fail):
    async with asyncio.timeout(0):
        try:
            await asyncio.sleep(1)
        finally:
            fail()


async def in_race(fail):
    await race(later(fail), dirty())


async def in_amap(fail):
    async def job(number):
        await (later(fail) if number else dirty())

    await amap(job, range(2))


async def in_amap_unordered(fail):
    async def job(number):
        await (later(fail) if number else dirty())

    async for _ in amap_unordered(job, range(2)):
        pass


async def in_amap_items(fail):
    def items():
        yield 1
        fail()

    await amap(asyncio.sleep, items())


async def in_supervisor(fail):
    async with Supervisor() as tasks:
        tasks.create_task(dirty())
        await asyncio.sleep(0)
        fail()


async def in_supervised_task(fail):
    async with Supervisor() as tasks:
        tasks.create_task(later(fail))


async def in_loop_block(fail):
    async with portable.asyncio_loop():
        fail()


async def in_main(fail):
    fail()


async def in_gather(fail):
    await asyncio.gather(later(fail), asyncio.sleep(1))


async def in_group(fail):
    async with asyncio.TaskGroup() as group:
        group.create_task(later(fail))


async def in_wait_for(fail):
    await asyncio.wait_for(later(fail), 5)


async def in_task(fail):
    await asyncio.create_task(later(fail))


async def after_a_wait_in_anyio(fail):
    await anyio.sleep(1)
    fail()


async def in_a_task_after_a_wait_in_anyio(fail):
    await asyncio.create_task(after_a_wait_in_anyio(fail))


async def in_scope(fail):
    with anyio.move_on_after(1):
        try:
            await asyncio.sleep(2)
        finally:
            fail()


async def in_anyio_group(fail):
    async with anyio.create_task_group() as group:
        group.start_soon(later, fail)


async def in_thread(fail):
    await asyncio.to_thread(fail)


async def later(fail):
    await asyncio.sleep(0)
    fail()


async def dirty():
    try:
        await asyncio.sleep(10)
    finally:
        raise OSError("dirty")


WAYS = [
    in_timeout,
    in_race,
    in_amap,
    in_amap_items,
    in_amap_unordered,
    in_supervisor,
    in_supervised_task,
    in_loop_block,
    in_main,
    in_gather,
    in_group,
    in_wait_for,
    in_task,
    after_a_wait_in_anyio,
    in_a_task_after_a_wait_in_anyio,
    in_scope,
    in_anyio_group,
    in_thread,
]
ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


@ways
def test_an_error_on_which_nothing_can_be_set(run, way):
    """It comes out of every helper, or in a group; asyncio's own `timeout()` has to set one."""

    def fail():
        raise Frozen(3)

    async def program():
        await way(fail)

    kinds = Frozen, ExceptionGroup
    if way is in_timeout:
        kinds = Frozen, dataclasses.FrozenInstanceError
    with pytest.raises(kinds) as caught:
        run(program)
    raised = caught.value
    while isinstance(raised, ExceptionGroup):
        raised = raised.exceptions[0]
    assert way is in_timeout or raised == Frozen(3)


class Seen(Exception):
    """One that can be referred to weakly, as no builtin one can."""


@ways
def test_errors_do_not_stay_until_the_collector_runs(against_asyncio, way):
    """No frame that an error has passed through keeps it alive."""

    seen = []

    def fail():
        error = Seen()
        seen.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async def program():
        gc.collect()
        gc.disable()
        try:
            with suppress(Seen, ExceptionGroup):
                await way(fail)
            await asyncio.sleep(1)
            return seen.pop()() is None
        finally:
            gc.enable()

    gone = against_asyncio(program)
    # gather() and TaskGroup keep it in a frame of theirs, and wait_for() did so in 3.11.
    assert gone or way in (in_gather, in_group, in_wait_for)


def test_threads_are_as_many_as_asyncios(backend):
    """`to_thread()` uses asyncio's executor: as many threads at once as that has."""

    most = min(32, (getattr(os, "process_cpu_count", os.cpu_count)() or 1) + 4)
    running, go_on = threading.Semaphore(0), threading.Event()

    def block():
        running.release()
        go_on.wait()

    async def program():
        calls = [asyncio.ensure_future(asyncio.to_thread(block)) for _ in range(most + 3)]
        await asyncio.sleep(0)
        for _ in range(most):
            running.acquire()
        one_more = running.acquire(timeout=0.01)
        go_on.set()
        await asyncio.gather(*calls)
        return one_more

    assert portable.run(program, backend=backend) is False


# -- order --------------------------------------------------------------------------------


def test_gather_begins_when_it_is_called(against_asyncio):
    """Its coroutines run while its caller does something else, in the contexts of the call."""
    variable = contextvars.ContextVar("variable")

    async def slow():
        await asyncio.sleep(2)
        return variable.get()

    async def program():
        variable.set("at the call")
        gathered = asyncio.gather(slow(), slow())
        variable.set("later")
        await asyncio.sleep(2)
        return await gathered, portable.current_time()

    assert against_asyncio(program) == (["at the call"] * 2, 2)


def test_the_order_of_gathers_children_and_of_theirs(against_asyncio):
    """Children begin in their order, what they create after them, in its order."""

    async def program():
        seen = []

        async def grandchild(name):
            seen.append(name)

        async def child(name):
            seen.append(name)
            task = asyncio.create_task(grandchild(name + ".task"))
            await asyncio.gather(grandchild(name + ".1"), grandchild(name + ".2"))
            await task
            seen.append(name + " ends")

        await asyncio.gather(*(child(name) for name in "abc"))
        return seen

    assert against_asyncio(program)[:6] == ["a", "b", "c", "a.task", "a.1", "a.2"]


def test_done_callbacks_beside_a_waiter(against_asyncio):
    """Callbacks and waiters are served in the order in which they came."""

    async def program():
        seen = []

        async def waiter(name):
            await task
            seen.append(name)

        task = asyncio.create_task(asyncio.sleep(1))
        task.add_done_callback(lambda _: seen.append("callback 1"))
        waiters = [asyncio.create_task(waiter("waiter 1"))]
        await asyncio.sleep(0)
        task.add_done_callback(lambda _: seen.append("callback 2"))
        waiters.append(asyncio.create_task(waiter("waiter 2")))
        await asyncio.sleep(0)
        task.add_done_callback(lambda _: seen.append("callback 3"))
        await asyncio.wait(waiters)
        return seen

    against_asyncio(program)


def test_a_callback_added_in_a_callback(against_asyncio):
    """It runs one turn of the loop later."""

    async def program():
        seen = []

        def first(done):
            done.add_done_callback(lambda _: seen.append("third"))
            asyncio.get_running_loop().call_soon(seen.append, "fourth")
            seen.append("first")

        task = asyncio.create_task(asyncio.sleep(1))
        task.add_done_callback(first)
        task.add_done_callback(lambda _: seen.append("second"))
        await task
        await asyncio.sleep(0)
        return seen

    assert against_asyncio(program) == ["first", "second", "third", "fourth"]


# -- cancelling what refuses --------------------------------------------------------------


class Stubborn(asyncio.Future):
    """A future that refuses to be cancelled, and counts how often it was asked."""

    asked = 0

    def cancel(self, msg=None):
        self.asked += 1
        return False


def test_a_future_that_refuses_to_be_cancelled(against_asyncio):
    """Whoever waits for it is cancelled when it is done, and asks it no more than once."""

    async def program():
        stubborn = Stubborn()

        async def wait():
            await stubborn

        task = asyncio.create_task(wait())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.sleep(1)
        before = task.done(), stubborn.asked
        stubborn.set_result(None)
        await asyncio.wait([task])
        return before, task.cancelled()

    assert against_asyncio(program) == ((False, 1), True)


def test_a_future_that_refuses_a_scope(run, backend):
    """A scope that is cancelled around it asks it once; AnyIO on asyncio keeps asking."""

    async def program():
        stubborn = Stubborn()
        asyncio.get_running_loop().call_later(5, stubborn.set_result, "its value")
        with anyio.move_on_after(1) as scope:
            value = await stubborn
            if backend == "trio":
                assert (value, portable.current_time()) == ("its value", 5)
            await anyio.sleep(10)
        return scope.cancelled_caught, stubborn.asked

    if backend == "trio":
        assert run(program) == (True, 1)


def test_a_task_whose_clean_up_awaits_is_cancelled_once_by_a_scope(run, backend):
    """A scope cancelled around `await task` cancels the task once, and awaits its end.

    AnyIO on asyncio cancels the awaiting task again and again, and so the awaited one: its
    clean-up is cut short there, with raw asyncio as with portable.
    """
    seen = []

    async def inner():
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            seen.append("cancelled")
            try:
                await asyncio.sleep(2)
                await asyncio.sleep(2)
                seen.append("cleaned up")
            except asyncio.CancelledError:
                seen.append("again")
                raise
            raise

    async def program():
        with anyio.move_on_after(1) as scope:
            await asyncio.create_task(inner())
        return scope.cancelled_caught, portable.current_time()

    ended = run(program)
    if backend == "trio":
        assert (seen, ended) == (["cancelled", "cleaned up"], (True, 5))
    else:
        assert (seen, ended) == (["cancelled", "again"], (True, 1))


# -- runs that others have started ---------------------------------------------------------


def test_tasks_in_a_plain_anyio_run(backend, anyio_backend_name, anyio_backend_options):
    """portable's names work in a run that AnyIO has started."""

    async def main():
        task = portable.create_task(portable.sleep(0, "task"))
        both = await portable.gather(task, portable.sleep(0, "coroutine"))
        async with Supervisor() as tasks:
            both.append(await tasks.create_task(portable.sleep(0, "supervised")))
        return both

    options = {"backend": anyio_backend_name, "backend_options": anyio_backend_options}
    assert anyio.run(main, **options) == ["task", "coroutine", "supervised"]


def test_tasks_in_a_plain_trio_run():
    """portable's names work in a run that trio has started, one run after the other."""
    trio = pytest.importorskip("trio")

    async def main(number):
        task = portable.create_task(portable.sleep(0, number))
        return await task

    assert [trio.run(main, number) for number in range(3)] == [0, 1, 2]


def test_tasks_in_a_request_handler(backend, anyio_backend_name, anyio_backend_options):
    """A handler that a server runs in a task of its own may create tasks, and leave some.

    So web frameworks call theirs: in a child of an AnyIO group, under a cancel scope.
    """

    async def handler(answers):
        background.append(portable.create_task(portable.sleep(0.01, "background")))
        answers.append(await portable.gather(portable.sleep(0, 1), portable.sleep(0, 2)))

    async def server():
        answers = []
        for _ in range(2):
            with anyio.CancelScope():
                async with anyio.create_task_group() as requests:
                    requests.start_soon(handler, answers)
        return answers, [await task for task in background]

    background = []
    options = {"backend": anyio_backend_name, "backend_options": anyio_backend_options}
    assert anyio.run(server, **options) == ([[1, 2], [1, 2]], ["background"] * 2)


def test_tasks_in_a_running_loop_that_is_fed_from_outside(backend):
    """Cells of a notebook: they run one after the other in one loop, and share its tasks."""
    with _runner(backend) as runner:

        async def first_cell():
            return portable.create_task(portable.sleep(0.01, "from the first"))

        async def second_cell(task):
            return await portable.race(task, portable.sleep(10))

        assert runner.run(second_cell(runner.run(first_cell()))) == "from the first"


# -- depth and processes ------------------------------------------------------------------


def test_gathers_nested_eight_hundred_deep(run):
    """Depth costs no recursion of ours: asyncio's own limit is the same."""

    async def nest(depth):
        if depth:
            (value,) = await asyncio.gather(nest(depth - 1))
            return value + 1
        await anyio.lowlevel.checkpoint()
        return 0

    async def program():
        return await nest(800)

    assert run(program) == 800


def test_nested_gathers_are_cancelled(against_asyncio):
    """Cancelling all that ends it as on asyncio."""

    async def nest(depth):
        if depth:
            await asyncio.gather(nest(depth - 1))
        else:
            await asyncio.sleep(3600)

    async def program():
        task = asyncio.create_task(nest(100))
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert against_asyncio(program) is True


FORKING = """
import asyncio, os, portable, trio

async def child():
    nested = child()
    try:
        portable.run(nested)
    except RuntimeError as error:
        assert "running event loop" in str(error)
        return sum(await asyncio.gather(asyncio.sleep(0, 3), asyncio.sleep(0, 4)))

async def main():
    portable.current_time()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            status = portable.run(child, backend={!r})
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

print(trio.run(main))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_run_in_a_forked_child_of_a_foreign_run(backend):
    """One forked in a run of trio's without asyncio's loop may, too, but no run inside it."""
    pytest.importorskip("trio")
    code = FORKING.format(backend)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "7\n", done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_run_in_a_forked_child(backend):
    """A process forked in the midst of a run may start a run of its own."""

    async def child():
        await asyncio.sleep(0)
        return await asyncio.gather(asyncio.sleep(0, 3), asyncio.sleep(0, 4))

    async def program():
        pid = os.fork()
        if not pid:
            status = 1
            try:
                status = sum(portable.run(child, backend=backend))
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    assert portable.run(program, backend=backend) == 7
