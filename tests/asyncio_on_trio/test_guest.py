"""A loop with a run of trio's of its own: for `loop_factory=`, `run_until_complete()`."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import unittest
import weakref
from contextlib import closing

import anyio
import pytest
import trio
import trio.lowlevel
import trio.testing

import portable
from portable.asyncio_on_trio import EventLoop
from portable.asyncio_on_trio.guest import Host, MonotonicClock


async def both(result=None):
    await asyncio.sleep(0.001)
    await trio.sleep(0.001)
    return result


@pytest.fixture
def loop():
    loop = EventLoop()
    yield loop
    loop.close()


@pytest.mark.skipif(
    "loop_factory" not in asyncio.run.__kwdefaults__, reason="asyncio.run() takes none here"
)
def test_asyncios_run():
    """asyncio.run() itself runs on it."""

    async def main():
        task = asyncio.create_task(asyncio.sleep(3600))
        await both()
        return task, portable.current_backend()

    task, backend = asyncio.run(main(), loop_factory=portable.trio_loop)
    assert backend == "trio"
    assert task.cancelled()


def test_hooks_for_async_generators_are_set_while_it_runs(loop):
    """Between two calls they are those of before; in each, a lost generator is closed."""
    closed = []

    async def ticks():
        try:
            yield
        finally:
            closed.append(await both("closed"))

    async def lose_one():
        await anext(ticks())
        gc.collect()
        await asyncio.sleep(0.01)

    before = sys.get_asyncgen_hooks()
    for _ in range(2):
        loop.run_until_complete(lose_one())
        assert sys.get_asyncgen_hooks() == before
    assert closed == ["closed", "closed"]
    loop.close()
    assert sys.get_asyncgen_hooks() == before


def test_between_two_calls_it_stands_still(loop):
    """What was begun goes on with the next call, in either language."""

    async def count():
        while True:
            seen.append(None)
            await trio.sleep(0.0001)

    seen = []
    task = loop.create_task(count())
    loop.run_until_complete(asyncio.sleep(0.01))
    before = len(seen)
    assert before
    assert len(seen) == before
    loop.run_until_complete(asyncio.sleep(0.01))
    assert len(seen) > before
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(task)


@pytest.mark.parametrize("made", [asyncio.SelectorEventLoop, EventLoop])
def test_debug_mode_before_it_runs(made):
    """A loop that no thread runs takes callbacks and timers from any."""
    seen = []
    loop = made()
    loop.set_debug(True)
    loop.call_soon(seen.append, "callback")
    loop.call_later(0, loop.stop)
    loop.run_forever()
    loop.close()
    assert seen == ["callback"]


@pytest.mark.parametrize("made", [asyncio.SelectorEventLoop, EventLoop])
def test_a_closed_loop_keeps_nothing(made):
    """What it was to call is free, though somebody keeps the loop."""

    class Called:
        def __call__(self):
            raise AssertionError

    loop, callbacks = made(), [Called(), Called()]
    refs = [weakref.ref(each) for each in callbacks]
    loop.call_soon(callbacks.pop())
    loop.call_later(1, callbacks.pop())
    loop.close()
    assert [ref() for ref in refs] == [None, None]


def test_errors_come_out(loop):
    """What a coroutine raises is raised by run_until_complete(), and the loop goes on."""
    error = LookupError()

    async def fail(wait):
        await wait(0)
        raise error

    for wait in (asyncio.sleep, trio.sleep):
        with pytest.raises(LookupError) as caught:
            loop.run_until_complete(fail(wait))
        assert caught.value is error
    assert loop.run_until_complete(both("goes on")) == "goes on"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has no eager tasks here")
def test_an_eager_task_before_it_runs(loop):
    """It begins when the loop does, as on asyncio."""
    loop.set_task_factory(asyncio.eager_task_factory)
    assert loop.run_until_complete(loop.create_task(both("result"))) == "result"


def test_the_first_of_two_errors_comes_out(loop):
    """Of those that end programs, in one iteration."""
    for code in (1, 2):
        loop.call_soon(sys.exit, code)
    with pytest.raises(SystemExit) as caught:
        loop.run_forever()
    assert caught.value.code == 1


def test_inside_another_loop(loop):
    """It is asyncio's error."""

    async def main():
        coro = both()
        with pytest.raises(RuntimeError, match="another loop is running|already running"):
            loop.run_until_complete(coro)
        coro.close()

    asyncio.run(main())


