"""Timers under virtual time: their order, their exact times, and asyncio's own meaning."""

import asyncio
import contextvars
import gc
import logging
import random
from math import inf, nan

import anyio
import pytest

import portable
from portable.clock import VirtualClock


def test_timers_fire_in_order(steer):
    """Tasks wake in the order of their deadlines, each at its own."""

    async def main():
        woken = []

        async def sleeper(seconds):
            await anyio.sleep(seconds)
            woken.append((seconds, anyio.current_time()))

        delays = [n / 7 for n in range(100)]
        random.Random(1).shuffle(delays)
        async with anyio.create_task_group() as tasks:
            for delay in delays:
                tasks.start_soon(sleeper, delay)
        return woken

    assert steer(main) == [(n / 7, n / 7) for n in range(100)]


def test_equal_deadlines_in_the_order_they_were_set(runner):
    """On asyncio and uvloop timers of one instant fire in the order they were set."""

    async def main():
        loop = asyncio.get_running_loop()
        fired = []
        for n in range(50):
            loop.call_at(2.0, fired.append, n)
        for n in range(50, 100):
            loop.call_later(2.0, fired.append, n)
        await asyncio.sleep(3)
        return fired

    assert runner.run(main()) == list(range(100))


def test_cancelled_timer_does_not_fire(runner):
    """A timer can be cancelled until its callback runs, by one of the same instant even."""

    async def main():
        loop = asyncio.get_running_loop()
        fired = []
        early = loop.call_later(1, fired.append, "early")
        early.cancel()
        early.cancel()
        handles = []
        loop.call_later(2, lambda: handles[0].cancel())
        handles.append(loop.call_later(2, fired.append, "same instant"))
        late = loop.call_later(3, fired.append, "late")
        await asyncio.sleep(4)
        late.cancel()
        return fired, early.cancelled(), handles[0].cancelled(), late.when()

    assert runner.run(main()) == (["late"], True, True, 3.0)


@pytest.mark.slow
def test_cancelled_timers_do_not_pile_up(runner):
    """Tens of thousands of timers set and cancelled leave next to nothing behind."""

    class Payload:
        alive = 0

        def __init__(self):
            Payload.alive += 1

        def __del__(self):
            Payload.alive -= 1

        def __call__(self):
            raise AssertionError("a cancelled timer has fired")

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_later(1, lambda: None)
        for _ in range(30_000):
            loop.call_later(10, Payload()).cancel()
        alive = Payload.alive
        await asyncio.sleep(20)
        return alive, Payload.alive

    piled_up, left = runner.run(main())
    assert piled_up < 1000
    assert left == 0


def test_callbacks_run_in_their_own_context(runner):
    """A timer's callback sees the context of the call that set it, or the one given."""
    name = contextvars.ContextVar("name", default="outside")

    async def main():
        loop = asyncio.get_running_loop()
        seen = []
        given = contextvars.copy_context()
        given.run(name.set, "given")
        name.set("set")
        loop.call_later(1, lambda: seen.append(name.get()))
        loop.call_at(2, lambda: seen.append(name.get()), context=given)
        name.set("later")
        await asyncio.sleep(3)
        return seen

    assert runner.run(main()) == ["set", "given"]


def test_failing_callback_goes_to_the_handler(runner):
    """An error in a timer's callback reaches the loop's exception handler; others run."""

    async def main():
        loop = asyncio.get_running_loop()
        errors, fired = [], []
        loop.set_exception_handler(lambda _, context: errors.append(context["exception"]))
        loop.call_later(1, lambda: 1 / 0)
        loop.call_later(1, fired.append, "next")
        await asyncio.sleep(2)
        return [type(error) for error in errors], fired

    assert runner.run(main()) == ([ZeroDivisionError], ["next"])


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("virtual", [False, True])
def test_order_of_ready_calls_is_the_loops_own(loop_kind, virtual, debug):
    """Calls and timers of no delay mix as they do in real time."""

    async def main():
        loop = asyncio.get_running_loop()
        order = []
        loop.call_later(0, order.append, "timer")
        loop.call_soon(order.append, "soon")
        loop.call_at(loop.time(), order.append, "at now")
        loop.call_soon(lambda: loop.call_soon(order.append, "nested"))
        loop.call_soon_threadsafe(order.append, "threadsafe")
        await asyncio.sleep(0)
        order.append("task")
        await asyncio.sleep(0.01)
        return order

    options = {}
    if virtual:
        options = {"loop_factory": VirtualClock(start=None).loop_factory(loop_kind)}
    elif loop_kind == "uvloop":
        options = {"loop_factory": pytest.importorskip("uvloop").new_event_loop}
    with asyncio.Runner(debug=debug, **options) as runner:
        order = runner.run(main())
    if loop_kind == "uvloop":
        assert order == ["timer", "soon", "at now", "threadsafe", "task", "nested"]
    else:
        assert order == ["soon", "threadsafe", "task", "timer", "at now", "nested"]


def test_block_past_a_deadline(runner, loop_kind):
    """Who blocks past a deadline and then yields is timed out on uvloop alone, as ever."""

    async def main():
        async with asyncio.timeout(1):
            runner.clock.advance(2)
            await asyncio.sleep(0)
            return "completed"

    if loop_kind == "uvloop":
        with pytest.raises(TimeoutError):
            runner.run(main())
    else:
        assert runner.run(main()) == "completed"


