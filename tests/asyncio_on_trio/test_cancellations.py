"""Cancellations that come when a wait is over, one after another, or by both libraries."""

import asyncio
import sys
from contextlib import suppress
from functools import partial

import anyio
import pytest
import trio
import trio.lowlevel

import portable

WAITS = [asyncio.sleep, trio.sleep]
LONG = 10


async def turn(_):
    await asyncio.sleep(0)


async def checkpoint(_):
    await trio.lowlevel.checkpoint()


def by_hand(coro):
    return asyncio.Task(coro, loop=asyncio.get_running_loop())


needs_adoption = pytest.mark.skipif(
    sys.version_info >= (3, 15), reason="3.15 initialises no task twice"
)


@pytest.mark.parametrize(
    "make", [asyncio.create_task, pytest.param(by_hand, marks=needs_adoption)]
)
@pytest.mark.parametrize("wait", [*WAITS, turn, checkpoint])
def test_while_a_value_is_on_its_way(run, make, wait):
    """The value is delivered and the next wait cancelled, once, with the message (T4)."""

    async def job(receive):
        seen.append(await receive.receive())
        for sleep in (wait, trio.sleep, asyncio.sleep):
            try:
                await sleep(LONG)
            except asyncio.CancelledError as error:
                seen.append((portable.current_time(), *error.args))

    async def main():
        send, receive = trio.open_memory_channel(0)
        task = make(job(receive))
        await asyncio.sleep(1)
        send.send_nowait("value")
        task.cancel("first")
        await asyncio.sleep(1)
        task.cancel("second")
        await task
        return portable.current_time()

    seen = []
    assert run(main) == 2 + LONG
    assert seen == ["value", (1, "first"), (2, "second")]


def test_one_of_two_that_is_taken_back_while_a_value_is_on_its_way(run):
    """The other one is delivered."""

    async def job(receive):
        await receive.receive()
        await trio.sleep(LONG)

    async def main():
        send, receive = trio.open_memory_channel(0)
        task = asyncio.create_task(job(receive))
        await asyncio.sleep(1)
        send.send_nowait("value")
        task.cancel()
        task.cancel()
        task.uncancel()
        await asyncio.wait([task])
        return task.cancelled(), portable.current_time()

    assert run(main) == (True, 1)


def test_while_its_last_value_is_on_its_way(run):
    """A task that waits for nothing more returns what it was handed (T4)."""

    async def main():
        send, receive = trio.open_memory_channel(0)
        task = asyncio.create_task(receive.receive())
        await asyncio.sleep(1)
        send.send_nowait("value")
        task.cancel()
        return await task

    assert run(main) == "value"


def test_by_itself_before_a_turn_that_is_shielded(against_asyncio):
    """A task that cancels itself and then gives others a turn counts as cancelled."""

    async def job():
        asyncio.current_task().cancel()
        await anyio.lowlevel.cancel_shielded_checkpoint()

    async def program():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        return task.cancelled()

    assert against_asyncio(program) is True


def test_by_itself_before_an_error(against_asyncio):
    """A task that cancels itself in its last step, and fails in it, has failed."""

    async def job():
        await anyio.sleep(1)
        asyncio.current_task().cancel()
        raise LookupError("fails")

    async def program():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        return repr(task.exception())

    assert "fails" in against_asyncio(program)


def test_in_a_turn_after_the_work_is_done(run):
    """What a wait of trio's has taken without waiting is not lost with its turn."""

    async def job(receive):
        seen.append(await receive.receive())
        await trio.sleep(LONG)

    async def main():
        send, receive = trio.open_memory_channel(1)
        send.send_nowait("value")
        task = asyncio.create_task(job(receive))
        asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait([task])
        return task.cancelled(), portable.current_time()

    seen = []
    assert run(main) == (True, 0)
    assert seen == ["value"]


@pytest.mark.parametrize("wait", WAITS)
def test_one_that_is_swallowed_leaves_scopes_alone(run, wait):
    """The next wait can be cancelled by a scope as any other."""

    async def job():
        with suppress(asyncio.CancelledError):
            await wait(LONG)
        with trio.move_on_after(1) as scope:
            await asyncio.sleep(LONG)
        return scope.cancelled_caught, portable.current_time()

    async def main():
        task = asyncio.create_task(job())
        await asyncio.sleep(1)
        task.cancel()
        return await task

    assert run(main) == (True, 2)


