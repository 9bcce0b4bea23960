"""`run()`: starting, ending and refusing programs; the other ways to a loop on trio."""

import asyncio
import contextvars
import functools
import gc
import sys
import threading
import time
import warnings

import anyio
import pytest

import portable
from portable import _backends


async def value(result, delay=0.0):
    await asyncio.sleep(delay)
    return result


async def failure(error, delay=0.0):
    await asyncio.sleep(delay)
    raise error


virtual = pytest.mark.parametrize("virtual", [False, True], ids=["real", "virtual"])


# -- starting -----------------------------------------------------------------------------


def test_a_function_with_its_arguments(backend):
    """run() calls the function with the arguments and returns what the coroutine returns."""
    assert portable.run(value, "a", 0, backend=backend) == "a"
    assert portable.run(functools.partial(value, "b"), backend=backend) == "b"


def test_a_coroutine(backend):
    """run() takes a coroutine, as asyncio.run() does."""
    assert portable.run(value("a"), backend=backend) == "a"


def test_a_function_that_returns_another_awaitable(backend):
    """What the function returns needs only to be awaitable."""

    class Awaitable:
        def __await__(self):
            return value("awaited").__await__()

    assert portable.run(Awaitable, backend=backend) == "awaited"


def test_asyncio_is_the_default():
    """Without a word about it a program runs on asyncio."""

    async def main():
        return portable.current_backend()

    assert portable.run(main) == "asyncio"


def test_main_is_a_task_of_asyncios(run):
    """It has a name, is listed, can be cancelled with a message, and sees it."""
    seen = []

    async def main():
        me = asyncio.current_task()
        assert asyncio.all_tasks() == {me}
        assert isinstance(me, asyncio.Task)
        assert me.get_name().startswith("Task-")
        asyncio.get_running_loop().call_later(1, me.cancel, "enough")
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError as error:
            seen.append((portable.current_time(), error.args))
            raise

    with pytest.raises(asyncio.CancelledError):
        run(main)
    assert seen == [(1, ("enough",))]


def test_mains_context_is_a_copy_of_the_callers(run):
    """main sees the caller's context variables, and changes its own."""
    variable = contextvars.ContextVar("variable", default="unset")

    async def main():
        before = variable.get()
        variable.set("by main")
        return before

    variable.set("by the caller")
    assert run(main) == "by the caller"
    assert variable.get() == "by the caller"


@virtual
@pytest.mark.parametrize("debug", [None, False, True])
def test_debug_is_asyncios_debug_mode(backend, virtual, debug):
    """debug=True switches it on; nothing said, the environment decides."""

    async def main():
        return asyncio.get_running_loop().get_debug()

    found = portable.run(main, backend=backend, debug=debug, virtual_time=virtual)
    with asyncio.Runner(debug=debug) as runner:
        assert found is runner.run(main())


# -- ending -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [LookupError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_mains_exception_comes_out_as_it_is(run, kind):
    """What main raises is raised by run(), the very object."""
    error = kind("main")
    with pytest.raises(kind) as caught:
        run(failure, error, 1)
    assert caught.value is error
    assert not isinstance(error.__context__, Exception)


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_an_exit_asked_for_by_a_task(run, kind):
    """SystemExit and KeyboardInterrupt in any task end the run, and main cleans up."""
    seen = []

    async def main():
        task = asyncio.create_task(failure(kind("task"), 1))
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append(task.done())

    with pytest.raises(kind, match="task"):
        run(main)
    assert seen == [True]


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_an_exit_asked_for_by_a_callback(run, kind):
    """So they do in a callback of the loop."""
    seen = []

    def leave():
        raise kind("callback")

    async def main():
        asyncio.get_running_loop().call_later(1, leave)
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append("cleaned up")

    with pytest.raises(kind, match="callback"):
        run(main)
    assert seen == ["cleaned up"]


def test_tasks_left_over_are_cancelled_and_awaited(run):
    """When main ends, run() ends what it left behind, and waits for its clean-up."""
    seen = []

    async def job():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(1)
            seen.append(portable.current_time())

    async def main():
        tasks = [asyncio.create_task(job()), asyncio.create_task(job())]
        await asyncio.sleep(1)
        tasks.append(asyncio.create_task(job()))
        return tasks

    tasks = run(main)
    assert all(task.cancelled() for task in tasks)
    assert seen == [2, 2, 2]


def test_plain_tasks_that_are_left_over_end_too(run, backend):
    """On trio a nursery's child that awaits a future ends with the nursery's scope."""
    seen = []

    async def child():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            seen.append("ended")

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child)
            await anyio.sleep(1)
            group.cancel_scope.cancel()

    run(main)
    assert seen == ["ended"]


