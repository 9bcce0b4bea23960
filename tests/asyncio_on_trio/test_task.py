"""The task: asyncio's own in all that can be asked of it, and able to await both languages."""

import asyncio
import collections.abc
import contextvars
import gc
import sys
import warnings
import weakref

import anyio
import anyio.lowlevel
import pytest
import trio
import trio.testing

import portable
from portable.asyncio_on_trio import EventLoop

needs_eager = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="asyncio has no eager tasks here"
)


async def both(result=None):
    await asyncio.sleep(0)
    await trio.sleep(0)
    await anyio.sleep(0)
    return result


# -- what it is ---------------------------------------------------------------------------


def test_it_is_asyncios(run):
    """Everything that asks for a task of asyncio's finds one."""

    async def main():
        coro = both("result")
        task = asyncio.create_task(coro, name="a name")
        assert isinstance(task, asyncio.Task)
        assert isinstance(task, asyncio.Future)
        assert asyncio.isfuture(task)
        assert asyncio.iscoroutine(task.get_coro())
        assert task.get_coro() is coro
        assert task.get_loop() is asyncio.get_running_loop()
        assert asyncio.all_tasks() == {task, asyncio.current_task()}
        task.set_name("another")
        assert task.get_name() == "another"
        assert await task == task.result() == "result"
        assert task.exception() is None
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main)


def test_it_is_the_current_task_at_every_step(run):
    """After each kind of wait, and in a callback there is none."""

    async def job():
        seen = [asyncio.current_task()]
        for wait in (asyncio.sleep, trio.sleep, anyio.sleep):
            await wait(0)
            seen.append(asyncio.current_task())
            await wait(1)
            seen.append(asyncio.current_task())
        async with anyio.create_task_group():
            seen.append(asyncio.current_task())
        return seen

    async def main():
        task = asyncio.create_task(job())
        found = []
        asyncio.get_running_loop().call_soon(lambda: found.append(asyncio.current_task()))
        assert set(await task) == {task}
        assert found == [None]

    run(main)


def test_what_is_told_of_it(against_asyncio):
    """repr() and the stack are those of asyncio's task, whatever it waits for."""

    async def waiting(wait):
        await wait(10)

    async def program():
        seen = []
        for wait in (asyncio.sleep, anyio.sleep):
            task = asyncio.create_task(waiting(wait), name="a name")
            await asyncio.sleep(1)
            seen.append([frame.f_code.co_name for frame in task.get_stack()])
            text = repr(task)
            assert text.startswith("<Task pending name='a name' coro=<test_what_is_told_of_it.")
            assert "waiting() running at" in text
            task.cancel()
            await asyncio.wait([task])
            seen.append(repr(task).partition(" defined at")[0])
        return seen

    against_asyncio(program)


def test_its_context(run):
    """Each task has a copy of its maker's context, or the one it is given, in every step."""
    variable = contextvars.ContextVar("variable", default="unset")

    async def job(value):
        seen = [variable.get()]
        variable.set(value)
        for wait in (asyncio.sleep, trio.sleep, anyio.sleep):
            await wait(0)
            seen.append(variable.get())
        return seen

    async def main():
        variable.set("main")
        context = contextvars.copy_context()
        tasks = [
            asyncio.create_task(job(1)),
            asyncio.create_task(job(2), context=context),
            asyncio.create_task(job(3)),
        ]
        assert tasks[1].get_context() is context if sys.version_info >= (3, 12) else True
        results = [await task for task in tasks]
        return results, variable.get(), context[variable]

    results, mine, given = run(main)
    assert results == [["main", n, n, n] for n in (1, 2, 3)]
    assert (mine, given) == ("main", 2)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="asyncio has no call graph here")
def test_the_call_graph(run):
    """3.14's tools see who awaits whom."""

    async def inner():
        return asyncio.format_call_graph()

    async def outer():
        return await asyncio.create_task(inner())

    text = run(outer)
    assert "inner" in text
    assert "outer" in text


