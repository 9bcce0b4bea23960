"""`Supervisor`, `TaskGroup`, and `create_task()` under the ambient supervisor."""

import asyncio
import gc

import anyio
import pytest

import portable
from portable import CancelledError, Supervisor, TaskCancelled, TaskGroup, create_task

BLOCKS = pytest.mark.parametrize("block", [Supervisor, TaskGroup])


async def value(result, delay=0.0):
    await portable.sleep(delay)
    return result


async def failure(error, delay=0.0):
    await portable.sleep(delay)
    raise error


def messages(group):
    return [str(error) for error in group.exceptions]


# -- both ---------------------------------------------------------------------------------


@BLOCKS
def test_a_block_waits_for_its_tasks(run, block):
    """The block ends when its last task does."""

    async def main():
        async with block() as tasks:
            short = tasks.create_task(value(1, 1))
            long = tasks.create_task(value(2, 5))
        assert portable.current_time() == 5
        assert (short.result(), long.result()) == (1, 2)

    run(main)


@BLOCKS
def test_a_task_may_start_siblings(run, block):
    """Tasks started by tasks belong to the block too, also while it waits at its end."""

    async def main():
        async def parent():
            await portable.sleep(1)
            return tasks.create_task(value("child", 3))

        async with block() as tasks:
            first = tasks.create_task(parent())
        assert first.result().result() == "child"
        assert portable.current_time() == 4

    run(main)


@BLOCKS
def test_a_body_that_raises_ends_the_tasks_first(run, block):
    """When the body raises, tasks are cancelled and get to clean up before the block ends."""

    async def main():
        seen = []

        async def job():
            try:
                await portable.sleep(10)
            finally:
                with anyio.CancelScope(shield=True):
                    await portable.sleep(2)
                seen.append("cleaned up")

        unbegun = None
        try:
            async with block() as tasks:
                tasks.create_task(job())
                await portable.sleep(1)
                unbegun = tasks.create_task(job())
                raise KeyError("body")
        except* KeyError:
            seen.append("raised")
        assert seen == ["cleaned up", "raised"]
        assert unbegun.cancelled()
        assert portable.current_time() == 3

    run(main)


@BLOCKS
def test_a_cancelled_block_cancels_its_tasks(run, block):
    """A cancellation from further out ends the tasks and goes on outwards."""

    async def main():
        with anyio.move_on_after(1) as scope:
            async with block() as tasks:
                task = tasks.create_task(value(1, 10))
                await portable.sleep(10)
        assert scope.cancelled_caught
        assert task.cancelled()
        assert portable.current_time() == 1

    run(main)


@BLOCKS
def test_a_block_that_is_cancelled_while_it_waits(run, block):
    """The same, when the body has ended already."""

    async def main():
        with anyio.move_on_after(1) as scope:
            async with block() as tasks:
                task = tasks.create_task(value(1, 10))
        assert scope.cancelled_caught
        assert task.cancelled()

    run(main)


@BLOCKS
def test_a_cancelled_task_is_no_failure(run, block):
    """Cancelling one task leaves the others and the block alone."""

    async def main():
        async with block() as tasks:
            gone = tasks.create_task(value(1, 10))
            kept = tasks.create_task(value(2, 5))
            await portable.sleep(1)
            gone.cancel("not needed")
        assert gone.cancelled()
        assert kept.result() == 2

    run(main)


@BLOCKS
def test_create_task_outside_of_the_block(run, block):
    """Before and after the block create_task() is refused and closes the coroutine."""

    async def main():
        tasks = block()
        early, late = value(1), value(2)
        with pytest.raises(RuntimeError, match=f"async with {block.__name__}"):
            tasks.create_task(early)
        async with tasks:
            pass
        with pytest.raises(RuntimeError, match="is finished"):
            tasks.create_task(late)
        assert early.cr_frame is None
        assert late.cr_frame is None

    run(main)


@BLOCKS
def test_a_block_serves_once(run, block):
    """Entering a block a second time says to make a new one."""

    async def main():
        tasks = block()
        async with tasks:
            pass
        with pytest.raises(RuntimeError, match=f"already been entered.*new {block.__name__}"):
            async with tasks:
                pass

    run(main)


@BLOCKS
@pytest.mark.parametrize(
    ("given", "says"),
    [
        (value, r"not the function 'value'; call it: \w+\.create_task\(value\(\.\.\.\)\)"),
        (None, "got None"),
        (asyncio.sleep, "not the function 'sleep'"),
        ("value", "got 'value'"),
    ],
    ids=["function", "None", "asyncio's function", "string"],
)
def test_what_is_not_a_coroutine_is_refused(run, block, given, says):
    """The error names the parameter and shows the right call."""

    async def main():
        async with block() as tasks:
            with pytest.raises(TypeError, match=rf"create_task\(\): coro\b.*{says}"):
                tasks.create_task(given)

    run(main)