def test_a_leftover_that_fails_while_it_ends_is_logged(run, caplog):
    """Nobody can await it any more: asyncio's log tells of it."""

    async def job():
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("clean-up")

    async def main():
        asyncio.create_task(job())
        await asyncio.sleep(1)

    run(main)
    words = "unhandled exception during asyncio.run() shutdown"
    told = [each for each in caplog.records if each.message.startswith(words)]
    assert [repr(each.exc_info[1]) for each in told] == ["ValueError('clean-up')"]


def test_async_generators_are_closed(run):
    """One that was left in its midst is closed at the end of the run, in a task."""
    seen = []

    async def numbers():
        try:
            yield 1
        finally:
            await asyncio.sleep(1)
            seen.append(portable.current_time())

    async def main():
        generator = numbers()
        keep.append(generator)
        return await anext(generator)

    keep = []
    assert run(main) == 1
    assert seen == [1]


def test_the_executor_is_shut_down(backend):
    """A call in a thread has ended when run() returns."""
    ended, go_on = [], threading.Event()

    def block():
        go_on.wait()
        ended.append(threading.current_thread())

    async def main():
        asyncio.get_running_loop().run_in_executor(None, block)
        asyncio.get_running_loop().call_soon(go_on.set)

    portable.run(main, backend=backend)
    (thread,) = ended
    assert not thread.is_alive()


def test_the_loop_is_closed(run):
    """What outlives the run gets asyncio's error when it uses the loop."""

    async def main():
        return asyncio.get_running_loop()

    loop = run(main)
    assert loop.is_closed()
    with pytest.raises(RuntimeError, match="Event loop is closed"):
        loop.call_soon(print)
    assert asyncio._get_running_loop() is None


def test_a_stopped_loop(run):
    """`stop()` before main's end is asyncio's error."""

    async def main():
        asyncio.get_running_loop().stop()
        await asyncio.sleep(3600)

    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
        run(main)


def test_runs_follow_each_other(run):
    """Nothing of one run is left for the next."""

    async def main(number):
        asyncio.create_task(asyncio.sleep(100))
        await asyncio.sleep(1)
        return number, len(asyncio.all_tasks()), portable.current_time()

    assert [run(main, number) for number in range(3)] == [(n, 2, 1) for n in range(3)]


