"""The driver: what a coroutine may yield, who hears of it, and what comes back."""

import asyncio
import inspect
import traceback
import types

import anyio
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

import portable
from portable.clock import VirtualClock


@types.coroutine
def yielding(value):
    return (yield value)


async def answer_to(value):
    """What a coroutine is told that yields something odd."""
    try:
        await yielding(value)
    except BaseException as error:
        return type(error).__name__, str(error)


def test_a_bare_yield_is_a_turn(against_asyncio):
    """A coroutine that yields nothing goes on in the next iteration."""

    async def program():
        seen = []
        asyncio.get_running_loop().call_soon(seen.append, "callback")
        assert await yielding(None) is None
        return seen

    assert against_asyncio(program) == ["callback"]


@pytest.mark.parametrize("value", ["text", 5, object, [], print], ids=repr)
def test_a_yield_of_what_nobody_understands(against_asyncio, value):
    """The error is asyncio's, and says what was yielded."""

    async def program():
        kind, text = await asyncio.create_task(answer_to(value))
        assert repr(value) in text
        return kind, text

    assert against_asyncio(program)[0] == "RuntimeError"


def test_a_yield_of_a_generator(against_asyncio):
    """asyncio tells of the `yield from` that was forgotten."""

    def generator():
        yield 1

    async def program():
        kind, text = await asyncio.create_task(answer_to(generator()))
        return kind, text.partition(" <")[0]

    against_asyncio(program)


def test_a_yield_of_what_nobody_understands_after_a_wait_in_trio(run):
    """Where the driver alone resumes the coroutine, too."""

    async def job():
        await trio.sleep(1)
        first = await answer_to("odd")
        await trio.sleep(1)
        return first, await answer_to("odd again")

    async def main():
        return await asyncio.create_task(job())

    (kind, text), (_, again) = run(main)
    assert kind == "RuntimeError"
    assert "'odd'" in text
    assert "'odd again'" in again


def test_a_yield_of_what_nobody_understands_in_a_plain_task(run):
    """There it is trio's to say so."""
    seen = []

    async def child():
        seen.append(await answer_to("odd"))

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(child)

    run(main)
    assert seen[0][0] == "TypeError"
    assert "odd" in seen[0][1]


def test_a_future_yielded_without_await(against_asyncio):
    """asyncio's own error: `yield` was used instead of `yield from`."""

    async def program():
        kind, text = await asyncio.create_task(
            answer_to(asyncio.get_running_loop().create_future())
        )
        return kind, text.partition(" <")[0]

    assert against_asyncio(program)[0] == "RuntimeError"


def test_it_looks_like_the_coroutine(run):
    """Whoever inspects the coroutine of a task sees the one that was given."""

    async def job():
        await trio.sleep(1)

    async def main():
        coro = job()
        task = asyncio.create_task(coro)
        await asyncio.sleep(0)
        assert inspect.getcoroutinestate(task.get_coro()) == inspect.CORO_SUSPENDED
        assert task.get_coro().cr_code is job.__code__
        assert task.get_stack()[0].f_code is job.__code__
        await task

    run(main)


class Refusing(asyncio.Future):
    """A future whose `cancel()` fails."""

    def cancel(self, msg=None):
        raise LookupError("cannot be cancelled")


def test_a_future_whose_cancel_fails_under_a_scope(logged):
    """The error of its `cancel()` never ends as trio's internal one; the wait goes on."""

    async def main():
        future = Refusing()
        loop = asyncio.get_running_loop()
        loop.call_later(0.02, future.set_result, "value")
        with trio.move_on_after(0.01) as scope:
            try:
                assert await future == "value"
            except LookupError:
                return "told"
            await trio.sleep(1)
        return "told" if scope.cancelled_caught else "lost"

    assert portable.run(main, backend="trio") == "told"


def test_trios_errors_pass_through(run):
    """What a wait in trio raises is raised in the coroutine as it is, its class and cause."""

    async def job():
        send, receive = trio.open_memory_channel(0)
        await send.aclose()
        with pytest.raises(trio.EndOfChannel):
            await receive.receive()
        with pytest.raises(trio.TooSlowError):
            with trio.fail_after(1):
                await asyncio.sleep(10)
        with pytest.raises(TimeoutError):
            with anyio.fail_after(1):
                await asyncio.sleep(10)
        return portable.current_time()

    async def main():
        return await asyncio.create_task(job())

    assert run(main) == 2


async def scopes_cancellation(sleep=asyncio.sleep):
    """What a scope raises at a wait within it."""
    with trio.CancelScope() as scope:
        scope.cancel()
        try:
            await sleep(1)
        except trio.Cancelled as error:
            return error


