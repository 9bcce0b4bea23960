"""`run()`: starting, ending and refusing programs."""

import asyncio
import functools
import gc
import os
import signal
import threading
import time

import anyio
import pytest

import portable
from portable import CancelledError, TaskCancelled, create_task, sleep


async def value(result, delay=0.0):
    await sleep(delay)
    return result


async def failure(error, delay=0.0):
    await sleep(delay)
    raise error


def test_a_function_with_its_arguments(backend):
    """run() calls the function with the arguments and returns what the coroutine returns."""
    assert portable.run(value, "a", 0, backend=backend) == "a"
    assert portable.run(functools.partial(value, "b"), backend=backend) == "b"


def test_a_coroutine(backend):
    """run() takes a coroutine, as asyncio.run() does."""
    assert portable.run(value("a"), backend=backend) == "a"


def test_it_runs_on_the_backend_asked_for(backend):
    """The program runs where it was told to, in real and in virtual time."""

    async def main():
        return portable.current_backend()

    assert portable.run(main, backend=backend) == backend
    assert portable.run(main, backend=backend, virtual_time=True) == backend


def test_asyncio_is_the_default():
    """Without a word about it a program runs on asyncio."""

    async def main():
        return portable.current_backend()

    assert portable.run(main) == "asyncio"


def test_mains_exception_comes_out_as_it_is(run):
    """What main raises is raised by run(), the very object."""
    error = LookupError("main")
    with pytest.raises(LookupError) as caught:
        run(failure(error, 1))
    assert caught.value is error


def test_tasks_left_over_are_cancelled_and_awaited(run):
    """When main ends, run() ends what it left behind, and waits for that."""
    seen = []

    async def job():
        try:
            await sleep(3600)
        finally:
            with anyio.CancelScope(shield=True):
                await sleep(1)
            seen.append(portable.current_time())

    async def main():
        tasks = [create_task(job()), create_task(job())]
        await sleep(1)
        tasks.append(create_task(job()))
        return tasks

    tasks = run(main)
    assert all(task.cancelled() for task in tasks)
    assert seen == [2, 2]


def test_a_leftover_that_creates_tasks_while_it_ends(run):
    """What is created after the end of main never runs, and its coroutine is closed."""
    late = []

    async def job():
        try:
            await sleep(3600)
        finally:
            late.append(create_task(value("never")))

    async def main():
        create_task(job())
        await sleep(1)

    run(main)
    gc.collect()
    assert late[0].cancelled()


def test_d6_a_failure_nobody_retrieved_is_raised_by_run(run):
    """D6: it is raised when main has ended, and does not disturb main before."""
    seen = []

    async def main():
        create_task(failure(ValueError("lost"), 1))
        await sleep(5)
        seen.append("main went on")

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert seen == ["main went on"]
    assert [repr(e) for e in caught.value.exceptions] == ["ValueError('lost')"]


def test_mains_exception_joins_failures_nobody_retrieved(run):
    """Nothing is lost when both main and a task have failed."""

    async def main():
        create_task(failure(ValueError("task")))
        await sleep(1)
        raise LookupError("main")

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert [repr(e) for e in caught.value.exceptions] == [
        "LookupError('main')",
        "ValueError('task')",
    ]


def test_a_leftover_that_fails_while_it_ends_is_raised(run):
    """An error raised while run() cleans up is raised too."""

    async def job():
        try:
            await sleep(3600)
        finally:
            raise ValueError("cleanup")

    async def main():
        create_task(job())
        await sleep(1)

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert [str(e) for e in caught.value.exceptions] == ["cleanup"]


def test_main_is_a_task_that_can_be_cancelled(run):
    """main has a task of its own, which others can cancel, with a message (D4)."""
    seen = []

    async def main():
        me = portable.current_task()

        async def killer():
            await sleep(1)
            me.cancel("enough")

        create_task(killer())
        try:
            await sleep(3600)
        except CancelledError:
            seen.append(portable.current_time())
            raise

    with pytest.raises(TaskCancelled, match="^enough$"):
        run(main)
    assert seen == [1]


def test_a_task_may_await_main(run):
    """A task that awaits main gets what main returns, if it outlives it by a shield."""
    seen = []

    async def main():
        me = portable.current_task()

        async def watcher():
            with anyio.CancelScope(shield=True):
                seen.append(await me)

        create_task(watcher())
        await sleep(1)
        return "done"

    assert run(main) == "done"
    assert seen == ["done"]


def test_runs_follow_each_other(run):
    """Nothing of one run is left for the next."""

    async def main(number):
        create_task(sleep(100))
        await sleep(1)
        return number

    assert [run(main, n) for n in range(3)] == [0, 1, 2]


