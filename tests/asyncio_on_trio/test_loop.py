"""The loop: callbacks and timers in asyncio's order, idleness, stopping, threads, debugging."""

import asyncio
import gc
import logging
import math
import signal
import sys
import threading
import time
import weakref
from contextlib import closing

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

import portable
from portable.asyncio_on_trio import EventLoop, current_loop
from portable.clock import VirtualClock

# -- what it is ---------------------------------------------------------------------------


def test_it_is_asyncios(run):
    """It passes for what asyncio's own loops are, to everyone who asks."""

    async def main():
        loop = asyncio.get_running_loop()
        assert isinstance(loop, EventLoop)
        assert isinstance(loop, asyncio.AbstractEventLoop)
        assert isinstance(loop, asyncio.SelectorEventLoop)
        assert loop is asyncio.get_event_loop() is current_loop()
        assert loop.is_running()
        assert not loop.is_closed()
        assert "running=True" in repr(loop)
        with pytest.raises(RuntimeError, match="already running"):
            loop.run_forever()
        with pytest.raises(RuntimeError, match="Cannot close a running event loop"):
            loop.close()

    run(main)


def test_its_clock_is_trios(run):
    """One clock for both, in real and in virtual time."""

    async def main():
        return abs(asyncio.get_running_loop().time() - trio.current_time())

    assert run(main) == 0
    assert portable.run(main, backend="trio") < 1


# -- order --------------------------------------------------------------------------------


def test_callbacks_run_in_iterations(against_asyncio):
    """What is ready at an iteration's start runs in it; what that makes ready, after it."""

    async def program():
        seen = []
        loop = asyncio.get_running_loop()

        def callback(name, depth):
            seen.append(name)
            if depth:
                loop.call_soon(callback, name + ".a", depth - 1)
                loop.call_soon(callback, name + ".b", depth - 1)

        loop.call_soon(callback, "x", 2)
        loop.call_soon(callback, "y", 2)
        for turn in range(4):
            await asyncio.sleep(0)
            seen.append(turn)
        return seen

    against_asyncio(program)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["soon", "task", "later", "anyio", "future", "gather", "event"]),
        st.integers(0, 3),
    ),
    max_size=8,
)


@settings(max_examples=40)
@given(plans=st.lists(STEPS, min_size=1, max_size=5))
def test_tasks_and_callbacks_take_turns_as_on_asyncio(plans):
    """Whatever asyncio's names wake comes in asyncio's order, to the turn."""

    async def program():
        seen = []
        loop = asyncio.get_running_loop()
        event = asyncio.Event()

        async def child(name):
            seen.append(name)
            await asyncio.sleep(0)
            seen.append(name + " ends")

        async def task(number, plan):
            for step, (kind, amount) in enumerate(plan):
                name = f"{number}.{step} {kind}"
                seen.append(name)
                if kind == "soon":
                    loop.call_soon(seen.append, name + " called")
                elif kind == "task":
                    await asyncio.create_task(child(name))
                elif kind == "later":
                    await asyncio.sleep(amount)
                elif kind == "future":
                    future = loop.create_future()
                    loop.call_later(amount, future.set_result, None)
                    await future
                elif kind == "gather":
                    await asyncio.gather(*(child(f"{name} {n}") for n in range(amount)))
                elif kind == "event":
                    event.set()
                    await event.wait()
                else:
                    await asyncio.sleep(0)
            seen.append(f"{number} ends")

        await asyncio.gather(*(task(number, plan) for number, plan in enumerate(plans)))
        return seen

    one, other = (
        portable.run(program, backend=name, virtual_time=VirtualClock(start=None))
        for name in ("asyncio", "trio")
    )
    assert one == other


def test_timers_of_one_instant_go_off_in_their_order(against_asyncio):
    """Those of one instant in the order of their making, in one iteration."""

    async def program():
        seen = []
        loop = asyncio.get_running_loop()
        for name in "abcdef":
            loop.call_at(loop.time() + 5, seen.append, name)
        loop.call_later(4, seen.append, "before")
        await asyncio.sleep(5)
        seen.append("main")
        return seen

    against_asyncio(program)


def test_a_cancelled_timer_does_not_go_off(against_asyncio):
    """Thousands of them are swept out, and the others go off."""

    async def program():
        seen = []
        loop = asyncio.get_running_loop()
        handles = [loop.call_later(n % 7, seen.append, n) for n in range(2000)]
        for handle in handles[::3] + handles[1::3]:
            handle.cancel()
        await asyncio.sleep(10)
        return seen, handles[0].cancelled(), loop.time()

    against_asyncio(program)