def test_a_coroutine_used_twice_fails_in_its_task(run):
    """The second task of one coroutine says so by an exception; the first is unharmed."""

    async def main():
        coro = value(1)
        first = create_task(coro)
        assert await first == 1
        second = create_task(coro)
        with pytest.raises(RuntimeError, match="has begun or ended already"):
            await second

    run(main)


@BLOCKS
def test_blocks_nest(run, block):
    """An inner block ends before the outer one goes on."""

    async def main():
        async with block() as outer:
            slow = outer.create_task(value("slow", 5))
            async with block() as inner:
                quick = inner.create_task(value("quick", 1))
            assert quick.done()
            assert not slow.done()
        assert slow.done()

    run(main)


@BLOCKS
def test_task_failures_give_way_to_nothing(run, block):
    """Failures come out of a block that is cancelled from further out, too."""

    async def main():
        with pytest.raises(ExceptionGroup) as caught, anyio.move_on_after(1):
            async with block() as tasks:

                async def breaks():
                    try:
                        await portable.sleep(10)
                    finally:
                        raise ValueError("cleanup")

                tasks.create_task(breaks())
        assert messages(caught.value) == ["cleanup"]

    run(main)


@BLOCKS
@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_d9_an_exit_asked_for_by_a_task_ends_the_run(run, block, kind):
    """D9: KeyboardInterrupt and SystemExit of a task end the program at once, bare."""

    async def main():
        async with block() as tasks:
            tasks.create_task(failure(kind("now"), 1))
            await portable.sleep(10)

    with pytest.raises(kind, match="now"):
        run(main)
    gc.collect()


# -- Supervisor ---------------------------------------------------------------------------


def test_a_failure_disturbs_nobody(run):
    """In a Supervisor one task's failure leaves the siblings and the body alone."""

    async def main():
        async with Supervisor() as tasks:
            bad = tasks.create_task(failure(ValueError("bad"), 1))
            good = tasks.create_task(value("good", 5))
            await portable.sleep(3)
            with pytest.raises(ValueError, match="bad"):
                await bad
        assert good.result() == "good"

    run(main)


@pytest.mark.parametrize("how", ["await", "result", "exception"])
def test_a_retrieved_failure_is_not_raised_again(run, how):
    """Whoever has seen a failure has dealt with it."""

    async def main():
        async with Supervisor() as tasks:
            task = tasks.create_task(failure(ValueError("seen")))
            await portable.sleep(1)
            if how == "exception":
                assert str(task.exception()) == "seen"
            else:
                with pytest.raises(ValueError, match="seen"):
                    task.result() if how == "result" else await task

    run(main)


def test_d6_failures_nobody_retrieved_are_raised_together(run):
    """D6: at its end the block raises them in the order in which they happened."""

    async def main():
        async with Supervisor() as tasks:
            tasks.create_task(failure(ValueError("second"), 2))
            tasks.create_task(failure(KeyError("first"), 1))
            tasks.create_task(value("fine", 3))

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    group = caught.value
    assert group.message == "unretrieved failures in a Supervisor"
    assert list(map(type, group.exceptions)) == [KeyError, ValueError]


def test_the_bodys_error_alone_is_raised_as_it_is(run):
    """Where it is the only one, the body's exception is not wrapped in a group."""

    async def main():
        async with Supervisor() as tasks:
            tasks.create_task(value(1, 10))
            await portable.sleep(1)
            raise LookupError("body")

    with pytest.raises(LookupError, match="body"):
        run(main)


def test_the_bodys_error_joins_unretrieved_failures(run):
    """Nothing is lost when the body and a task have failed."""

    async def main():
        async with Supervisor() as tasks:
            tasks.create_task(failure(ValueError("task")))
            await portable.sleep(1)
            raise LookupError("body")

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert messages(caught.value) == ["body", "task"]


def test_a_group_raised_by_the_body_stays_as_it_is(run):
    """The body's own ExceptionGroup is not taken apart."""
    error = ExceptionGroup("mine", [ValueError(1), KeyError(2)])

    async def main():
        async with Supervisor():
            raise error

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert caught.value is error


def test_supervisor_cancel_cancels_the_tasks_and_not_the_body(run):
    """cancel(msg) reaches every task of the block; the body goes on and may await them."""

    async def main():
        async with Supervisor() as tasks:
            jobs = [tasks.create_task(value(n, 10)) for n in range(3)]
            await portable.sleep(1)
            jobs.append(tasks.create_task(value("not begun", 10)))
            tasks.cancel("enough")
            for job in jobs:
                with pytest.raises(TaskCancelled, match="^enough$"):
                    await job
            after = tasks.create_task(value("after", 1))
        assert after.result() == "after"
        assert portable.current_time() == 2

    run(main)


# -- TaskGroup ----------------------------------------------------------------------------