def test_impossible_timers(runner):
    """What asyncio refuses is refused, and a timer at infinity never comes."""

    async def main():
        loop = asyncio.get_running_loop()
        never = loop.call_later(inf, lambda: 1 / 0)
        with pytest.raises(TypeError, match="delay must not be None"):
            loop.call_later(None, print)
        with pytest.raises(TypeError, match="when cannot be None"):
            loop.call_at(None, print)
        await asyncio.sleep(1e9)
        assert never.when() == inf
        never.cancel()
        return loop

    loop = runner.run(main())
    runner.close()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_later(1, print)


def test_who_sleeps_for_ever_is_not_lost(backend):
    """A task that nobody holds sleeps until it is cancelled, garbage collected or not."""
    ended = []

    async def sleeper():
        try:
            await asyncio.sleep(inf)
        except BaseException as error:
            ended.append(type(error))
            raise

    async def main():
        asyncio.get_running_loop().create_task(sleeper())
        await asyncio.sleep(1)
        gc.collect()
        await asyncio.sleep(1)

    portable.run(main, backend=backend, virtual_time=True)
    assert ended == [asyncio.CancelledError]


def test_a_timer_at_nan(runner):
    """A timer at NaN, which would hide those behind it, is refused."""

    async def main():
        with pytest.raises(ValueError, match="NaN"):
            asyncio.get_running_loop().call_at(nan, print)

    runner.run(main())


def test_debug_mode_checks_timers(loop_kind):
    """Debug mode refuses coroutines, things that can't be called, and other threads."""

    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(TypeError, match="coroutines cannot be used"):
            loop.call_later(1, main)
        with pytest.raises(TypeError, match="callable object was expected"):
            loop.call_later(1, "no function")
        with pytest.raises(RuntimeError, match="Non-thread-safe operation"):
            await asyncio.to_thread(loop.call_later, 1, print)
        loop.call_later(1, print).cancel()

    factory = VirtualClock(start=None).loop_factory(loop_kind)
    with asyncio.Runner(debug=True, loop_factory=factory) as runner:
        runner.run(main())


def test_debug_mode_sees_no_slow_jumps(loop_kind, caplog):
    """A jump over an hour is not logged as a slow callback."""
    factory = VirtualClock(start=None).loop_factory(loop_kind)
    debugging = asyncio.Runner(debug=True, loop_factory=factory)
    with caplog.at_level(logging.WARNING), debugging as runner:
        runner.run(asyncio.sleep(3600))
    assert caplog.records == []


def test_time_limits(steer):
    """AnyIO's time limits expire at their deadline and not when there was no need."""

    async def main():
        with pytest.raises(TimeoutError), anyio.fail_after(5):
            await anyio.sleep(10)
        assert anyio.current_time() == 5.0
        with anyio.move_on_after(10) as scope:
            await anyio.sleep(1)
        assert not scope.cancelled_caught
        with anyio.move_on_after(2) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        return anyio.current_time()

    assert steer(main) == 8.0


def test_asyncios_time_limits(runner):
    """asyncio's time limits expire at their deadline and not when there was no need."""

    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(10), 5)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3):
                await asyncio.Event().wait()
        assert await asyncio.wait_for(asyncio.sleep(1, "result"), 5) == "result"
        done, pending = await asyncio.wait([asyncio.create_task(asyncio.sleep(9))], timeout=1)
        assert not done
        pending.pop().cancel()
        return loop.time()

    assert runner.run(main()) == 10.0


@pytest.mark.slow
def test_many_sleepers(steer):
    """Thousands of tasks that sleep all wake."""

    async def main():
        count = 0

        async def sleeper(n):
            nonlocal count
            await anyio.sleep(n % 1000)
            count += 1

        async with anyio.create_task_group() as tasks:
            for n in range(3_000):
                tasks.start_soon(sleeper, n)
        return count, anyio.current_time()

    assert steer(main) == (3_000, 999.0)


@pytest.mark.slow
def test_many_sleeps(steer):
    """Thousands of sleeps one after the other add up."""

    async def main():
        for _ in range(3_000):
            await anyio.sleep(0.5)
        return anyio.current_time()

    assert steer(main) == 1500.0


def test_waiting_for_all_tasks_to_block(steer):
    """Who waits until all others wait comes before any jump, and no time passes."""

    async def main():
        order = []

        async def sleeper():
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            order.append("blocks")
            await anyio.sleep(0.01)
            order.append("slept")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleeper)
            await anyio.wait_all_tasks_blocked()
            order.append(("all blocked", anyio.current_time()))
            await anyio.wait_all_tasks_blocked()
            order.append(("still", anyio.current_time()))
        return order

    assert steer(main) == ["blocks", ("all blocked", 0.0), ("still", 0.0), "slept"]


def test_trio_waits_with_a_cushion():
    """trio's own wait with a cushion of real time comes before any jump."""
    trio = pytest.importorskip("trio", reason="pip install 'portable-tasks[trio]'")
    testing = pytest.importorskip("trio.testing")

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep, 1)
            await testing.wait_all_tasks_blocked(0.02)
            return trio.current_time()

    assert trio.run(main, **VirtualClock(start=None).backend_options("trio")) == 0.0