def test_trio_gets_its_turns(run):
    """Tasks of trio's own run while asyncio's never wait for anything that takes time."""
    turns = []

    async def plain():
        while True:
            turns.append(None)
            await trio.lowlevel.checkpoint()

    async def main():
        async with trio.open_nursery() as nursery:
            nursery.start_soon(plain)
            for _ in range(20):
                await asyncio.sleep(0)
            nursery.cancel_scope.cancel()

    run(main)
    assert len(turns) >= 5


@pytest.mark.parametrize("count", [1, 3, 100])
def test_trio_gets_its_turns_from_others(count):
    """So they do while no task has to do with trio: after 32 callbacks."""
    turns = []

    async def plain():
        while True:
            turns.append(None)
            await trio.lowlevel.checkpoint()

    async def spin():
        for _ in range(320):
            await asyncio.sleep(0)

    async def main():
        async with portable.asyncio_loop(), trio.open_nursery() as nursery:
            tasks = [asyncio.create_task(spin()) for _ in range(count)]
            nursery.start_soon(plain)
            for task in tasks:
                await task
            nursery.cancel_scope.cancel()

    trio.run(main)
    iterations_a_turn = -(-32 // count)
    assert len(turns) >= 320 // iterations_a_turn


def test_a_callback_runs_while_its_maker_waits_in_trio(run):
    """What a step that trio caused makes ready does not wait for the task's next step."""

    async def main():
        seen = []
        await anyio.sleep(1)
        asyncio.get_running_loop().call_soon(seen.append, "callback")
        task = asyncio.create_task(asyncio.sleep(0, "task"))
        await anyio.sleep(1)
        return seen, task.done()

    assert run(main) == (["callback"], True)


# -- idleness -----------------------------------------------------------------------------


class Turns(trio.abc.Instrument):
    """Counts what trio does: steps of its tasks, and waits for I/O."""

    def __init__(self):
        self.steps = self.waits = 0

    def before_task_step(self, task):
        self.steps += 1

    def before_io_wait(self, timeout):
        self.waits += 1


@pytest.mark.parametrize("kind", ["sleep", "anyio", "event", "queue", "idle"])
def test_nothing_wakes_while_nothing_happens(kind):
    """However long tasks wait, trio takes no step for them."""

    async def wait():
        if kind == "sleep":
            await asyncio.sleep(3600)
        elif kind == "anyio":
            await anyio.sleep(3600)
        elif kind == "event":
            await asyncio.Event().wait()
        elif kind == "queue":
            await asyncio.Queue().get()

    async def main():
        async with portable.asyncio_loop():
            tasks = [asyncio.create_task(wait()) for _ in range(20)]
            await asyncio.sleep(0.01)
            counter = Turns()
            trio.lowlevel.add_instrument(counter)
            await trio.sleep(0.05)
            trio.lowlevel.remove_instrument(counter)
            for task in tasks:
                task.cancel()
            return counter.steps, counter.waits

    steps, waits = trio.run(main)
    assert steps <= 2
    assert waits <= 2


def test_a_cancelled_timer_wakes_nobody():
    """A timer that was cancelled may wake the loop once, and no more."""

    async def main():
        async with portable.asyncio_loop() as loop:
            for n in range(50):
                loop.call_later(0.001 * n, print).cancel()
            await asyncio.sleep(0)
            counter = Turns()
            trio.lowlevel.add_instrument(counter)
            await trio.sleep(0.1)
            trio.lowlevel.remove_instrument(counter)
            return counter.steps

    assert trio.run(main) <= 4


# -- errors -------------------------------------------------------------------------------


def test_a_callback_that_fails_is_logged(run, logged):
    """The loop goes on, and asyncio's exception handler is told."""

    def fail():
        raise ValueError("callback")

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_soon(fail)
        loop.call_later(1, fail)
        loop.call_soon_threadsafe(fail)
        await asyncio.sleep(2)
        return "went on"

    assert run(main) == "went on"
    assert [line.partition("(")[0] for line in logged()] == [
        "Exception in callback test_a_callback_that_fails_is_logged.<locals>.fail"
    ] * 3


def test_an_exception_handler_of_ones_own(run):
    """It gets asyncio's context."""
    got = []

    def fail():
        raise ValueError("callback")

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: got.append(context))
        loop.call_soon(fail)
        await asyncio.sleep(1)

    run(main)
    (context,) = got
    assert repr(context["exception"]) == "ValueError('callback')"
    assert isinstance(context["handle"], asyncio.Handle)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_callback_that_ends_the_program(runner, kind):
    """What is no Exception comes out of the run, and the loop can go on after it."""

    def leave():
        raise kind("callback")

    async def main():
        asyncio.get_running_loop().call_soon(leave)
        await asyncio.sleep(30)

    with pytest.raises(kind, match="callback"):
        runner.run(main())
    assert runner.run(asyncio.sleep(0, "goes on")) == "goes on"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_callback_cannot_end_a_foreign_run(kind, logged):
    """A run that asyncio did not start is not its to end: asyncio's log tells of it."""

    def leave():
        raise kind("callback")

    async def main():
        async with portable.asyncio_loop() as loop:
            loop.call_soon(leave)
            await asyncio.sleep(0.01)
            await trio.sleep(0)
            return "went on"

    assert trio.run(main) == "went on"
    (line,) = logged()
    assert line.startswith(f"{kind.__name__} in a task or callback cannot end a run of trio's")