# -- results and errors -------------------------------------------------------------------


@pytest.mark.parametrize("wait", [asyncio.sleep, anyio.sleep], ids=["asyncio", "anyio"])
@pytest.mark.parametrize("error", [ValueError("x"), StopAsyncIteration(), GeneratorExit()])
def test_what_a_task_raises(against_asyncio, wait, error):
    """It is its exception, after whatever it waited for."""

    async def job():
        await wait(1)
        raise error

    async def program():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        return task.exception() is error

    assert against_asyncio(program)


@pytest.mark.parametrize("wait", [asyncio.sleep, anyio.sleep], ids=["asyncio", "anyio"])
def test_stop_iteration_is_a_runtime_error(against_asyncio, wait):
    """As Python's coroutines have it."""

    async def job():
        await wait(1)
        raise StopIteration

    async def program():
        try:
            await asyncio.create_task(job())
        except RuntimeError as error:
            return str(error)

    assert "StopIteration" in against_asyncio(program)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("wait", [asyncio.sleep, trio.sleep], ids=["asyncio", "trio"])
def test_a_task_that_ends_the_program(runner, kind, wait):
    """It is raised out of the run, which can go on after it, and the task has it too."""

    async def leave():
        await wait(0.001)
        raise kind("task")

    async def main():
        nonlocal task
        task = asyncio.create_task(leave())
        await asyncio.sleep(30)

    task = None
    with pytest.raises(kind, match="task"):
        runner.run(main())
    assert isinstance(task.exception(), kind)
    assert runner.run(both("goes on")) == "goes on"


# -- cancelling ---------------------------------------------------------------------------


WAITS = {
    "asyncio": asyncio.sleep,
    "trio": trio.sleep,
    "anyio": anyio.sleep,
    "event": lambda _: trio.Event().wait(),
    "future": lambda _: asyncio.get_running_loop().create_future(),
    "nursery": lambda _: _in_nursery(),
    "group": lambda _: _in_group(),
    "task": lambda seconds: asyncio.create_task(trio.sleep(seconds)),
}
waits = pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS.keys())


async def _in_nursery():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)


async def _in_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(trio.sleep_forever())


@waits
def test_cancel_while_it_waits(run, wait):
    """Whatever it waits for, the task is cancelled, once, with the message."""

    async def job():
        try:
            await wait(100)
        except BaseException as error:
            caught.append(error)
            raise

    caught = []

    async def main():
        task = asyncio.create_task(job())
        await asyncio.sleep(1)
        assert task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        assert task.cancelling() == 1
        assert not task.cancel()
        return portable.current_time()

    assert run(main) == 1
    (error,) = caught
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    assert isinstance(error, (asyncio.CancelledError, trio.Cancelled))
    if isinstance(error, asyncio.CancelledError) and wait is not WAITS["task"]:
        assert error.args == ("enough",)


@waits
def test_a_clean_up_that_awaits(run, wait):
    """It runs to its end, in either language: a cancellation is met once."""

    async def job():
        try:
            await wait(100)
        finally:
            await asyncio.sleep(1)
            await trio.sleep(1)
            await anyio.sleep(1)
            seen.append(portable.current_time())

    seen = []

    async def main():
        task = asyncio.create_task(job())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main)
    assert seen == [4]


@pytest.mark.parametrize("first", ["asyncio", "trio", "anyio", "event", "future", "task"])
@pytest.mark.parametrize("second", ["asyncio", "trio", "anyio", "event", "future"])
def test_a_swallowed_cancellation(against_asyncio, run, first, second):
    """A task that swallows it goes on; the next one meets it at its next wait."""

    async def job():
        seen = []
        for wait in (first, second):
            try:
                await WAITS[wait](100)
            except asyncio.CancelledError as error:
                seen.append((wait, error.args, portable.current_time()))
        return seen, asyncio.current_task().cancelling()

    async def program():
        task = asyncio.create_task(job())
        for message in ("one", "two"):
            await asyncio.sleep(1)
            task.cancel(message)
        return await task

    message = () if first == "task" and sys.version_info < (3, 11) else ("one",)
    assert run(program) == ([(first, message, 1), (second, ("two",), 2)], 2)


