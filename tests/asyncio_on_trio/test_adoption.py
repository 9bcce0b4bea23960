"""Tasks that somebody made by `asyncio.Task(...)` itself speak both languages."""

import asyncio
import contextvars
import sys
import types
from collections.abc import Coroutine
from functools import partial

import anyio
import pytest
import trio

import portable
from portable.asyncio_on_trio import EventLoop

needs_eager = pytest.mark.skipif(
    sys.version_info < (3, 12), reason="asyncio has no eager tasks here"
)
needs_adoption = pytest.mark.skipif(
    not (3, 12) <= sys.version_info < (3, 15),
    reason="asyncio has no eager tasks before 3.12; 3.15 initialises no task twice",
)


async def both(result=None):
    await asyncio.sleep(0)
    await trio.sleep(0)
    await anyio.sleep(0)
    return result


async def made_by_asyncio(task):
    """What a task brings whose class was called by hand.

    It is given a driver when it begins; Python 3.15 refuses that, and there it may await what
    is asyncio's alone.
    """
    if sys.version_info < (3, 15):
        return await task
    with pytest.raises(RuntimeError, match="bad yield") as caught:
        await task
    assert "asyncio.create_task()" in caught.value.__notes__[0]
    return "result"


@types.coroutine
def bare(value=None):
    yield value


def begun(wait):
    """A coroutine that somebody has begun, so that no task can be given a driver for it."""

    async def work():
        await bare()
        await asyncio.sleep(0)
        await wait()

    coro = work()
    coro.send(None)
    return coro


@pytest.mark.parametrize("wait", [trio.lowlevel.checkpoint, partial(anyio.sleep, 1)])
def test_what_cannot_be_adopted_says_what_to_do(run, wait):
    """A task that was not adopted, and awaits trio's, is told how to be made."""

    async def main():
        with pytest.raises(RuntimeError, match="bad yield") as caught:
            await asyncio.Task(begun(wait), loop=asyncio.get_running_loop())
        return caught.value.__notes__

    [note] = run(main)
    assert "asyncio.create_task()" in note


def test_asyncios_other_errors_are_left_alone(run):
    """What no task can await has nothing to do with trio."""

    async def main():
        with pytest.raises(RuntimeError, match="bad yield: 7") as caught:
            await asyncio.Task(begun(partial(bare, 7)), loop=asyncio.get_running_loop())
        return getattr(caught.value, "__notes__", [])

    assert run(main) == []


def test_a_factory_of_ones_own(run):
    """It is asked with asyncio's arguments, and may make a task of asyncio's own class."""
    asked = []

    def factory(loop, coro, **options):
        asked.append((type(loop).__name__, sorted(options)))
        return asyncio.Task(coro, loop=loop, **options)

    async def main():
        asyncio.get_running_loop().set_task_factory(factory)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(1, "asyncio's"))
        assert await task == "asyncio's"
        assert await made_by_asyncio(asyncio.create_task(both("result"))) == "result"
        return asyncio.get_running_loop().get_task_factory() is factory

    assert run(main)
    assert [name for name, _ in asked[:2]] == ["EventLoop"] * 2


def test_a_task_of_asyncios_class(run):
    """`asyncio.Task(coro)` made by hand runs."""

    async def main():
        loop = asyncio.get_running_loop()
        assert await asyncio.Task(asyncio.sleep(1, "by hand"), loop=loop) == "by hand"
        return await made_by_asyncio(asyncio.Task(both("result"), loop=loop))

    assert run(main) == "result"


def by_hand(coro, loop):
    return asyncio.Task(coro, loop=loop)


def by_hand_eagerly(coro, loop):
    return asyncio.Task(coro, loop=loop, eager_start=True)


@pytest.mark.parametrize("make", [by_hand, pytest.param(by_hand_eagerly, marks=needs_eager)])
def test_debug_mode_tells_where_a_task_was_made(backend, make):
    """The line that called the class, and none of portable's own behind it."""

    async def work():
        await asyncio.sleep(0)

    async def main():
        task = make(work(), asyncio.get_running_loop())
        said = repr(task)
        await task
        return said

    said = portable.run(main, backend=backend, debug=True)
    assert f"created at {__file__}:{make.__code__.co_firstlineno + 1}>" in said


class OfAnotherKind(Coroutine):
    """A coroutine as compilers make them, without the attributes of Python's own."""

    def __init__(self, coro):
        self.send, self.throw, self.close = coro.send, coro.throw, coro.close

    send = throw = close = None

    def __await__(self):
        raise NotImplementedError


