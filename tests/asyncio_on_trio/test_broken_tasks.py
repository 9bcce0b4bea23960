"""Broken tasks and callbacks: none takes trio down, or the run that comes after it."""

import asyncio
import gc
import sys
import types

import pytest
import trio

import portable


async def callback_exits():
    task = asyncio.create_task(asyncio.sleep(0))
    task.add_done_callback(lambda _: sys.exit(3))
    await asyncio.sleep(1)


async def exception_handler_fails():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: 1 / 0)
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(1)


async def exception_handler_exits():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: sys.exit(3))
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(1)


async def task_ends_nothing():
    """A task whose coroutine refuses to be cancelled, for a while."""

    async def stubborn():
        for _ in range(50):
            try:
                await trio.sleep(1)
            except BaseException:
                pass

    asyncio.create_task(stubborn())
    await asyncio.sleep(2)


async def endless_recursion():
    def recurse():
        recurse()

    async def broken():
        await trio.sleep(0)
        recurse()

    with pytest.raises(RecursionError):
        await asyncio.create_task(broken())


async def endless_recursion_of_coroutines():
    async def broken(depth):
        if depth % 100 == 0:
            await trio.sleep(0)
        await broken(depth + 1)

    with pytest.raises(RecursionError):
        await asyncio.create_task(broken(0))


async def scopes_left_in_the_wrong_order():
    async def broken():
        outer, inner = trio.CancelScope(), trio.CancelScope()
        outer.__enter__()
        inner.__enter__()
        await trio.sleep(0)
        with pytest.raises(RuntimeError):
            outer.__exit__(None, None, None)
        await asyncio.sleep(0)
        await trio.sleep(0)

    await asyncio.wait([asyncio.create_task(broken())])


async def scope_left_by_another_task():
    scope = trio.CancelScope()

    async def enter():
        scope.__enter__()
        await trio.sleep(1)

    async def leave():
        with pytest.raises(RuntimeError):
            scope.__exit__(None, None, None)

    task = asyncio.create_task(enter())
    await asyncio.sleep(0)
    await asyncio.create_task(leave())
    await asyncio.wait([task])


async def nursery_left_open(child=trio.sleep_forever):
    async def broken():
        manager = trio.open_nursery()
        nursery = await manager.__aenter__()
        nursery.start_soon(child)
        kept.append((manager, nursery))

    kept = []
    await asyncio.wait([asyncio.create_task(broken())])
    await asyncio.sleep(1)


async def nursery_left_open_whose_child_fails():
    async def fail():
        await trio.sleep(0.5)
        raise LookupError

    await nursery_left_open(fail)


async def generator_with_a_scope_driven_by_two_tasks():
    async def numbers():
        with trio.CancelScope():
            yield 1
            yield 2

    async def step():
        return await anext(generator)

    generator = numbers()
    for _ in range(2):
        await asyncio.wait([asyncio.create_task(step())])
    try:
        await generator.aclose()
    except RuntimeError:
        pass


async def cancelled_while_it_gives_up_a_wait():
    async def broken():
        def abort(_):
            task.cancel()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    task = asyncio.create_task(broken())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])


async def loop_closed_inside():
    asyncio.get_running_loop().close()


async def loop_stopped_inside():
    asyncio.create_task(trio.sleep(0)).add_done_callback(
        lambda _: asyncio.get_running_loop().stop()
    )
    await asyncio.sleep(1)


async def child_of_a_nursery_exits():
    async def leave():
        raise SystemExit(4)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave)


async def result_set_on_a_task():
    task = asyncio.create_task(trio.sleep(1))
    with pytest.raises(RuntimeError):
        task.set_result(1)
    await task


async def trio_run_inside():
    trio.run(trio.sleep, 0)


async def woken_by_a_callback():
    async def wait():
        native = trio.lowlevel.current_task()
        asyncio.get_running_loop().call_soon(trio.lowlevel.reschedule, native)
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)

    await asyncio.create_task(wait())