@pytest.mark.parametrize("wait", [asyncio.sleep, trio.sleep, anyio.sleep])
def test_cancel_before_the_first_step(against_asyncio, wait):
    """The coroutine never begins."""
    began = []

    async def job():
        began.append(None)

    async def program():
        task = asyncio.create_task(job())
        task.cancel("early")
        try:
            await task
        except asyncio.CancelledError as error:
            return error.args, began

    assert against_asyncio(program) == (("early",), [])


@pytest.mark.parametrize("wait", [asyncio.sleep, trio.sleep, anyio.sleep])
def test_a_task_that_cancels_itself(run, wait):
    """It meets that at its next wait, whatever that is for."""

    async def job():
        asyncio.current_task().cancel("mine")
        try:
            await wait(10)
        except asyncio.CancelledError as error:
            return error.args, portable.current_time()

    async def main():
        return await asyncio.create_task(job())

    assert run(main) == (("mine",), 0)


@pytest.mark.parametrize("wait", [asyncio.sleep, trio.sleep, anyio.sleep])
def test_a_task_that_ends_before_its_cancellation_arrives(against_asyncio, wait):
    """Cancelled by itself right before its end, it is a cancelled task."""

    async def job():
        await asyncio.sleep(1)
        asyncio.current_task().cancel("late")
        return "result"

    async def program():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        return task.cancelled()

    against_asyncio(program)


@pytest.mark.parametrize("wait", ["asyncio", "trio", "anyio"])
def test_uncancel(run, wait):
    """What is taken back before it is delivered is not delivered, from 3.13 on."""

    async def job():
        me = asyncio.current_task()
        me.cancel()
        assert me.uncancel() == 0
        try:
            await WAITS[wait](1)
        except asyncio.CancelledError:
            return "delivered"
        return "taken back"

    async def main():
        return await asyncio.create_task(job())

    expected = portable.run(main, virtual_time=True) if wait == "asyncio" else None
    assert run(main) == (
        expected or ("taken back" if sys.version_info >= (3, 13) else "delivered")
    )


@waits
def test_asyncios_timeout_around_any_wait(run, wait):
    """asyncio.timeout() and wait_for() limit what is trio's, too."""

    async def job():
        await wait(100)

    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await wait(100)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(job(), 1)
        assert asyncio.current_task().cancelling() == 0
        await both()
        return portable.current_time()

    if wait in (WAITS["nursery"],):
        # A nursery wraps what passes through it (T2): the limit is met all the same.
        async def main():
            with pytest.raises((TimeoutError, BaseExceptionGroup, trio.Cancelled)):
                async with asyncio.timeout(1):
                    await wait(100)
            return portable.current_time() + 1

    assert run(main) == 2


@waits
def test_a_trio_scope_around_any_wait(run, wait):
    """trio's scopes limit what is asyncio's, too, and it has ended then."""

    async def main():
        with trio.move_on_after(1) as scope:
            await wait(100)
        assert scope.cancelled_caught
        assert asyncio.current_task().cancelling() == 0
        await both()
        return portable.current_time()

    assert run(main) == 1


def test_a_cancelled_scope_cancels_each_wait(run):
    """Within it every wait is cancelled, those for asyncio's names too, as trio has it."""

    async def main():
        seen = []
        with trio.CancelScope() as scope:
            scope.cancel()
            for name, wait in WAITS.items():
                if name in ("nursery", "group"):
                    continue
                try:
                    await wait(10)
                except trio.Cancelled:
                    seen.append(name)
        return seen, portable.current_time()

    assert run(main) == ([name for name in WAITS if name not in ("nursery", "group")], 0)