def test_runs_in_two_threads_do_not_meet(backend):
    """Each thread's run owns its own tasks."""

    async def main():
        tasks = [create_task(value(n)) for n in range(20)]
        return [await task for task in tasks]

    results = []

    def thread():
        results.append(portable.run(main, backend=backend))

    threads = [threading.Thread(target=thread) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results == [list(range(20))] * 4


def test_virtual_time_waits_for_nothing(run):
    """An hour passes at once; the wall clock shows the same hour on every backend."""

    async def main():
        before = time.time()
        await sleep(3600)
        return portable.current_time(), time.time() - before, time.gmtime()[:5]

    started = time.perf_counter()
    assert run(main) == (3600.0, 3600.0, (2000, 1, 1, 1, 0))
    assert time.perf_counter() - started < 1800


def test_a_clock_of_ones_own(backend):
    """virtual_time takes a VirtualClock, which can be asked afterwards."""
    from portable.clock import VirtualClock

    clock = VirtualClock(start=None)
    portable.run(sleep, 60, backend=backend, virtual_time=clock)
    assert clock.now() == 60


def test_a_deadlock_is_told(run):
    """Under virtual time, waiting for ever is an error that names who waits."""

    async def main():
        async def stuck():
            await anyio.Event().wait()

        await create_task(stuck(), name="stuck one")

    with pytest.raises(portable.DeadlockError, match="stuck one"):
        run(main)


@pytest.mark.parametrize("virtual", [False, True], ids=["real", "virtual"])
def test_ctrl_c_is_a_keyboard_interrupt(backend, virtual):
    """Ctrl-C ends the program as it ends a raw one, clean-up included."""
    seen = []

    async def job():
        try:
            await sleep(3600)
        finally:
            seen.append("job")

    async def main():
        create_task(job())
        await sleep(0.01)
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.to_thread.run_sync(time.sleep, 0.05)
            await sleep(3600)
        finally:
            seen.append("main")

    with pytest.raises(KeyboardInterrupt):
        portable.run(main, backend=backend, virtual_time=virtual)
    assert sorted(seen) == ["job", "main"]


def test_ctrl_c_keeps_the_failures(backend):
    """Failures nobody retrieved can be reached from the KeyboardInterrupt."""

    async def main():
        create_task(failure(ValueError("lost")))
        await sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)
        await sleep(3600)

    with pytest.raises(KeyboardInterrupt) as caught:
        portable.run(main, backend=backend)
    chain, error = [], caught.value
    while error is not None:
        chain.append(repr(error))
        error = error.__cause__ or error.__context__
    assert any("ValueError('lost')" in link for link in chain)


# -- bad input ----------------------------------------------------------------------------


def test_an_unknown_backend_lists_the_known_ones():
    """A misspelt backend gets a suggestion, and the coroutine is closed."""
    coro = value(1)
    with pytest.raises(
        portable.UnknownBackendError,
        match=r"'uvlop'; known are: asyncio, uvloop, trio\. Did you mean 'uvloop'\?",
    ):
        portable.run(coro, backend="uvlop")
    assert coro.cr_frame is None
    with pytest.raises(portable.UnknownBackendError, match="unknown backend 3"):
        portable.run(value, backend=3)


@pytest.mark.parametrize("name", ["uvloop", "trio"])
def test_a_backend_that_is_not_installed_says_how_to_get_it(monkeypatch, name):
    """The error holds the install command."""
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(
        portable.BackendNotInstalledError, match=rf"pip install 'portable-tasks\[{name}\]'"
    ):
        portable.run(value, backend=name)


def test_a_run_inside_a_run_is_refused(run):
    """The error says to await instead, and the coroutine is closed."""

    async def main():
        coro = value(1)
        with pytest.raises(RuntimeError, match="await the coroutine instead"):
            portable.run(coro)
        assert coro.cr_frame is None

    run(main)


@pytest.mark.parametrize("given", [None, 3, "main"])
def test_what_cannot_be_run_is_refused(given):
    """The error names the parameter and shows the right calls."""
    with pytest.raises(TypeError, match=r"main must be.*run\(main\) or run\(main\(\)\)"):
        portable.run(given)


def test_arguments_for_a_coroutine_are_refused():
    """A coroutine has its arguments already; it is closed."""
    coro = value(1)
    with pytest.raises(TypeError, match=r"run\(main, \*args\)"):
        portable.run(coro, 2)
    assert coro.cr_frame is None


def test_a_plain_function_is_refused(run):
    """A function that makes no coroutine is named, with what it returned."""

    def main():
        return 3

    with pytest.raises(TypeError, match=r"main\(\) returned 3"):
        run(main)


def test_virtual_time_is_a_bool_or_a_clock():
    """Anything else is refused, and the coroutine closed."""
    coro = value(1)
    with pytest.raises(TypeError, match="virtual_time must be True, False or a VirtualClock"):
        portable.run(coro, virtual_time="yes")
    assert coro.cr_frame is None


@pytest.mark.parametrize("virtual", [False, True], ids=["real", "virtual"])
def test_debug_reaches_asyncio(backend, virtual):
    """debug=True is asyncio's debug mode, on asyncio and uvloop; trio has none."""

    async def main():
        return asyncio.get_running_loop().get_debug() if backend != "trio" else True

    assert portable.run(main, backend=backend, debug=True, virtual_time=virtual) is True