# -- stopping -----------------------------------------------------------------------------


def test_run_forever_until_stopped():
    """It runs what is ready in this iteration, and can be started again where it stopped."""
    loop = EventLoop()
    seen = []

    def stop():
        loop.stop()
        loop.call_soon(seen.append, "next iteration")
        seen.append("stop")

    try:
        loop.call_soon(stop)
        loop.call_soon(seen.append, "same iteration")
        loop.run_forever()
        assert seen == ["stop", "same iteration"]
        assert not loop.is_running()
        assert asyncio._get_running_loop() is None
        loop.call_soon(loop.stop)
        loop.run_forever()
        assert seen == ["stop", "same iteration", "next iteration"]
        assert loop.run_until_complete(asyncio.sleep(0, "complete")) == "complete"
    finally:
        loop.close()


def test_what_stop_means_is_asyncios():
    """Where a task stops the loop its steps go on after it, as with asyncio's own."""
    results = []
    for loop in (asyncio.new_event_loop(), EventLoop()):
        seen = []

        async def job(loop=loop, seen=seen):
            for n in range(4):
                seen.append(n)
                if n == 1:
                    loop.stop()
                await asyncio.sleep(0)

        task = loop.create_task(job())
        loop.run_forever()
        seen.append("stopped")
        loop.run_until_complete(task)
        loop.close()
        results.append(seen)
    assert results[0] == results[1]


def test_it_closes_once():
    """A loop that was never run, or closed twice, makes no fuss; a closed one refuses."""
    loop = EventLoop()
    loop.close()
    loop.close()
    assert loop.is_closed()
    coro = asyncio.sleep(0)
    for call in (
        lambda: loop.call_soon(print),
        lambda: loop.call_later(1, print),
        lambda: loop.call_soon_threadsafe(print),
        lambda: loop.run_until_complete(coro),
        loop.run_forever,
    ):
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            call()
    coro.close()


def test_closing_ends_what_trio_runs():
    """A loop that is closed with tasks in it leaves no task of trio's behind, and no thread."""
    loop = EventLoop()
    tasks = [loop.create_task(wait(30)) for wait in (asyncio.sleep, anyio.sleep)]
    loop.run_until_complete(asyncio.sleep(0))
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    gone = weakref.ref(loop)
    loop.close()
    del loop, tasks, task
    gc.collect()
    assert gone() is None


def test_two_loops_in_one_thread_take_turns():
    """As two of asyncio's own can be run one after the other, again and again."""
    first, second = EventLoop(), EventLoop()
    try:
        for _ in range(2):
            assert first.run_until_complete(asyncio.sleep(0, 1)) == 1
            assert second.run_until_complete(anyio.sleep(0)) is None
    finally:
        first.close()
        second.close()


# -- threads ------------------------------------------------------------------------------


def test_call_soon_threadsafe(run):
    """A callback from a thread wakes a loop that waits for nothing else, in order."""

    async def main():
        loop = asyncio.get_running_loop()
        seen, over = [], asyncio.Event()

        def thread():
            for number in range(50):
                loop.call_soon_threadsafe(seen.append, number)
            loop.call_soon_threadsafe(over.set)

        other = threading.Thread(target=thread)
        other.start()
        await over.wait()
        other.join()
        return seen

    assert portable.run(main, backend="trio") == list(range(50))


def test_call_soon_threadsafe_after_the_run(run):
    """It is asyncio's error."""

    async def main():
        return asyncio.get_running_loop()

    loop = run(main)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_soon_threadsafe(print)


