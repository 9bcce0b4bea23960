"""`to_thread()`: each point of its contract, on every backend."""

import contextvars
import gc
import threading
import time

import anyio
import anyio.to_thread
import pytest

import portable
from portable import CancelledError, TaskCancelled, create_task, to_thread


class Blocked:
    """A function that blocks its thread until it is told to go on."""

    def __init__(self, outcome):
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.ended = threading.Event()
        self.outcome = outcome

    def __call__(self):
        self.begun.set()
        assert self.go_on.wait(10)
        try:
            if isinstance(self.outcome, BaseException):
                raise self.outcome
            return self.outcome
        finally:
            self.ended.set()

    async def until_begun(self):
        while not self.begun.is_set():
            await anyio.lowlevel.checkpoint()


@pytest.fixture
def run_alone(backend):
    """Run a program on the backend by AnyIO alone, without `portable.run()`."""
    from portable._backends import get_backend

    chosen = get_backend(backend)

    def run(main):
        options = dict(chosen.anyio_options)
        return anyio.run(main, backend=chosen.anyio_backend, backend_options=options)

    return run


@pytest.fixture(params=["owned", "unowned"])
def either(request, run, run_alone):
    """Run a program by `portable.run()`, which owns its threads, and by AnyIO alone."""
    return run if request.param == "owned" else run_alone


def test_it_gives_the_result_of_a_call_in_another_thread(either):
    """Arguments are handed on, the result or the very exception comes back."""
    error = ValueError("thread")

    def where(*args, **kwargs):
        return threading.get_ident(), args, kwargs

    def failing():
        raise error

    async def main():
        thread, args, kwargs = await to_thread(where, 1, func="named like the parameter")
        assert thread != threading.get_ident()
        assert (args, kwargs) == ((1,), {"func": "named like the parameter"})
        with pytest.raises(ValueError) as caught:
            await to_thread(failing)
        assert caught.value is error

    either(main)


def test_context_variables_are_carried_over(either):
    """The function runs in a copy of the caller's context, as it is at the call."""
    variable = contextvars.ContextVar("variable")

    def look():
        before = variable.get()
        variable.set("changed in the thread")
        return before

    async def main():
        variable.set("caller")
        return await to_thread(look), variable.get()

    assert either(main) == ("caller", "caller")


def test_others_run_meanwhile(backend):
    """The event loop goes on while the thread is blocked."""
    blocked = Blocked("done")

    async def main():
        task = create_task(to_thread(blocked))
        await blocked.until_begun()
        blocked.go_on.set()
        return await task

    assert portable.run(main, backend=backend) == "done"


def test_a_cancelled_waiter_leaves_at_once_and_run_waits_for_the_thread(backend):
    """The caller is gone while the thread is still blocked; run() ends after the thread."""
    blocked = Blocked("unseen")

    async def main():
        task = create_task(to_thread(blocked))
        await blocked.until_begun()
        task.cancel("leave")
        with pytest.raises(TaskCancelled, match="leave"):
            await task
        assert not blocked.ended.is_set()
        threading.Timer(0.05, blocked.go_on.set).start()

    portable.run(main, backend=backend)
    assert blocked.ended.is_set()


def test_a_time_limit_on_a_thread(backend):
    """A limit around the call holds, although the thread cannot be stopped."""
    blocked = Blocked(None)

    async def main():
        with pytest.raises(TimeoutError):
            await portable.wait_for(to_thread(blocked), 0.01)
        assert not blocked.ended.is_set()
        blocked.go_on.set()

    portable.run(main, backend=backend)
    assert not blocked.begun.is_set() or blocked.ended.is_set()


def test_the_error_of_a_thread_whose_waiter_left_is_raised_by_run(backend):
    """What the thread raises then is raised at the end of run() (D6)."""
    blocked = Blocked(OSError("unattended"))

    async def main():
        task = create_task(to_thread(blocked))
        await blocked.until_begun()
        task.cancel()
        with pytest.raises(CancelledError):
            await task
        blocked.go_on.set()

    with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="unattended")):
        portable.run(main, backend=backend)