def test_the_first_failure_ends_the_group(run):
    """The body and the siblings are cancelled, and the failures raised together."""

    async def main():
        seen = []

        async def sibling():
            try:
                await portable.sleep(10)
            finally:
                seen.append("sibling ended")

        with pytest.raises(ExceptionGroup) as caught:
            async with TaskGroup() as group:
                task = group.create_task(sibling())
                group.create_task(failure(ValueError("bad"), 1))
                try:
                    await portable.sleep(10)
                except CancelledError:
                    seen.append("body cancelled")
                    raise
        assert caught.value.message == "unhandled errors in a TaskGroup"
        assert messages(caught.value) == ["bad"]
        assert sorted(seen) == ["body cancelled", "sibling ended"]
        assert task.cancelled()
        assert portable.current_time() == 1

    run(main)


def test_two_failures_are_both_raised(run):
    """A sibling that fails while it is being cancelled adds its failure."""

    async def main():
        async def breaks():
            try:
                await portable.sleep(10)
            finally:
                raise KeyError("second")

        async with TaskGroup() as group:
            group.create_task(breaks())
            group.create_task(failure(ValueError("first"), 1))

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert messages(caught.value) == ["first", "'second'"]


def test_the_body_counts_as_one_of_the_tasks(run):
    """The body's exception is in the group, also where it is the only one."""

    async def main():
        async with TaskGroup() as group:
            group.create_task(value(1, 10))
            await portable.sleep(1)
            raise LookupError("body")

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert messages(caught.value) == ["body"]


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_an_exit_asked_for_by_the_body_goes_alone(run, kind):
    """The body's KeyboardInterrupt or SystemExit is no failure: it is raised bare."""

    async def main():
        async with TaskGroup() as group:
            group.create_task(failure(ValueError("task"), 1))
            try:
                await portable.sleep(10)
            finally:
                raise kind("body")

    with pytest.raises(kind, match="body") as caught:
        run(main)
    assert messages(caught.value.__cause__) == ["task"]


def test_an_awaited_failure_is_raised_once(run):
    """Awaiting the failing task in the body adds nothing to the group."""

    async def main():
        async with TaskGroup() as group:
            await group.create_task(failure(ValueError("once"), 1))

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert messages(caught.value) == ["once"]


def test_group_cancel_ends_the_block_quietly(run):
    """TaskGroup.cancel() ends body and tasks; none of it is a failure."""

    async def main():
        async with TaskGroup() as group:
            begun = group.create_task(value(1, 10))
            await portable.sleep(1)
            unbegun = group.create_task(value(1, 10))
            group.cancel("enough")
            await portable.sleep(10)
            raise AssertionError("the body went on")
        assert portable.current_time() == 1
        for task in (begun, unbegun):
            with pytest.raises(TaskCancelled, match="^enough$"):
                task.result()
        group.cancel("nothing left to cancel")

    run(main)


def test_a_group_that_is_shutting_down_takes_no_task(run):
    """After the first failure create_task() is refused and closes the coroutine."""
    refused = []

    async def main():
        async def late():
            try:
                await portable.sleep(10)
            finally:
                coro = value(1)
                try:
                    group.create_task(coro)
                except RuntimeError as error:
                    refused.append((str(error), coro.cr_frame))

        async with TaskGroup() as group:
            group.create_task(late())
            group.create_task(failure(ValueError(), 1))

    with pytest.raises(ExceptionGroup):
        run(main)
    assert refused == [
        ("create_task(): this TaskGroup is shutting down; no task can be added", None)
    ]


# -- create_task --------------------------------------------------------------------------


def test_create_task_without_a_run_is_refused(anyio_backend_name, anyio_backend_options):
    """Outside of portable.run() the error says what to do, and the coroutine is closed."""

    async def main():
        coro = value(1)
        with pytest.raises(RuntimeError, match=r"portable\.run\(main\).*Supervisor"):
            create_task(coro)
        assert coro.cr_frame is None

    anyio.run(main, backend=anyio_backend_name, backend_options=anyio_backend_options)


def test_create_task_without_an_event_loop_is_refused():
    """The same with no event loop at all."""
    coro = value(1)
    with pytest.raises(RuntimeError, match=r"portable\.run\(main\)"):
        create_task(coro)
    assert coro.cr_frame is None


def test_create_task_in_a_worker_thread_is_refused(run):
    """A thread that a run has started is not inside the run."""

    async def main():
        coro = value(1)
        with pytest.raises(RuntimeError, match="in this thread"):
            await anyio.to_thread.run_sync(create_task, coro)
        assert coro.cr_frame is None

    run(main)


def test_create_task_in_a_task_of_anyios(run):
    """create_task() works anywhere under run(), foreign task groups included."""

    async def main():
        tasks = []

        async def foreign():
            tasks.append(create_task(value("made", 5)))

        async with anyio.create_task_group() as group:
            group.start_soon(foreign)
        assert not tasks[0].done()  # it belongs to the run, not to the group
        assert await tasks[0] == "made"

    run(main)
