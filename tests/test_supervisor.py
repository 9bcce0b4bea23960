"""`Supervisor`: each point of its contract, on every backend, in tasks of every kind."""

import asyncio
import contextvars
import gc
import sys

import anyio
import pytest

import portable
from portable import Supervisor
from portable._backends import BACKENDS


async def after(seconds, result=None):
    await asyncio.sleep(seconds)
    return result


async def fail(seconds, *args):
    await asyncio.sleep(seconds)
    raise ValueError(*args)


class Slow:
    """A job whose clean-up takes a second; counts begins and ends."""

    def __init__(self):
        self.begun = self.ended = 0

    async def __call__(self):
        self.begun += 1
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(1)
            self.ended += 1


async def as_task(func):
    return await func()


async def as_plain_task(func):
    results = []

    async def child():
        results.append(await func())

    async with anyio.create_task_group() as group:
        group.start_soon(child)
    return results[0]


@pytest.fixture(params=[as_task, as_plain_task], ids=["task", "plain"])
def run_in(request, run):
    """Run a program as main, and in a child of an AnyIO group: on trio a plain task."""

    def start(main):
        return run(request.param, main)

    return start


def described(error):
    """An error, or a group of them, as nested lists of texts."""
    if isinstance(error, BaseExceptionGroup):
        return [described(each) for each in error.exceptions]
    return repr(error)


async def outcome(main):
    """What comes out of a program, told without the groups that AnyIO would add."""
    try:
        return await main()
    except BaseException as error:
        return described(error)


# -- waiting ------------------------------------------------------------------------------


def test_the_block_waits_for_its_tasks(run_in):
    """They have ended when it has, those that they created themselves too."""

    async def main():
        seen = []

        async def parent(tasks):
            tasks.create_task(after(5)).add_done_callback(lambda _: seen.append("child"))
            seen.append("parent")

        async with Supervisor() as tasks:
            first = tasks.create_task(after(3, "result"), name="first")
            tasks.create_task(parent(tasks))
            seen.append("body")
        assert first.get_name() == "first"
        return seen, portable.current_time(), await first

    assert run_in(main) == (["body", "parent", "child"], 5, "result")


def test_its_tasks_are_asyncios(run_in):
    """They are made by the loop, so a task factory and a context count."""
    variable = contextvars.ContextVar("variable", default="unset")

    async def look():
        return variable.get(), asyncio.current_task() in asyncio.all_tasks()

    async def main():
        context = contextvars.copy_context()
        context.run(variable.set, "given")
        async with Supervisor() as tasks:
            given = tasks.create_task(look(), context=context)
            own = tasks.create_task(look())
            assert isinstance(own, asyncio.Task)
        return given.result(), own.result()

    assert run_in(main) == (("given", True), ("unset", True))


def test_an_empty_block(run_in):
    """A block that starts nothing takes no time."""

    async def main():
        async with Supervisor():
            pass
        return portable.current_time()

    assert run_in(main) == 0


# -- failures -----------------------------------------------------------------------------


def test_a_failure_disturbs_nobody(run_in):
    """Siblings and body go on; at the end failures come together, in their order."""

    async def main():
        seen = []
        try:
            async with Supervisor() as tasks:
                tasks.create_task(fail(2, "second"))
                tasks.create_task(fail(1, "first"))
                last = tasks.create_task(after(9, "fine"))
                await asyncio.sleep(3)
                seen.append("body")
        except ExceptionGroup as failures:
            seen += [described(failures), failures.message]
        return [*seen, last.result()]

    assert run_in(main) == [
        "body",
        ["ValueError('first')", "ValueError('second')"],
        "unretrieved failures in a Supervisor",
        "fine",
    ]


@pytest.mark.parametrize("how", ["await", "gather", "exception", "callback", "result"])
def test_a_retrieved_failure_is_not_raised_again(run_in, how):
    """Whoever looked at it, in the block or outside, has it."""

    async def main():
        async with Supervisor() as tasks:
            failing = tasks.create_task(fail(1))
            if how == "await":
                with pytest.raises(ValueError):
                    await failing
            elif how == "gather":
                await asyncio.gather(failing, return_exceptions=True)
            elif how == "callback":
                failing.add_done_callback(lambda task: task.exception())
            else:
                await asyncio.sleep(2)
                if how == "exception":
                    failing.exception()
                else:
                    with pytest.raises(ValueError):
                        failing.result()
        return "nothing raised"

    assert run_in(main) == "nothing raised"