def test_inside_a_run_of_trios(loop):
    """A loop of one's own cannot run where trio runs; the error is one to understand."""

    async def main():
        coro = both()
        with pytest.raises(RuntimeError):
            loop.run_until_complete(coro)
        coro.close()

    trio.run(main)
    assert loop.run_until_complete(both("still fine")) == "still fine"


def test_callbacks_from_threads(loop):
    """They wake it, and are kept while it stands still."""
    seen = []
    loop.call_soon_threadsafe(seen.append, "before it ran")
    loop.run_until_complete(both())
    thread = threading.Thread(
        target=lambda: loop.call_soon_threadsafe(seen.append, "between two runs")
    )
    thread.start()
    thread.join()
    loop.run_until_complete(both())
    assert seen == ["before it ran", "between two runs"]


def test_a_plain_nursery_in_it(loop):
    """Nurseries, AnyIO's groups and asyncio's groups all work in its tasks."""

    async def main():
        async with trio.open_nursery() as nursery, asyncio.TaskGroup() as group:
            nursery.start_soon(both)
            task = group.create_task(both("result"))
        async with anyio.create_task_group() as anyios:
            anyios.start_soon(both)
        return task.result()

    assert loop.run_until_complete(main()) == "result"


def test_shutting_down(loop):
    """The loop's own methods for the end work."""

    async def numbers():
        try:
            yield 1
        finally:
            await both()
            seen.append("closed")

    async def begin():
        keep.append(numbers())
        await anext(keep[0])
        return await asyncio.to_thread(threading.get_ident)

    seen, keep = [], []
    assert loop.run_until_complete(begin()) != threading.get_ident()
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    assert seen == ["closed"]


@pytest.mark.skipif(sys.version_info < (3, 13), reason="unittest takes no loop factory here")
def test_under_unittest():
    """IsolatedAsyncioTestCase runs on it."""

    class Case(unittest.IsolatedAsyncioTestCase):
        loop_factory = staticmethod(EventLoop)

        async def asyncSetUp(self):
            self.task = asyncio.create_task(both("task"))

        async def test_both(self):
            assert await self.task == "task"
            ran.append(type(asyncio.get_running_loop()))

    ran = []
    result = unittest.TestResult()
    Case("test_both").run(result)
    assert result.wasSuccessful(), result
    assert ran == [EventLoop]


def test_a_loop_in_each_thread():
    """Loops of several threads run at once."""
    results = []

    def run(number):
        with asyncio.Runner(loop_factory=EventLoop) as runner:
            results.append(runner.run(both(number)))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [0, 1, 2, 3]


@pytest.mark.parametrize("sleep", [asyncio.sleep, trio.sleep])
def test_a_run_of_trios_that_breaks_down(sleep):
    """If one of trio's own tasks fails, its error comes out, whatever is waited for."""

    async def fail():
        raise OSError("broken")

    async def main():
        trio.lowlevel.spawn_system_task(fail)
        tasks = [asyncio.create_task(wait(3600)) for wait in (asyncio.sleep, trio.sleep)]
        await sleep(3600)
        assert not tasks

    with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        with pytest.raises(trio.TrioInternalError) as caught:
            runner.run(main())
        assert "OSError('broken')" in repr(caught.value.__cause__)
        with pytest.raises(RuntimeError, match="Event loop is closed"):
            runner.get_loop().call_soon_threadsafe(print)
        with pytest.raises(trio.TrioInternalError):
            runner.close()
    assert portable.run(both, "another run", backend="trio") == "another run"


@pytest.mark.parametrize(
    "run",
    [
        lambda main: portable.run(main, backend="trio"),
        pytest.param(
            lambda main: asyncio.run(main(), loop_factory=portable.trio_loop),
            marks=pytest.mark.skipif(
                "loop_factory" not in asyncio.run.__kwdefaults__, reason="it takes none here"
            ),
        ),
    ],
    ids=["run", "loop_factory"],
)
def test_an_internal_error_of_trios(run):
    """It comes out as trio's error, and the thread is free for another run."""

    async def main():
        trio.lowlevel.reschedule(trio.lowlevel.current_task())
        await trio.lowlevel.checkpoint()

    with pytest.raises(trio.TrioInternalError):
        run(main)
    assert portable.run(both, "another run", backend="trio") == "another run"


def test_a_run_of_trios_that_breaks_down_when_the_loop_closes(logged):
    """Nobody waits for anything then, so its error is logged."""

    async def fail():
        try:
            await trio.sleep(3600)
        finally:
            raise OSError("broken")

    async def main():
        trio.lowlevel.spawn_system_task(fail)
        await trio.testing.wait_all_tasks_blocked()

    loop = EventLoop()
    loop.run_until_complete(main())
    loop.close()
    assert logged() == ["trio's run broke down while the loop was being closed"]