def test_runs_in_two_threads_do_not_meet(backend):
    """Each thread's run owns its own tasks."""

    async def main():
        tasks = [asyncio.create_task(value(n)) for n in range(20)]
        return [await task for task in tasks]

    results = []
    threads = [
        threading.Thread(target=lambda: results.append(portable.run(main, backend=backend)))
        for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert results == [list(range(20))] * 4


def test_a_program_that_fails_leaves_nothing_behind(run):
    """After any error a run leaves no loop, no hooks, no warning."""
    before = sys.get_asyncgen_hooks()
    with pytest.raises(LookupError):
        run(failure, LookupError())
    assert sys.get_asyncgen_hooks() == before
    assert asyncio._get_running_loop() is None
    gc.collect()


# -- virtual time -------------------------------------------------------------------------


def test_virtual_time_waits_for_nothing(run):
    """An hour passes at once; the wall clock shows the same hour on every backend."""

    async def main():
        before = time.time()
        await asyncio.sleep(3600)
        return portable.current_time(), time.time() - before, time.gmtime()[:5]

    assert run(main) == (3600.0, 3600.0, (2000, 1, 1, 1, 0))


def test_a_clock_of_ones_own(backend):
    """virtual_time takes a VirtualClock, which can be asked afterwards."""
    from portable.clock import VirtualClock

    clock = VirtualClock(start=None)
    portable.run(asyncio.sleep, 60, backend=backend, virtual_time=clock)
    assert clock.now() == 60


def test_both_languages_share_the_time(run):
    """asyncio's timers and AnyIO's are one clock's: the earlier goes off first."""

    async def main():
        seen = []
        asyncio.get_running_loop().call_later(2, seen.append, "asyncio 2")
        asyncio.get_running_loop().call_later(4, seen.append, "asyncio 4")
        for seconds in (1, 3, 5):
            with anyio.move_on_at(seconds):
                await anyio.sleep_forever()
            seen.append(f"AnyIO {anyio.current_time():g}")
        return seen

    assert run(main) == ["AnyIO 1", "asyncio 2", "AnyIO 3", "asyncio 4", "AnyIO 5"]


@pytest.mark.parametrize("wait", ["asyncio", "anyio", "gather"])
def test_a_deadlock_is_told(run, wait):
    """Under virtual time, waiting for ever is an error that names who waits."""

    async def stuck():
        if wait == "anyio":
            await anyio.Event().wait()
        else:
            await asyncio.Event().wait()

    async def main():
        if wait == "gather":
            await asyncio.gather(stuck(), asyncio.create_task(stuck(), name="stuck one"))
        await asyncio.create_task(stuck(), name="stuck one")

    with pytest.raises(portable.DeadlockError, match="stuck one"):
        run(main)


# -- refusing -----------------------------------------------------------------------------


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
    monkeypatch.setitem(sys.modules, name, None)
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


def test_a_run_inside_a_foreign_run_is_refused(anyio_backend_name, anyio_backend_options):
    """So it is where AnyIO started the loop, before any name was used."""

    async def main():
        with pytest.raises(RuntimeError, match="await the coroutine instead"):
            portable.run(value)

    anyio.run(main, backend=anyio_backend_name, backend_options=anyio_backend_options)


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


def test_a_coroutine_that_has_run_is_refused(backend):
    """It runs once; the error shows how to make a new one."""
    coro = value(1)
    portable.run(coro, backend=backend)
    with pytest.raises(RuntimeError, match=r"write run\(value\) or run\(value\(\)\)"):
        portable.run(coro, backend=backend)


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


# -- other ways to a loop -----------------------------------------------------------------


def test_asyncio_loop_where_the_loop_is_up(run):
    """On asyncio, and in our runs, the block gives the running loop and leaves it."""

    async def main():
        running = asyncio.get_running_loop()
        async with portable.asyncio_loop() as loop:
            assert loop is running
            task = asyncio.create_task(value("left", 1))
        return loop is asyncio.get_running_loop(), await task

    assert run(main) == (True, "left")


def test_asyncio_loop_in_a_foreign_run(anyio_backend_name, anyio_backend_options):
    """The block that brings the loop up ends what is left in it; one inside it does not."""

    async def main():
        async with portable.asyncio_loop() as outer:
            async with portable.asyncio_loop() as inner:
                task = asyncio.create_task(asyncio.sleep(3600))
                await asyncio.sleep(0)
            seen = [outer is inner, task.done()]
            if anyio_backend_name == "asyncio":
                task.cancel()
        await anyio.lowlevel.checkpoint()
        return [*seen, task.cancelled()]

    options = {"backend": anyio_backend_name, "backend_options": anyio_backend_options}
    assert anyio.run(main, **options) == [True, False, True]


def test_asyncio_loop_without_a_run():
    """Without any event loop it is Python's own error."""

    async def main():
        async with portable.asyncio_loop():
            pass

    coro = main()
    with pytest.raises(RuntimeError, match="no running event loop"):
        coro.send(None)


def test_asyncio_loop_passes_errors_on(backend, anyio_backend_name, anyio_backend_options):
    """An error in the block comes out of it as it is."""
    error = LookupError()

    async def main():
        async with portable.asyncio_loop():
            raise error

    with pytest.raises(LookupError) as caught:
        anyio.run(main, backend=anyio_backend_name, backend_options=anyio_backend_options)
    assert caught.value is error


def test_trio_loop_for_asyncios_runner():
    """asyncio.Runner runs on it, several times, and ends it as any loop."""
    pytest.importorskip("trio")

    async def main(number):
        await anyio.sleep(0)
        return portable.current_backend(), await value(number)

    with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        assert [runner.run(main(number)) for number in range(3)] == [
            ("trio", number) for number in range(3)
        ]
        loop = runner.get_loop()
    assert loop.is_closed()


def test_trio_loop_needs_trio(monkeypatch):
    """Without trio the error says how to get it."""
    monkeypatch.setitem(sys.modules, "trio", None)
    with pytest.raises(portable.BackendNotInstalledError, match=r"portable-tasks\[trio\]"):
        portable.trio_loop()


def test_a_loop_that_nobody_closed_warns():
    """As asyncio's own: a ResourceWarning when it is collected."""
    pytest.importorskip("trio")
    loop = portable.trio_loop()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del loop
        gc.collect()
    assert [str(each.message) for each in caught if each.category is ResourceWarning]


def test_backends_for_runner(backend):
    """What the table gives `asyncio.Runner` for a backend starts that one."""
    if backend == "trio":
        return

    async def main():
        return portable.current_backend()

    with asyncio.Runner(**_backends.get_backend(backend).run_options()) as runner:
        assert runner.run(main()) == backend


def test_debug_mode_ends_with_the_run(backend):
    """Where coroutines are made is tracked while a run in debug mode lasts, not after it."""

    async def main():
        await asyncio.sleep(0)
        return sys.get_coroutine_origin_tracking_depth()

    assert portable.run(main, backend=backend, debug=True) > 0
    assert sys.get_coroutine_origin_tracking_depth() == 0