def test_both_at_once(run):
    """A task that is cancelled by asyncio and by a scope around it in one instant ends once."""

    async def job(seen):
        with trio.CancelScope(deadline=1) as scope:
            try:
                await asyncio.sleep(10)
            finally:
                seen.append(scope.cancel_called)
        seen.append("after the scope")
        await asyncio.sleep(0)
        seen.append("not cancelled")

    async def main():
        seen = []
        task = asyncio.create_task(job(seen))
        asyncio.get_running_loop().call_at(1, task.cancel)
        await asyncio.wait([task])
        return task.cancelled(), "not cancelled" in seen, portable.current_time()

    assert run(main) == (True, False, 1)


# -- eager start and factories --------------------------------------------------------------


@needs_eager
def test_one_task_that_is_not_to_start_eagerly(run):
    """Under asyncio's eager factory, too, a task can be told to begin later."""

    async def job():
        seen.append("begun")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_task_factory(asyncio.eager_task_factory)
        task = loop.create_task(job(), eager_start=False)
        seen.append("made")
        await task

    seen = []
    run(main)
    assert seen == ["made", "begun"]


@needs_eager
def test_eager_tasks(against_asyncio):
    """With asyncio's factory a task begins before create_task() returns."""

    async def job(seen, name, wait):
        seen.append(name + " begins")
        if wait:
            await asyncio.sleep(1)
            seen.append(name + " goes on")
        return name

    async def program():
        seen = []
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        first = asyncio.create_task(job(seen, "first", False), name="a name")
        second = asyncio.create_task(job(seen, "second", True))
        seen.append((first.done(), second.done(), first.get_name()))
        seen.append(await asyncio.gather(first, second))
        async with asyncio.TaskGroup() as group:
            third = group.create_task(job(seen, "third", True))
        asyncio.get_running_loop().set_task_factory(None)
        return [*seen, third.result()]

    # (uvloop's and asyncio's own loop differ in what they hand to a factory.)
    against_asyncio(program)


@needs_eager
def test_an_eager_task_that_waits_in_trio_later(run):
    """After its first wait for something of asyncio's it may wait in trio as any other."""

    async def job():
        await asyncio.sleep(0)
        await trio.sleep(1)
        with trio.move_on_after(1):
            await asyncio.sleep(5)
        return portable.current_time()

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await asyncio.create_task(job())

    assert run(main) == 2


@needs_eager
def test_an_eager_task_that_waits_in_trio_at_once(run):
    """It gets an error that says what to do, and nothing is left waiting."""

    async def job():
        await event.wait()

    async def main():
        nonlocal event
        event = trio.Event()
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        with pytest.raises(RuntimeError, match="starts eagerly cannot wait in trio or AnyIO"):
            await asyncio.create_task(job())
        return event.statistics().tasks_waiting

    event = None
    assert run(main) == 0


@needs_eager
def test_an_eager_task_may_not_leave_a_scope_open(run):
    """Its first step runs in its maker's trio task: a scope that it opens there is told of."""

    async def job():
        with trio.CancelScope():
            await asyncio.sleep(0)

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        with pytest.raises(RuntimeError, match="[Cc]ancel scope"):
            await asyncio.create_task(job())

    run(main)


# -- what nobody keeps ----------------------------------------------------------------------


def test_an_error_nobody_retrieves_is_logged(run, logged):
    """At once, when the last reference goes."""

    async def fail():
        raise ValueError

    async def main():
        asyncio.create_task(fail())
        await asyncio.sleep(1)
        assert logged() == ["Task exception was never retrieved"]

    run(main)


def test_a_finished_task_is_gone_at_once(run):
    """No collector is needed: neither task nor result stay."""

    class Result:
        pass

    async def job(wait):
        await wait(0)
        return Result()

    async def main():
        gc.collect()
        gc.disable()
        try:
            for wait in (asyncio.sleep, trio.sleep):
                task = asyncio.create_task(job(wait))
                gone = weakref.ref(await task), weakref.ref(task)
                del task
                await asyncio.sleep(0)
                assert [ref() for ref in gone] == [None, None]
        finally:
            gc.enable()

    run(main)