def test_a_coroutine_of_another_kind(against_asyncio):
    """It cannot be asked whether it has begun, and runs as on asyncio."""

    async def program():
        coro = OfAnotherKind(asyncio.sleep(1, "compiled"))
        return await asyncio.Task(coro, loop=asyncio.get_running_loop())

    assert against_asyncio(program) == "compiled"


@pytest.mark.parametrize("made", [asyncio.SelectorEventLoop, EventLoop])
def test_a_task_for_a_closed_loop(made):
    """It is refused, as asyncio's loops do."""

    async def work():
        pass

    loop, coro = made(), work()
    loop.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        asyncio.Task(coro, loop=loop)
    coro.close()


# -- started eagerly ------------------------------------------------------------------------


class Mine(asyncio.Task):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)


def literally(coro, loop):
    return asyncio.Task(coro, loop=loop, eager_start=True)


def by_a_mapping(coro, loop):
    options = {"loop": loop, "eager_start": True}
    return asyncio.Task(coro, **options)


def by_a_subclass(coro, loop):
    return Mine(coro, loop=loop, eager_start=True)


def by_a_factory(coro, loop):
    return asyncio.create_eager_task_factory(Mine)(loop, coro)


def where_the_loop_is_asked_too(coro, loop):
    assert loop.is_running()
    task = asyncio.Task(coro, loop=loop, eager_start=True)
    assert loop.is_running()
    return task


WAYS = [literally, by_a_mapping, by_a_subclass, by_a_factory, where_the_loop_is_asked_too]
all_ways = pytest.mark.parametrize("make", WAYS, ids=[way.__name__ for way in WAYS])


@needs_adoption
@all_ways
def test_started_eagerly(run, make):
    """It begins at once, and may wait in trio after its first wait in asyncio."""
    seen = []

    async def job():
        seen.append("begun")
        assert asyncio.current_task() is not main_task
        result = await both("result")
        assert asyncio.current_task() is task
        return result

    async def main():
        nonlocal main_task, task
        main_task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        task = make(job(), loop)
        assert seen == ["begun"]
        assert asyncio.current_task() is main_task
        assert asyncio.all_tasks() == {main_task, task}
        return await task

    main_task = task = None
    assert run(main) == "result"


@needs_eager
@all_ways
def test_one_that_ends_in_its_first_step(against_asyncio, make):
    """It is done when it has been made, with its result, its error or its cancellation."""

    async def end(how):
        if isinstance(how, BaseException):
            raise how
        return how

    async def program():
        seen = []
        loop = asyncio.get_running_loop()
        for how in ("a result", ValueError("an error"), asyncio.CancelledError("cancelled")):
            task = make(end(how), loop)
            seen.append((task.done(), task.cancelled(), len(asyncio.all_tasks())))
            outcome = await asyncio.gather(task, return_exceptions=True)
            seen.append(repr(outcome))
        return seen

    against_asyncio(program)


@needs_adoption
@all_ways
def test_its_first_wait_may_not_be_trios(run, make):
    """As of each task that starts eagerly: the error says what to do."""

    async def main():
        with pytest.raises(RuntimeError, match="start it without eager_start"):
            await make(trio.sleep(1), asyncio.get_running_loop())
        assert trio.current_effective_deadline() > trio.current_time()
        await trio.sleep(1)  # no scope was left open

    run(main)


@pytest.mark.parametrize(
    "eagerly", [{}, pytest.param({"eager_start": True}, marks=needs_adoption)]
)
def test_its_context_and_name(run, eagerly):
    """It keeps those it was given."""
    variable = contextvars.ContextVar("variable", default="outside")
    context = contextvars.copy_context()
    context.run(variable.set, "inside")

    async def job():
        await asyncio.sleep(0)
        return variable.get(), asyncio.current_task().get_name()

    async def main():
        loop = asyncio.get_running_loop()
        options = {"name": "a name", "context": context, **eagerly}
        return await asyncio.Task(job(), loop=loop, **options)

    assert run(main) == ("inside", "a name")


@needs_eager
def test_whoever_else_asks_whether_the_loop_runs(run):
    """They are told the truth, whatever stands around the question."""

    def ask(loop, *, eager_start):
        return [loop.is_running(), (lambda: loop.is_running())(), partial(loop.is_running)()]

    async def main():
        loop = asyncio.get_running_loop()
        found = ask(loop, eager_start=True)
        options = {"eager_start": True}
        found += ask(loop, **options)
        found.append(await asyncio.to_thread(loop.is_running))
        loop.call_soon(lambda: found.append(loop.is_running()))
        await asyncio.sleep(0)
        await trio.sleep(0)
        found.append(await asyncio.Task(asyncio.sleep(0, True), loop=loop))
        return found

    assert run(main) == [True] * 9