def test_without_run_the_error_is_reported(run_alone, monkeypatch):
    """With nobody to raise it, `threading.excepthook` gets what the thread raises."""
    blocked = Blocked(OSError("unattended"))
    reported = []
    told = threading.Event()

    def hook(args):
        reported.append((args.exc_type, str(args.exc_value)))
        told.set()

    monkeypatch.setattr(threading, "excepthook", hook)

    async def main():
        async with portable.Supervisor() as tasks:
            task = tasks.create_task(to_thread(blocked))
            await blocked.until_begun()
            task.cancel()
            with pytest.raises(TaskCancelled):
                await task
            assert not blocked.ended.is_set()
            blocked.go_on.set()
            assert await anyio.to_thread.run_sync(told.wait, 10)

    run_alone(main)
    assert reported == [(OSError, "unattended")]


def test_an_error_that_comes_as_the_waiter_leaves_is_reported_once(run_alone, monkeypatch):
    """Without run(): an error on its way when the caller is cancelled is not lost."""
    reported = []
    monkeypatch.setattr(threading, "excepthook", lambda args: reported.append(args.exc_value))
    error = OSError("on its way")
    raised = threading.Event()

    def failing():
        raised.set()
        raise error

    async def main():
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as group:
                group.start_soon(to_thread, failing)
                while not raised.is_set():
                    await anyio.lowlevel.checkpoint()
                time.sleep(0.05)  # so that the loop hears of error and cancellation at once
                scope.cancel()

    try:
        run_alone(main)
    except* OSError as group:
        reported.extend(group.exceptions)
    assert reported == [error]


@pytest.mark.parametrize("steps", range(8))
def test_cancelled_at_each_step(backend, steps):
    """Whenever the caller is cancelled, it leaves, and no thread is under way after run()."""
    begun, ended = [], []

    def job():
        begun.append(1)
        time.sleep(0.01)
        ended.append(1)

    async def main():
        task = create_task(to_thread(job))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        task.cancel()
        with pytest.raises(TaskCancelled):
            await task

    portable.run(main, backend=backend)
    assert begun == ended


def test_a_call_that_waits_for_a_free_thread_never_begins(backend):
    """Cancelled before there was a thread for it, the function does not run."""
    seen = []

    async def main():
        anyio.to_thread.current_default_thread_limiter().total_tokens = 1
        blocked = Blocked(None)
        first = create_task(to_thread(blocked))
        await blocked.until_begun()
        second = create_task(to_thread(seen.append, 1))
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        second.cancel()
        with pytest.raises(TaskCancelled):
            await second
        blocked.go_on.set()
        await first

    portable.run(main, backend=backend)
    assert seen == []


def test_cleaning_up_in_a_thread_when_the_run_ends(backend):
    """A task that is left over when main ends may still use a thread, under a shield."""
    seen = []

    async def job():
        try:
            await portable.sleep(1000)
        finally:
            with anyio.CancelScope(shield=True):
                seen.append(await to_thread(sorted, [2, 1]))

    async def main():
        create_task(job())
        await portable.sleep(0.01)

    portable.run(main, backend=backend)
    assert seen == [[1, 2]]


def test_bad_input(run):
    """A coroutine, a coroutine function or a thing in place of a function is told."""

    async def job():
        pass

    async def main():
        coro = job()
        with pytest.raises(TypeError, match=r"to_thread\(\): func .*not a coroutine; await it"):
            await to_thread(coro)
        with pytest.raises(
            TypeError, match=r"not the coroutine function 'job'; await it: `awa"
        ):
            await to_thread(job)
        with pytest.raises(TypeError, match=r"to_thread\(\): func must be a function, got 5"):
            await to_thread(5)
        gc.collect()

    run(main)
    with pytest.raises(RuntimeError, match=r"to_thread\(\) was called with no event loop"):
        to_thread(print).send(None)