def test_run_coroutine_threadsafe():
    """A thread may run coroutines, of either language, on the loop, and cancel them."""

    async def both(result):
        await asyncio.sleep(0)
        await anyio.sleep(0)
        return result

    async def fail():
        raise LookupError

    async def main():
        loop = asyncio.get_running_loop()
        seen = []

        async def waiting():
            try:
                await anyio.sleep(30)
            finally:
                seen.append("cancelled")
                begun.set()

        begun = threading.Event()

        def thread():
            results = [
                asyncio.run_coroutine_threadsafe(both(n), loop).result(5) for n in (1, 2)
            ]
            with pytest.raises(LookupError):
                asyncio.run_coroutine_threadsafe(fail(), loop).result(5)
            future = asyncio.run_coroutine_threadsafe(waiting(), loop)
            asyncio.run_coroutine_threadsafe(both(None), loop).result(5)
            future.cancel()
            begun.wait()
            return results

        return await asyncio.to_thread(thread), seen

    assert portable.run(main, backend="trio") == ([1, 2], ["cancelled"])


def test_executors(run):
    """asyncio's executors work: the default one, one's own, and a process's future."""
    import concurrent.futures

    async def main():
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="mine") as mine:
            own = await loop.run_in_executor(mine, lambda: threading.current_thread().name)
            default = await loop.run_in_executor(None, threading.get_ident)
            with pytest.raises(ZeroDivisionError):
                await asyncio.to_thread(lambda: 1 // 0)
            wrapped = await asyncio.wrap_future(mine.submit(int, "7"))
        return own, default != threading.get_ident(), wrapped

    assert portable.run(main, backend="trio") == ("mine_0", True, 7)


def test_from_thread(run):
    """AnyIO's threads may call back, also into what is asyncio's."""

    async def both(number):
        await asyncio.sleep(0)
        return number, asyncio.current_task() is not None

    def thread():
        loop = anyio.from_thread.run_sync(asyncio.get_running_loop)
        assert isinstance(loop, EventLoop)
        seen = []
        anyio.from_thread.run_sync(loop.call_soon, seen.append, "callback")
        task = anyio.from_thread.run_sync(loop.create_task, both(2))

        async def wait():
            return await task

        return seen, anyio.from_thread.run(wait), anyio.from_thread.run(asyncio.sleep, 0, "x")

    async def main():
        return await anyio.to_thread.run_sync(thread)

    assert portable.run(main, backend="trio") == (["callback"], (2, True), "x")


def test_what_a_thread_may_not_do_is_told_in_debug_mode(run):
    """call_soon() from another thread is asyncio's error."""

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        with pytest.raises(RuntimeError, match="Non-thread-safe operation"):
            await asyncio.to_thread(loop.call_soon, print)

    portable.run(main, backend="trio")


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_signal_handler_at_any_moment():
    """What a signal handler hands to the loop runs, wherever the loop is interrupted by it."""
    code = sys.modules[EventLoop.__module__].__file__
    loop = called = None
    left, struck = 0, True

    def trace(frame, event, _):
        nonlocal left, struck
        if frame.f_code.co_filename != code:
            return None
        if event == "line":
            left -= 1
            if left == 0 and loop.time() == 0:
                struck = True
                signal.raise_signal(signal.SIGUSR1)
        return trace

    async def main():
        nonlocal loop, called, left, struck
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        moment = 0
        while struck:
            struck = False
            moment = left = moment + 1
            called.clear()
            alarm = loop.call_later(1, called.set)
            sys.settrace(trace)
            await asyncio.sleep(0)
            await called.wait()
            sys.settrace(tracing)
            if struck:
                assert loop.time() == 0, f"it was not heard at moment {moment}"
            alarm.cancel()
        return moment

    def handle(*_):
        loop.call_soon_threadsafe(called.set)

    handler, tracing = signal.signal(signal.SIGUSR1, handle), sys.gettrace()
    try:
        assert portable.run(main, backend="trio", virtual_time=True) > 20
    finally:
        sys.settrace(tracing)
        signal.signal(signal.SIGUSR1, handler)


# -- debug mode ---------------------------------------------------------------------------


def test_slow_callbacks_are_logged(logged):
    """In debug mode a callback, and a step of a task, that takes long is told of."""

    async def slow():
        time.sleep(0.02)

    async def main():
        loop = asyncio.get_running_loop()
        loop.slow_callback_duration = 0.01
        loop.call_soon(time.sleep, 0.02)
        await asyncio.create_task(slow(), name="slow one")

    portable.run(main, backend="trio", debug=True)
    assert any("sleep(0.02)" in line for line in logged())
    assert any("slow one" in line for line in logged())


def test_debug_mode_tells_where_a_handle_was_made(run, logged):
    """asyncio's source tracebacks are there."""

    def fail():
        raise ValueError

    async def main():
        asyncio.get_running_loop().call_soon(fail)
        await asyncio.sleep(0)

    with pytest.MonkeyPatch.context() as patch:
        records = []
        patch.setattr(
            logging.getLogger("asyncio"), "error", lambda *a, **k: records.append(a[0])
        )
        portable.run(main, backend="trio", debug=True)
    assert "created at" in records[0]
    assert __file__ in records[0]


def test_a_callback_that_is_a_coroutine_function(run):
    """In debug mode it is refused, as by asyncio."""

    async def callback():
        pass

    async def main():
        loop = asyncio.get_running_loop()
        loop.set_debug(True)
        for call in (loop.call_soon, lambda callback: loop.call_later(1, callback)):
            with pytest.raises(TypeError, match="coroutines cannot be used with"):
                call(callback)
        with pytest.raises(TypeError, match="a callable object was expected"):
            loop.call_soon(5)

    run(main)


@pytest.mark.parametrize(
    ("call", "args"),
    [("call_later", (None, print)), ("call_at", (None, print)), ("run_forever", ())],
)
def test_asyncios_refusals(call, args):
    """What asyncio's loop refuses, this one refuses in the same words."""

    async def main():
        loop = asyncio.get_running_loop()
        other = type(loop)()
        try:
            getattr(other, call)(*args)
        except (TypeError, RuntimeError) as error:
            return repr(error)
        finally:
            other.close()

    refused = portable.run(main)
    assert refused is not None
    assert portable.run(main, backend="trio") == refused


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0, 0.001])
def test_a_timer_from_another_thread(delay):
    """The loop hears of it although all of its tasks wait, and is not late."""

    async def main():
        loop, rang = asyncio.get_running_loop(), asyncio.Event()
        setting = threading.Timer(0.01, loop.call_later, (delay, rang.set))
        setting.start()
        await rang.wait()
        setting.join()

    portable.run(main, backend="trio")