def test_a_cancelled_task_is_no_failure(run_in):
    """A task that was cancelled, by itself or by others, is not reported."""

    async def suicide():
        asyncio.current_task().cancel()
        await asyncio.sleep(1)

    async def main():
        async with Supervisor() as tasks:
            cancelled = tasks.create_task(after(9)), tasks.create_task(suicide())
            await asyncio.sleep(1)
            cancelled[0].cancel("enough")
        return [task.cancelled() for task in cancelled]

    assert run_in(main) == [True, True]


def test_an_error_of_the_body_ends_the_tasks(run_in):
    """It is raised, as it is, when they have cleaned up."""
    slow = Slow()

    async def main():
        try:
            async with Supervisor() as tasks:
                tasks.create_task(slow())
                await asyncio.sleep(1)
                raise LookupError("body")
        except LookupError:
            return portable.current_time(), slow.ended

    assert run_in(main) == (2, 1)


def test_an_error_of_the_body_and_failures_come_together(run_in):
    """Nothing is lost: the body's error comes first in the group."""

    async def main():
        async with Supervisor() as tasks:
            tasks.create_task(fail(1, "task"))
            await asyncio.sleep(2)
            raise LookupError("body")

    assert run_in(lambda: outcome(main)) == ["LookupError('body')", "ValueError('task')"]


def test_the_body_raises_what_a_task_failed_with(run_in):
    """It is one error, not two in a group."""

    async def main():
        async with Supervisor() as tasks:
            await tasks.create_task(fail(1, "task"))

    assert run_in(lambda: outcome(main)) == "ValueError('task')"


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_an_exit_of_the_body_keeps_failures_as_its_cause(run, kind):
    """The exit comes out; failures that nobody retrieved can be reached from it."""

    async def main():
        async with Supervisor() as tasks:
            tasks.create_task(fail(1, "task"))
            await asyncio.sleep(2)
            raise kind

    with pytest.raises(kind) as caught:
        run(main)
    assert described(caught.value.__cause__) == ["ValueError('task')"]


def test_an_exit_keeps_the_cause_it_has(run):
    """What an exit was raised from is not replaced by failures of tasks."""
    cause = OSError("why")

    async def main():
        async with Supervisor() as tasks:
            tasks.create_task(fail(1, "task"))
            await asyncio.sleep(2)
            raise SystemExit from cause

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.__cause__ is cause


# -- cancelling ---------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["body", "end"])
def test_a_cancelled_block_ends_its_tasks(run, where):
    """Cancelled by asyncio, in its body or at its end, it raises that when they have ended."""
    slow = Slow()

    async def block():
        async with Supervisor() as tasks:
            tasks.create_task(slow())
            if where == "body":
                await asyncio.sleep(3600)

    async def main():
        task = asyncio.create_task(block())
        await asyncio.sleep(1)
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        return portable.current_time(), slow.begun, slow.ended

    assert run(main) == (2, 1, 1)


@pytest.mark.parametrize("where", ["body", "end"])
def test_a_scope_around_a_block_ends_its_tasks(run_in, where):
    """Cancelled by a scope of AnyIO's it awaits its tasks' clean-up all the same."""
    slow = Slow()

    async def main():
        with anyio.move_on_after(1) as scope:
            async with Supervisor() as tasks:
                tasks.create_task(slow())
                if where == "body":
                    await anyio.sleep(3600)
        return scope.cancelled_caught, portable.current_time(), slow.begun, slow.ended

    assert run_in(main) == (True, 2, 1, 1)


def test_a_failure_in_a_cancelled_block_comes_in_place_of_the_cancellation(run):
    """What nobody else can see any more is raised."""

    async def dirty():
        try:
            await asyncio.sleep(3600)
        finally:
            raise OSError("dirty")

    async def block():
        async with Supervisor() as tasks:
            tasks.create_task(dirty())
            await asyncio.sleep(3600)

    async def main():
        task = asyncio.create_task(block())
        await asyncio.sleep(1)
        task.cancel()
        return await outcome(lambda: task)

    assert run(main) == ["OSError('dirty')"]


