"""What is replaced in asyncio while a loop of ours is open, and what asyncio keeps of it."""

import asyncio
import asyncio.tasks
import threading

import pytest
import trio

import portable
from portable.asyncio_on_trio import EventLoop

# Private names of asyncio's that these lean on: if one goes, the tests below say so.
NAMES = ("_GatheringFuture", "__sleep0", "current_task")


def current():
    return [getattr(asyncio.tasks, name) for name in NAMES]


def test_the_names_exist():
    """asyncio has them, and they are what `gather()`, `sleep(0)` and `timeout()` use."""

    async def main():
        gathered = asyncio.gather(asyncio.sleep(0))
        kind = type(gathered)
        await gathered
        return kind

    assert asyncio.run(main()) is getattr(asyncio.tasks, NAMES[0])
    assert NAMES[1] in asyncio.sleep.__code__.co_names
    assert NAMES[2] in asyncio.Timeout.__aenter__.__code__.co_names
    assert NAMES[2] in asyncio.TaskGroup.__aenter__.__code__.co_names


def test_they_are_replaced_while_a_loop_is_open(run):
    """Only then; when the last loop has gone asyncio's own are back."""
    before = current()

    async def main():
        return [one is not other for one, other in zip(current(), before, strict=True)]

    assert run(main) == [True, True, True]
    assert current() == before


def test_loops_of_several_threads():
    """The last one puts them back."""
    before = current()
    begun, go_on = threading.Semaphore(0), threading.Event()

    async def other():
        begun.release()
        await asyncio.to_thread(go_on.wait)
        return await asyncio.gather(asyncio.sleep(0, 1))

    results = []
    thread = threading.Thread(
        target=lambda: results.append(portable.run(other, backend="trio"))
    )
    thread.start()
    begun.acquire()
    portable.run(asyncio.sleep, 0, backend="trio")
    assert current() != before
    go_on.set()
    thread.join()
    assert results == [[1]]
    assert current() == before


def test_asyncios_own_loops_do_not_notice():
    """While a loop of ours is open elsewhere, gather() and sleep(0) are as ever on asyncio."""
    loop = EventLoop()
    try:
        loop.run_until_complete(asyncio.sleep(0))

        async def main():
            order = []
            asyncio.get_running_loop().call_soon(order.append, "callback")
            await asyncio.sleep(0)
            gathered = asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2))
            assert repr(gathered).startswith("<_GatheringFuture pending")
            return order, await gathered

        assert asyncio.run(main()) == (["callback"], [1, 2])
    finally:
        loop.close()


def test_a_gather_in_a_plain_task_looks_like_asyncios(run):
    """Its class has asyncio's name and module."""
    seen = []

    async def child():
        gathered = asyncio.gather(asyncio.sleep(0, 1))
        assert isinstance(gathered, asyncio.Future)
        assert type(gathered).__module__ == "asyncio.tasks"
        seen.append(repr(gathered))
        seen.append(await gathered)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)

    run(main)
    assert seen == ["<_GatheringFuture pending>", [1]]


def test_sleep_zero_in_a_plain_task_is_a_checkpoint(run):
    """It gives the others a turn, and is cancelled by a scope of trio's."""
    seen = []

    async def child():
        with trio.CancelScope() as scope:
            scope.cancel()
            await asyncio.sleep(0)
            seen.append("not reached")
        seen.append(scope.cancelled_caught)

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)

    run(main)
    assert seen == [True]


@pytest.mark.parametrize("seconds", [0, 0.5])
def test_sleep_in_a_plain_task(run, seconds):
    """It returns its result after that time."""
    seen = []

    async def child():
        seen.append((await asyncio.sleep(seconds, "result"), portable.current_time()))

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)

    run(main)
    assert seen == [("result", seconds)]


@pytest.mark.parametrize(
    ("enter", "way"),
    [
        pytest.param(lambda: portable.timeout(1), "anyio.fail_after()", id="timeout"),
        pytest.param(lambda: portable.TaskGroup(), "anyio.create_task_group()", id="TaskGroup"),
    ],
)
def test_what_needs_a_task_of_asyncios_names_anyios_way(enter, way):
    """In a plain task of trio's the error says what to use there; in asyncio's all is well."""

    async def plain():
        with pytest.raises(RuntimeError, match="plain task of trio's") as raised:
            async with enter():
                pass
        return str(raised.value)

    async def ours():
        async with enter():
            return "well"

    async def main():
        message = await plain()
        return message, await portable.create_task(ours())

    message, result = trio.run(main)
    assert way in message
    assert result == "well"


@pytest.mark.parametrize("shield", [False, True], ids=["plain", "shielded"])
def test_a_wait_for_a_future_when_the_loop_ends(shield):
    """Nobody ends it any more: it is asyncio's error of a closed loop."""

    async def own():
        async with portable.asyncio_loop():
            await go_on.wait()
        ended.set()

    async def main():
        nonlocal go_on, ended
        go_on, ended = trio.Event(), trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(own)
            await trio.testing.wait_all_tasks_blocked()
            future = asyncio.get_running_loop().create_future()
            go_on.set()
            with trio.CancelScope(shield=shield), pytest.raises(RuntimeError, match="closed"):
                await future
            await ended.wait()
            with trio.CancelScope() as scope, pytest.raises(RuntimeError, match="closed"):
                scope.cancel()
                await future
            seen.append("told")

    go_on = ended = None
    seen = []
    trio.run(main)
    assert seen == ["told"]


@pytest.mark.parametrize("shield", [False, True], ids=["plain", "shielded"])
def test_a_nursery_whose_child_waits_for_a_future_when_the_loop_closes(shield):
    """The child's wait is given up, so that the loop can be closed."""

    async def wait():
        with trio.CancelScope(shield=shield):
            await asyncio.get_running_loop().create_future()

    async def left():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)

    loop = portable.trio_loop()
    task = loop.create_task(left())
    loop.run_until_complete(trio.sleep(0.001))
    loop.close()
    assert loop.is_closed()
    assert task.cancelled() or task.exception() is not None