def test_what_looks_at_a_tasks_coroutine():
    """A task's coroutine can be shown, awaited and closed like the one that it was made of."""

    async def job():
        return 7

    async def main():
        task = asyncio.create_task(job())
        coro = task.get_coro()
        shown = "job" in repr(coro) and "job" in repr(task)
        return shown, coro.cr_code.co_name, await task

    assert portable.run(main, backend="trio") == portable.run(main) == (True, "job", 7)


def test_a_task_on_a_closed_loop(logged):
    """It is refused before it is made, so nothing is logged."""
    loop = EventLoop()
    loop.close()
    coro = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.create_task(coro)
    coro.close()
    gc.collect()
    assert logged() == []


def test_where_a_callback_was_made_is_told(logged, caplog):
    """In debug mode, whatever the callback tells the exception handler, as on asyncio."""

    async def main():
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_exception_handler, {"message": "told"})
        await asyncio.sleep(0)

    portable.run(main, backend="trio", debug=True)
    (told,) = (record.getMessage() for record in caplog.records if "told" in record.message)
    assert "Handle created at" in told


@pytest.mark.parametrize("when", ["soon", None, [], math.nan])
def test_a_time_that_is_no_number(runner, when):
    """It is refused where it is set, and the loop goes on."""

    async def main():
        with pytest.raises((TypeError, ValueError), match="of seconds|be None|NaN"):
            asyncio.get_running_loop().call_at(when, print)
        return await asyncio.sleep(0.001, "goes on")

    assert runner.run(main()) == "goes on"


@pytest.mark.parametrize("wait", [asyncio.sleep, trio.sleep], ids=["asyncio", "trio"])
@pytest.mark.parametrize("start", ["run", "loop_factory"])
def test_an_error_in_the_loop_itself(start, wait):
    """It ends the run and comes out of it, whoever runs callbacks when it is raised."""

    def fail():
        raise OSError("broken")

    async def main():
        tasks = [asyncio.create_task(each(3600)) for each in (asyncio.sleep, trio.sleep)]
        await trio.testing.wait_all_tasks_blocked()
        asyncio.get_running_loop().next_timer = fail
        asyncio.get_running_loop()._collect_timers = fail
        await wait(0.001)
        assert not tasks

    with pytest.raises(OSError, match="broken"):
        if start == "run":
            portable.run(main, backend="trio")
        else:
            with closing(EventLoop()) as loop:
                loop.run_until_complete(main())
    gc.collect()
    assert portable.run(asyncio.sleep, 0, "free", backend="trio") == "free"