async def plain_tasks_cancellation():
    found = []

    async def plain():
        found.append(await scopes_cancellation(trio.sleep))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(plain)
    assert not isinstance(found[0], asyncio.CancelledError)
    return found[0]


async def in_a_group():
    return BaseExceptionGroup("x", [await plain_tasks_cancellation()])


async def in_a_group_with_asyncios():
    inner = BaseExceptionGroup("y", [asyncio.CancelledError("why")])
    return BaseExceptionGroup("x", [await plain_tasks_cancellation(), inner])


@pytest.mark.parametrize(
    ("cancellation", "args"),
    [
        (scopes_cancellation, None),  # trio's class has arguments of its own
        (plain_tasks_cancellation, ()),
        (in_a_group, ()),
        (in_a_group_with_asyncios, ("why",)),
    ],
)
def test_a_cancellation_that_leaves_its_scope(run, cancellation, args):
    """A task that ends with one of trio's counts as cancelled, as with asyncio's."""

    async def job():
        error = await cancellation()
        raise error

    async def main():
        task = asyncio.create_task(job())
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert task.cancelled()
        return caught.value.args

    assert run(main) == args or args is None


def test_where_a_cancellation_has_left_its_scope(run):
    """The one that a task ends with says where it was raised, and what it was before."""

    async def job():
        error = await plain_tasks_cancellation()
        raise error

    async def main():
        task = asyncio.create_task(job())
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert isinstance(caught.value.__context__, trio.Cancelled)
        frames = traceback.extract_tb(caught.value.__traceback__)
        assert "job" in [frame.name for frame in frames]

    run(main)


def test_a_value_that_is_ready_is_not_lost(run):
    """T4: what trio hands over meanwhile is delivered, and the next wait is cancelled."""

    async def job(receive):
        seen.append(await receive.receive())
        try:
            await trio.sleep(10)
        except asyncio.CancelledError:
            seen.append(("cancelled", portable.current_time()))
            raise

    seen = []

    async def main():
        send, receive = trio.open_memory_channel(0)
        task = asyncio.create_task(job(receive))
        await asyncio.sleep(1)
        send.send_nowait("value")
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main)
    assert seen == ["value", ("cancelled", 1)]


def test_cancelled_in_its_last_step(against_asyncio):
    """A task that cancels itself in the step in which it ends counts as cancelled."""

    async def job():
        await anyio.sleep(1)
        asyncio.current_task().cancel("late")
        return "a result"

    async def program():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        return task.cancelled()

    assert against_asyncio(program) is True


def test_a_shield_of_anyios(against_asyncio):
    """It keeps AnyIO's cancellations out, and not asyncio's: on asyncio it cannot, either."""

    async def job():
        with anyio.CancelScope(shield=True):
            await anyio.sleep(5)

    async def program():
        task = asyncio.create_task(job())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), portable.current_time()

    assert against_asyncio(program) == (True, 1)


STEPS = st.lists(
    st.sampled_from(["asyncio", "trio", "turn", "checkpoint", "future", "ready", "scope"]),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60)
@given(steps=STEPS, cancels=st.lists(st.integers(0, 6), max_size=3), swallow=st.booleans())
def test_cancellations_at_any_wait(steps, cancels, swallow):
    """Every cancel() is met by the wait it hits, or the next one, in whatever language it is.

    The same program is run on asyncio with AnyIO in trio's place: both tell which waits were
    cancelled, when, and how the task ended.
    """

    async def job(seen):
        for number, step in enumerate(steps):
            try:
                if step == "asyncio":
                    await asyncio.sleep(1)
                elif step == "trio":
                    await anyio.sleep(1)
                elif step == "turn":
                    await asyncio.sleep(0)
                elif step == "checkpoint":
                    await anyio.sleep(0)
                elif step == "future":
                    future = asyncio.get_running_loop().create_future()
                    asyncio.get_running_loop().call_later(1, future.set_result, None)
                    await future
                elif step == "ready":
                    await asyncio.create_task(asyncio.sleep(0))
                else:
                    with anyio.move_on_after(0.5):
                        await asyncio.sleep(1)
            except asyncio.CancelledError:
                seen.append((number, portable.current_time()))
                if not swallow:
                    await anyio.sleep(0.25)
                    raise
        return len(seen)

    async def program():
        seen = []
        task = asyncio.create_task(job(seen))
        loop = asyncio.get_running_loop()
        for when in cancels:
            loop.call_at(0.3 + when * 1.07, task.cancel)  # never with another timer
        await asyncio.wait([task])
        return task.cancelled() or task.result(), seen, portable.current_time()

    one, other = (
        portable.run(program, backend=name, virtual_time=VirtualClock(start=None))
        for name in ("asyncio", "trio")
    )
    assert one == other