def test_cancel_ends_the_tasks_and_not_the_body(run_in):
    """cancel(msg) reaches every task; the body goes on and may await them."""

    async def main():
        seen = []
        async with Supervisor() as tasks:
            started = [tasks.create_task(after(9)) for _ in range(3)]
            await asyncio.sleep(1)
            tasks.cancel("enough")
            for task in started:
                try:
                    await task
                except asyncio.CancelledError as error:
                    seen.append(error.args)
            seen.append(await tasks.create_task(after(1, "another")))
        return seen

    assert run_in(main) == [("enough",)] * 3 + ["another"]


# -- wrong use ----------------------------------------------------------------------------


def test_a_block_serves_once(run_in):
    """Entered again, or used before or after, it says what to write; coroutines are closed."""

    async def main():
        tasks = Supervisor()
        coro = after(1)
        with pytest.raises(
            RuntimeError, match=r"create_task\(\): .* has not been entered; wri"
        ):
            tasks.create_task(coro)
        assert coro.cr_frame is None
        async with tasks:
            pass
        coro = after(1)
        with pytest.raises(RuntimeError, match=r"create_task\(\): .* is shutting down; write"):
            tasks.create_task(coro)
        assert coro.cr_frame is None
        with pytest.raises(RuntimeError, match="entered before; make a new one"):
            async with tasks:
                pass
        gc.collect()

    run_in(main)


def test_what_is_no_coroutine(run_in):
    """It is refused as by asyncio's create_task(), and the block goes on."""

    async def main():
        async with Supervisor() as tasks:
            with pytest.raises(TypeError, match="coroutine was expected, got <function after"):
                tasks.create_task(after)
            return await tasks.create_task(after(1, "fine"))

    assert run_in(main) == "fine"


def test_without_an_event_loop():
    """The error says how to start one."""
    coro = Supervisor().__aenter__()
    with pytest.raises(RuntimeError, match=r"no event loop .*portable\.run\(main\)"):
        coro.send(None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has no eager tasks here")
def test_an_eager_task(run):
    """A task that has ended before create_task() returns is counted, too."""

    async def now():
        raise ValueError("at once")

    def eagerly(loop, coro, *, name=None, context=None, eager_start=True):
        return asyncio.Task(coro, loop=loop, name=name, context=context, eager_start=True)

    async def main():
        asyncio.get_running_loop().set_task_factory(eagerly)
        async with Supervisor() as tasks:
            assert tasks.create_task(now()).done()

    assert run(outcome, main) == ["ValueError('at once')"]


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="came in Python 3.12")
@pytest.mark.parametrize(
    "backend",
    [
        "asyncio",
        pytest.param(
            "trio",
            marks=pytest.mark.skipif(
                not BACKENDS["trio"].installed, reason="trio is not installed"
            ),
        ),
    ],
)
def test_a_body_that_fails_in_an_eager_first_step(backend):
    """Its tasks are cancelled and awaited, wherever that first step was taken."""

    async def child(ended):
        async with portable.Supervisor() as tasks:
            task = tasks.create_task(asyncio.sleep(1))
            task.add_done_callback(lambda task: ended.append(task.cancelled()))
            raise KeyError("body")

    async def main():
        ended = []
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        with pytest.raises(KeyError):
            await asyncio.create_task(child(ended))
        return ended

    assert portable.run(main, backend=backend) == [True]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio has no eager tasks here")
def test_an_eager_task_that_fails_ends_in_asyncios_turns(run):
    """A body that fails in an eager first step takes as many turns as on asyncio to its end."""

    async def child():
        async with Supervisor() as tasks:
            tasks.create_task(asyncio.sleep(1))
            raise KeyError("body")

    async def main():
        task = asyncio.Task(child(), loop=asyncio.get_running_loop(), eager_start=True)
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        return type(task.exception()), turns

    assert run(main) == portable.run(main) == (KeyError, 3)