def trio_tasks():
    """The tasks of trio's of this run."""
    found, left = [], [trio.lowlevel.current_root_task()]
    while left:
        task = left.pop()
        found.append(task)
        for nursery in task.child_nurseries:
            left += nursery.child_tasks
    return found


@pytest.mark.parametrize("wait", ["future", "event", "gather"])
def test_a_pending_task_that_nobody_keeps(logged, wait):
    """It is told of as destroyed, its clean-up runs, and its task of trio's ends."""
    seen = []

    async def job():
        try:
            if wait == "future":
                await asyncio.get_running_loop().create_future()
            elif wait == "gather":
                await asyncio.gather(asyncio.get_running_loop().create_future())
            else:
                await asyncio.Event().wait()
        finally:
            seen.append("closed")

    async def main():
        async with portable.asyncio_loop():
            before = len(trio_tasks())
            for _ in range(5):
                asyncio.create_task(job(), name="forgotten")
            await trio.testing.wait_all_tasks_blocked()
            gc.collect()
            await trio.testing.wait_all_tasks_blocked()
            return len(trio_tasks()) - before

    assert trio.run(main) <= 1  # one may wait for the next task
    assert logged() == ["Task was destroyed but it is pending!"] * 5
    assert seen == ["closed"] * 5


def test_an_error_keeps_no_frame(run):
    """What a task has raised is free when its handler is left, whatever it waited for."""

    class Seen(Exception):
        pass

    async def fail(wait, refs):
        await wait(0)
        error = Seen()
        refs.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    async def main():
        gc.collect()
        gc.disable()
        try:
            for wait in (asyncio.sleep, trio.sleep):
                refs = []
                try:
                    await asyncio.create_task(fail(wait, refs))
                except Seen:
                    pass
                await asyncio.sleep(0)
                assert refs[0]() is None
        finally:
            gc.enable()

    run(main)


# -- async generators -----------------------------------------------------------------------


def test_a_generator_that_is_left(against_asyncio):
    """One of a task of asyncio's is closed by a task of the loop's, soon after."""

    async def numbers(seen):
        try:
            for number in range(9):
                yield number
        finally:
            await asyncio.sleep(1)
            seen.append(("closed", portable.current_time()))

    async def program():
        seen = []

        async def job():
            async for number in numbers(seen):
                if number == 2:
                    return number
            return None

        seen.append(await asyncio.create_task(job()))
        gc.collect()
        await asyncio.sleep(5)
        return seen

    assert against_asyncio(program) == [2, ("closed", 1)]


def test_a_generator_of_a_plain_task(run):
    """trio's own rule holds for one that only trio's tasks use."""

    async def numbers():
        try:
            yield 1
        finally:
            seen.append("closed")

    seen = []

    async def child():
        async for _ in numbers():
            break

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)
        gc.collect()
        await trio.sleep(1)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(main)
    assert seen == ["closed"]
    assert [warning.category for warning in caught] == [ResourceWarning]


def test_isinstance_of_the_class_that_the_loop_makes():
    """A loop's tasks are of asyncio's class before trio runs, too."""
    loop = EventLoop()
    try:
        task = loop.create_task(both("later"))
        assert isinstance(task, asyncio.Task)
        assert loop.run_until_complete(task) == "later"
    finally:
        loop.close()


def test_the_repr_shows_the_programs_coroutine(runner):
    """Whatever object it is, asyncio's reprs name it, and nothing of the driver."""

    class Awaitable(collections.abc.Coroutine):
        def __await__(self):
            yield

        def send(self, value):
            raise StopIteration

        def throw(self, *error):
            raise error[0]

        def close(self):
            pass

    async def main():
        return repr(asyncio.create_task(Awaitable()))

    assert "coro=<<Awaitable without __name__>()>" in runner.run(main())