def test_a_task_that_is_pending_when_the_loop_closes(logged):
    """It is told of, as asyncio tells of it, and trio's run ends all the same."""
    loop = EventLoop()
    task = loop.create_task(trio.sleep(3600), name="left")
    loop.run_until_complete(both())
    loop.close()
    del task
    gc.collect()
    assert all("destroyed" in line for line in logged())


@pytest.mark.parametrize("wait", [asyncio.sleep, trio.sleep])
def test_a_clean_up_that_waits_when_the_loop_closes(wait):
    """The loop still runs in it; nobody ends that wait any more, and trio's run ends."""

    async def linger():
        try:
            await trio.sleep(3600)
        finally:
            seen.append(asyncio.get_running_loop())
            await wait(3600)
            seen.append("ended")

    seen = []
    loop = EventLoop()
    task = loop.create_task(linger())
    loop.run_until_complete(both())
    loop.close()
    assert seen == [loop]
    del task


def test_an_exception_out_of_a_signal_handler(loop):
    """What a handler raises while the loop waits comes out, and the loop goes on after it."""
    waiting = 0

    def late(_, frame):
        # On a busy machine the first alarms come before the loop has begun to wait.
        nonlocal waiting
        waiting = waiting + 1 if frame.f_code is Host.go_on.__code__ else 0
        if waiting == 3:
            raise OSError("alarm")

    before = signal.signal(signal.SIGALRM, late)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        with pytest.raises(OSError, match="alarm"):
            loop.run_until_complete(asyncio.sleep(5))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert loop.run_until_complete(both("goes on")) == "goes on"


def test_an_error_that_ends_a_run_keeps_no_frame(loop):
    """What stops the loop is free when its handler is left."""

    class Seen(SystemExit):
        pass

    def fail():
        error = Seen()
        refs.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    refs = []
    gc.collect()
    gc.disable()
    try:
        loop.call_soon(fail)
        try:
            loop.run_forever()
        except Seen:
            pass
        assert refs[0]() is None
    finally:
        gc.enable()


@trio.lowlevel.enable_ki_protection
def interrupt_while_protected():
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_that_trio_holds_back(loop):
    """It comes out when trio gives it to the loop, and the loop goes on after it."""
    loop.call_soon(interrupt_while_protected)
    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(trio.sleep(3600))
    assert loop.run_until_complete(both("goes on")) == "goes on"


def test_ctrl_c_between_two_calls(loop):
    """While the loop stands still Ctrl-C interrupts the program at once, as on asyncio."""
    assert loop.run_until_complete(both("ran")) == "ran"
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert loop.run_until_complete(both("goes on")) == "goes on"


def test_ctrl_c_reaches_the_loop_that_runs(loop):
    """A loop that ran before, and was not closed, takes no Ctrl-C from the one that runs."""
    with closing(EventLoop()) as other:
        for one in (other, loop, other):
            assert one.run_until_complete(both("ran")) == "ran"
            one.call_soon(interrupt_while_protected)
            with pytest.raises(KeyboardInterrupt):
                one.run_until_complete(trio.sleep(1))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interpreter_that_allows_no_signal_handlers(loop, monkeypatch):
    """Where no handler can be set, a loop runs without one."""

    def refuse(*_):
        raise ValueError("signal only works in main thread of the main interpreter")

    before = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(signal, "signal", refuse)
    assert loop.run_until_complete(asyncio.sleep(0, "done")) == "done"
    assert portable.run(asyncio.sleep, 0, backend="trio") is None
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_leaves_others_handlers(loop):
    """A handler that is set between two calls, or during one, stays."""

    async def change():
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    before = signal.getsignal(signal.SIGINT)
    try:
        loop.run_until_complete(change())
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        loop.run_until_complete(both())
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


class InterruptingClock(MonotonicClock):
    """A clock that sends SIGINT, once, when trio asks it: in the midst of trio's own code."""

    armed = False

    def deadline_to_sleep_time(self, deadline):
        if self.armed:
            self.armed = False
            signal.raise_signal(signal.SIGINT)
        return super().deadline_to_sleep_time(deadline)


@pytest.fixture
def interruptible():
    """A loop that begins under a handler of somebody else's, so that trio sets none."""
    loop = EventLoop()
    loop.clock = InterruptingClock()
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        loop.run_until_complete(both())
    finally:
        signal.signal(signal.SIGINT, before)
    yield loop
    loop.close()