PROGRAMS = [
    callback_exits,
    exception_handler_fails,
    exception_handler_exits,
    task_ends_nothing,
    endless_recursion,
    endless_recursion_of_coroutines,
    scopes_left_in_the_wrong_order,
    scope_left_by_another_task,
    nursery_left_open,
    nursery_left_open_whose_child_fails,
    generator_with_a_scope_driven_by_two_tasks,
    cancelled_while_it_gives_up_a_wait,
    loop_closed_inside,
    loop_stopped_inside,
    child_of_a_nursery_exits,
    result_set_on_a_task,
    trio_run_inside,
    woken_by_a_callback,
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_trio_survives(run, program):
    """Whatever comes out is the program's own error, and the next run is as good as any."""
    try:
        run(program)
    except BaseException as error:
        raised = error
        while isinstance(raised, BaseExceptionGroup):
            raised = raised.exceptions[0]
        assert type(raised) in (SystemExit, RuntimeError, LookupError), raised
        assert not isinstance(raised, trio.TrioInternalError)
    assert run(asyncio.sleep, 1, "fine") == "fine"
    gc.collect()


@types.coroutine
def bare():
    yield


def test_a_wait_that_asyncio_has_dropped(run, logged):
    """Whoever was to end it may wake the trio task at the moment at which asyncio does."""

    async def begun():
        await bare()
        with pytest.raises(RuntimeError, match="bad yield"):
            await event.wait()
        return await future

    async def main():
        nonlocal event, future
        loop = asyncio.get_running_loop()
        event, future = trio.Event(), loop.create_future()
        coro = begun()
        coro.send(None)
        task = asyncio.Task(coro, loop=loop)
        await asyncio.sleep(1)
        loop.call_soon(event.set)
        future.set_result("fine")
        return await task

    event = future = None
    assert run(main) == "fine"
    assert logged() == []


async def child_of_a_nursery(seen):
    try:
        await trio.sleep_forever()
    finally:
        seen.append("the child ends")


async def wait_in_a_nursery(future, seen):
    """Wait inside a nursery; without `async with`, which would wait as garbage, too."""
    nursery = await trio.open_nursery().__aenter__()
    nursery.start_soon(child_of_a_nursery, seen)
    await future


def test_left_in_a_nursery_as_the_end_of_a_run_is_broken_off(run):
    """Nobody resumes it; its nursery's children end, and trio's run with them."""

    async def clean_up():
        try:
            await asyncio.sleep(3600)
        finally:
            asyncio.get_running_loop().call_soon(sys.exit, 3)
            await wait_in_a_nursery(future, seen)

    async def main():
        nonlocal future
        future = asyncio.get_running_loop().create_future()
        asyncio.create_task(clean_up())
        await asyncio.sleep(0)

    seen, future = [], None
    with pytest.raises(SystemExit):
        run(main)
    assert seen == ["the child ends"]
    assert not future.done()
    future = None
    gc.collect()  # asyncio tells of the task that is destroyed


def test_left_in_a_nursery_as_its_loop_is_closed(logged):
    """So it is if a loop is closed that was not asked to end what is left."""

    async def main():
        asyncio.create_task(wait_in_a_nursery(future, seen))
        await trio.sleep(0.01)

    seen = []
    loop = portable.trio_loop()
    future = loop.create_future()
    loop.run_until_complete(main())
    loop.close()
    assert (seen, logged()) == (["the child ends"], [])
    assert not future.done()
    future = None
    gc.collect()


def test_collected_in_a_nursery(run):
    """Its nursery's children end, and the run goes on."""

    async def main():
        seen = []
        future = asyncio.get_running_loop().create_future()
        asyncio.create_task(wait_in_a_nursery(future, seen))
        del future
        await trio.sleep(1)
        gc.collect()
        await trio.sleep(1)
        return list(seen)

    assert run(main) == ["the child ends"]