@pytest.mark.skipif(
    sys.version_info < (3, 13), reason="there uncancel() takes back no cancellation"
)
def test_one_that_is_taken_back_leaves_scopes_alone(run):
    """A scope can cancel the first wait after it."""

    async def job():
        with trio.move_on_after(1) as scope:
            await asyncio.sleep(LONG)
        return scope.cancelled_caught

    async def main():
        task = asyncio.create_task(job())
        task.cancel()
        task.uncancel()
        return await task

    assert run(main) is True


@pytest.mark.parametrize(("first", "args"), [("scope", []), ("task", ["asyncio's"])])
def test_by_a_scope_and_by_asyncio_at_once(run, first, args):
    """asyncio's is not caught by the scope, and keeps its class."""

    async def job():
        nonlocal scope
        with trio.CancelScope() as scope:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError as error:
                seen.append((type(error), *error.args))
                raise

    async def main():
        task = asyncio.create_task(job())
        await asyncio.sleep(1)
        if first == "scope":
            scope.cancel()
        task.cancel("asyncio's")
        scope.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    scope, seen = None, []
    assert run(main) is True
    assert seen == [(asyncio.CancelledError, *args)]


@pytest.mark.parametrize("end", ["set_result", "set_exception"])
def test_a_future_that_ends_in_its_own_way(run, end):
    """Where a scope has asked a future to give up in vain, the next one is free of that."""

    class Stubborn(asyncio.Future):
        def cancel(self, msg=None):
            getattr(self, end)(LookupError())
            return True

    async def job():
        loop = asyncio.get_running_loop()
        with trio.CancelScope() as scope, suppress(LookupError):
            loop.call_soon(scope.cancel)
            await Stubborn()
        assert not scope.cancelled_caught
        future = loop.create_future()
        loop.call_soon(future.cancel)
        with pytest.raises(asyncio.CancelledError) as caught:
            await future
        return caught.type

    assert run(job) is asyncio.CancelledError


class Absorbing(asyncio.Future):
    def cancel(self, msg=None):
        self.set_result(None)
        return True


class Unwilling(asyncio.Future):
    def cancel(self, msg=None):
        asyncio.get_running_loop().call_later(1, super().cancel)
        return False


@pytest.mark.parametrize(("kind", "times"), [(Absorbing, []), (Unwilling, [2])])
def test_a_future_that_has_its_own_way_after_a_value(run, kind, times):
    """What it makes of the cancellation is all that comes of it, as on asyncio."""

    async def job(receive):
        await receive.receive()
        for wait in (kind, partial(trio.sleep, 1), partial(asyncio.sleep, 1)):
            try:
                await wait()
            except asyncio.CancelledError:
                seen.append(portable.current_time())

    async def main():
        send, receive = trio.open_memory_channel(0)
        task = asyncio.create_task(job(receive))
        await asyncio.sleep(1)
        send.send_nowait("value")
        task.cancel()
        await task

    seen = []
    run(main)
    assert seen == times


@pytest.mark.parametrize("wait", WAITS)
def test_waits_that_a_scope_cancels_again_and_again(run, wait):
    """Some waits in a row are cancelled, then one is left alone; after it it begins anew."""

    async def refused(most):
        end, count = asyncio.get_running_loop().create_future(), 0
        asyncio.get_running_loop().call_later(1, end.set_result, None)
        while not end.done() and count < most:
            try:
                await asyncio.shield(end)
            except asyncio.CancelledError:
                count += 1
        return count

    async def main():
        with trio.CancelScope() as scope:
            scope.cancel()
            counts = [await refused(10)]
            with trio.CancelScope(shield=True):
                await wait(1)
            counts += [await refused(1000), await refused(1000)]
        return *counts, portable.current_time()

    first, second, third, time = run(main)
    assert first == 10 < second == third < 1000
    assert time == 3


def test_a_wait_that_fails_to_give_up(run):
    """The error of its abort function is raised by that wait; the next one is cancelled."""

    def abort(_):
        raise LookupError("cannot give up")

    async def job():
        with pytest.raises(LookupError):
            await trio.lowlevel.wait_task_rescheduled(abort)
        with pytest.raises(asyncio.CancelledError):
            await trio.sleep(1)
        return portable.current_time()

    async def main():
        task = asyncio.create_task(job())
        await asyncio.sleep(1)
        task.cancel()
        return await task

    assert run(main) == 1