def test_ctrl_c_in_the_midst_of_trio(interruptible):
    """It comes out when trio has done its step, and the loop goes on after it."""

    async def main():
        interruptible.clock.armed = True
        await both()

    with pytest.raises(KeyboardInterrupt):
        interruptible.run_until_complete(main())
    assert interruptible.run_until_complete(both("goes on")) == "goes on"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_while_the_loop_closes(interruptible):
    """It comes out when the loop is closed; trio's run has ended."""
    interruptible.clock.armed = True
    with pytest.raises(KeyboardInterrupt):
        interruptible.close()
    assert interruptible.is_closed()
    assert portable.run(both, "free", backend="trio") == "free"


def test_a_task_that_will_not_end_when_the_loop_closes(logged):
    """It is dropped after a while, as nobody would step it on a closed loop."""

    async def refuse():
        while loop is not None:
            try:
                # Unlike sleep() it has nothing to clean up when the coroutine is garbage.
                await trio.lowlevel.wait_task_rescheduled(
                    lambda _: trio.lowlevel.Abort.SUCCEEDED
                )
            except BaseException as error:
                seen.append(type(error))

    seen = []
    loop = EventLoop()
    task = loop.create_task(refuse(), name="refuses")
    loop.run_until_complete(both())
    loop.close()
    loop = None
    assert GeneratorExit in seen
    assert logged() == ["a task goes on though its loop has ended"]
    del task
    gc.collect()  # not in another test


BROKEN_OFF = """
import signal
import trio
from portable.asyncio_on_trio import EventLoop
from portable.asyncio_on_trio.guest import Host

def alarm(_, frame):
    if frame.f_code is Host.close.__code__:
        raise OSError("alarm")

async def shielded():
    with trio.CancelScope(shield=True):
        await trio.sleep(3600)

async def linger():
    async with trio.open_nursery() as nursery:
        nursery.start_soon(shielded)

loop = EventLoop()
left = loop.create_task(linger())
loop.run_until_complete(trio.sleep(0))
signal.signal(signal.SIGALRM, alarm)
signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
try:
    loop.close()
except OSError:
    signal.setitimer(signal.ITIMER_REAL, 0)
    trio.run(trio.sleep, 0)
    print("free")
"""


@pytest.mark.slow
def test_an_exception_out_of_a_signal_handler_while_it_closes():
    """The thread is free for other runs after it."""
    ended = subprocess.run(
        [sys.executable, "-c", BROKEN_OFF], check=False, capture_output=True, timeout=60
    )
    assert ended.stdout == b"free\n", ended.stderr.decode()


FORKED = """
import asyncio, os, warnings
import portable.asyncio_on_trio  # before portable's own names, whose hook then comes second
import portable

warnings.simplefilter("error", RuntimeWarning)

async def child():
    return await asyncio.sleep(0, 7)

async def main():
    pid = os.fork()
    if not pid:
        status = 1
        try:
            status = portable.run(child, backend="trio")
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

raise SystemExit(portable.run(main, backend="trio"))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_is_free_of_its_parents_wake_up():
    """A run of its own meets no wake-up descriptor of the run that it was forked in."""
    ended = subprocess.run([sys.executable, "-c", FORKED], check=False, capture_output=True)
    assert ended.returncode == 7, ended.stderr.decode()


FORKED_INTERRUPTED = """
import os, signal
from portable.asyncio_on_trio import EventLoop

async def main():
    pid = os.fork()
    if not pid:
        os._exit(signal.getsignal(signal.SIGINT) is not signal.default_int_handler)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

raise SystemExit(EventLoop().run_until_complete(main()))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_ctrl_c_in_a_forked_child():
    """It is Python's again; the run in which the child was forked is its parent's."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FORKED_INTERRUPTED],
        check=False,
        capture_output=True,
    )
    assert ended.returncode == 0, ended.stderr.decode()


FORKED_OUTSIDE = """
import os, signal, socket
import portable.asyncio_on_trio

ours, theirs = socket.socketpair()
theirs.setblocking(False)
signal.set_wakeup_fd(theirs.fileno())
pid = os.fork()
if not pid:
    os._exit(signal.set_wakeup_fd(-1) != theirs.fileno())
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio takes it from each child")
def test_a_fork_outside_of_runs_keeps_its_wake_up():
    """A wake-up descriptor that is no run's is left to the child."""
    ended = subprocess.run(
        [sys.executable, "-c", FORKED_OUTSIDE], check=False, capture_output=True
    )
    assert ended.returncode == 0, ended.stderr.decode()
