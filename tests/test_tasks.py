"""`Task`: each point of its contract, on every backend."""

import asyncio
import contextvars
import gc
import sys

import anyio
import pytest

import portable
from portable import CancelledError, InvalidStateError, Supervisor, TaskCancelled, create_task


async def value(result, delay=0.0):
    await portable.sleep(delay)
    return result


async def failure(error, delay=0.0):
    await portable.sleep(delay)
    raise error


async def settled(task):
    """Wait for a task's end, whatever it is, without retrieving anything."""
    while not task.done():
        await portable.sleep(0.5)


# -- result and completion --------------------------------------------------------------


def test_await_gives_the_result(run):
    """Awaiting a task gives what its coroutine returned, as often as one asks."""

    async def main():
        task = create_task(value("page", 3))
        assert await task == "page"
        assert await task == task.result() == "page"
        assert portable.current_time() == 3

    run(main)


def test_the_task_begins_at_the_first_await_of_its_creator(run):
    """Creating a task runs nothing of it yet."""

    async def main():
        seen = []

        async def job():
            seen.append("begun")

        task = create_task(job())
        assert seen == []
        await task
        assert seen == ["begun"]

    run(main)


def test_pending_has_no_result(run):
    """Asking a pending task is an InvalidStateError, in asyncio's words."""

    async def main():
        task = create_task(value(1, 3))
        assert not task.done()
        with pytest.raises(InvalidStateError, match=r"^Result is not set\.$"):
            task.result()
        with pytest.raises(asyncio.InvalidStateError, match=r"^Exception is not set\.$"):
            task.exception()
        await task

    run(main)


def test_done_is_true_only_after_the_tasks_own_cleanup(run):
    """A task that is cleaning up is not done."""

    async def main():
        seen = []

        async def job():
            try:
                await portable.sleep(10)
            finally:
                with anyio.CancelScope(shield=True):
                    await portable.sleep(5)
                seen.append(task.done())

        task = create_task(job())
        await portable.sleep(1)
        task.cancel()
        await portable.sleep(1)
        assert not task.done()
        await portable.sleep(10)
        assert task.cancelled()
        assert seen == [False]

    run(main)


def test_await_raises_the_very_exception(run):
    """Awaiting a failed task raises the original exception, and the awaiting side goes on."""

    async def main():
        error = ValueError("no")
        task = create_task(failure(error))
        with pytest.raises(ValueError, match="no") as caught:
            await task
        assert caught.value is error
        assert task.exception() is error
        await portable.sleep(1)

    run(main)


def test_retrieving_a_failure_often_does_not_grow_its_traceback(run):
    """Each retrieval starts from the traceback that the task left."""

    async def main():
        task = create_task(failure(ValueError()))
        lengths = []
        for _ in range(3):
            with pytest.raises(ValueError) as caught:
                await task
            lengths.append(len(caught.traceback))
        assert len(set(lengths)) == 1

    run(main)


def test_awaiting_a_done_task_does_not_yield(run):
    """As in asyncio, what is ready is given at once: nothing else runs in between."""

    async def main():
        task = create_task(value(1))
        await task
        seen = []

        async def other():
            seen.append("other")

        later = create_task(other())
        await task
        assert seen == []
        await later

    run(main)


def test_a_task_cannot_await_itself(run):
    """A task that awaits itself gets a RuntimeError instead of a deadlock."""

    async def main():
        async def job():
            await task

        task = create_task(job())
        with pytest.raises(RuntimeError, match="cannot await on itself"):
            await task

    run(main)


# -- cancelling ---------------------------------------------------------------------------


def test_cancel_tells_the_message_to_whoever_awaits(run):
    """The message of cancel() is the text of the exception, and its attribute."""

    async def main():
        task = create_task(value(1, 10))
        await portable.sleep(1)
        assert task.cancel("Took too long") is True
        with pytest.raises(TaskCancelled) as caught:
            await task
        assert str(caught.value) == caught.value.message == "Took too long"
        assert isinstance(caught.value, anyio.TaskCancelled)
        assert portable.current_time() == 1
        for ask in (task.result, task.exception):
            with pytest.raises(TaskCancelled, match="^Took too long$"):
                ask()

    run(main)


def test_cancel_without_a_message(run):
    """Without a message the exception has none."""

    async def main():
        task = create_task(value(1, 10))
        await portable.sleep(1)
        task.cancel()
        with pytest.raises(TaskCancelled) as caught:
            await task
        assert caught.value.message is None
        assert str(caught.value) == ""

    run(main)


def test_cancel_before_the_first_step_runs_nothing(run):
    """A task that is cancelled before it begins never runs, and its coroutine is closed."""

    async def main():
        async def job():
            raise AssertionError("the body ran")

        coro = job()
        task = create_task(coro)
        assert task.cancel("first")
        assert task.cancel("last")
        with pytest.raises(TaskCancelled, match="^last$"):
            await task
        assert coro.cr_frame is None
        assert task.cancelled()

    run(main)


def test_the_first_message_that_reaches_the_task_counts(run):
    """Once the task has begun, a second cancel() does not change the message."""

    async def main():
        task = create_task(value(1, 10))
        await portable.sleep(1)
        assert task.cancel("first")
        assert task.cancel("second")
        with pytest.raises(TaskCancelled, match="^first$"):
            await task

    run(main)


def test_cancel_of_a_done_task_says_false(run):
    """cancel() is False when there is nothing left to cancel, and changes nothing."""

    async def main():
        task = create_task(value(1))
        await task
        assert task.cancel("too late") is False
        assert task.result() == 1
        assert not task.cancelled()

    run(main)


def test_a_task_may_refuse_its_cancellation(run):
    """A task that catches the cancellation and returns has finished, not been cancelled."""

    async def main():
        async def stubborn():
            try:
                await portable.sleep(10)
            except CancelledError:
                return "refused"

        task = create_task(stubborn())
        await portable.sleep(1)
        assert task.cancel() is True
        with pytest.raises(InvalidStateError):
            task.exception()
        assert await task == "refused"
        assert task.cancel() is False
        assert not task.cancelled()
        assert task.exception() is None

    run(main)


def test_d1_a_cancelled_task_is_cancelled_at_every_later_await(run):
    """D1: catching the cancellation does not end it; a shielded scope lets clean-up await."""

    async def main():
        seen = []

        async def job():
            for _ in range(3):
                try:
                    await portable.sleep(1)
                except CancelledError:
                    seen.append("cancelled")
            with anyio.CancelScope(shield=True):
                await portable.sleep(1)
            return seen

        task = create_task(job())
        await portable.sleep(0.5)
        task.cancel()
        assert await task == ["cancelled"] * 3

    run(main)


def test_d3_inside_the_task_the_cancellation_is_the_backends_own(run):
    """D3: a task sees the backend's class, which CancelledError catches on each of them."""

    async def main():
        async def job():
            try:
                await portable.sleep(10)
            except CancelledError as error:
                return type(error)

        task = create_task(job())
        await portable.sleep(1)
        task.cancel()
        assert await task is anyio.get_cancelled_exc_class()

    run(main)


def test_a_failure_while_cleaning_up_is_a_failure(run):
    """A task that answers its cancellation with an error of its own has failed."""

    async def main():
        async def job():
            try:
                await portable.sleep(10)
            finally:
                raise LookupError("cleaning up")

        task = create_task(job())
        await portable.sleep(1)
        task.cancel()
        with pytest.raises(LookupError, match="cleaning up"):
            await task
        assert not task.cancelled()

    run(main)


def test_cancelling_the_waiter_cancels_the_task_and_waits_for_its_end(run):
    """Whoever awaits a task passes its own cancellation, message and all, on to the task."""

    async def main():
        seen = []

        async def job():
            try:
                await portable.sleep(10)
            finally:
                with anyio.CancelScope(shield=True):
                    await portable.sleep(2)
                seen.append(("job ended", portable.current_time()))

        async def waiter():
            try:
                await inner
            finally:
                seen.append(("waiter left", portable.current_time()))

        inner = create_task(job())
        outer = create_task(waiter())
        await portable.sleep(1)
        outer.cancel("why")
        with pytest.raises(TaskCancelled, match="^why$"):
            await outer
        with pytest.raises(TaskCancelled, match="^why$"):
            await inner
        assert seen == [("job ended", 3), ("waiter left", 3)]

    run(main)


def test_a_waiter_gets_what_a_refusing_task_ends_with(run):
    """As in asyncio, a waiter that is cancelled still gets the task's result or error."""

    async def main():
        async def refusing(outcome):
            try:
                await portable.sleep(10)
            except CancelledError:
                pass
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        async def waiter(task):
            return await task

        for outcome in ("kept", ValueError("broken")):
            outer = create_task(waiter(create_task(refusing(outcome))))
            await portable.sleep(1)
            outer.cancel()
            if isinstance(outcome, Exception):
                with pytest.raises(ValueError, match="broken"):
                    await outer
            else:
                assert await outer == "kept"

    run(main)


def test_a_task_that_ends_with_anothers_cancellation_is_cancelled(run):
    """An uncaught TaskCancelled of an awaited task makes the awaiting task cancelled too."""

    async def main():
        async def waiter():
            await inner

        inner = create_task(value(1, 10))
        outer = create_task(waiter())
        await portable.sleep(1)
        inner.cancel("inner")
        with pytest.raises(TaskCancelled, match="^inner$"):
            await outer
        assert outer.cancelled()

    run(main)


def test_a_task_that_raises_cancelled_error_itself_is_cancelled(run):
    """A hand-made asyncio.CancelledError counts as a cancellation and disturbs nobody."""

    async def main():
        async with portable.TaskGroup() as group:
            sibling = group.create_task(value("fine", 5))
            odd = group.create_task(failure(asyncio.CancelledError("by hand"), 1))
        assert odd.cancelled()
        with pytest.raises(TaskCancelled, match="^by hand$"):
            odd.result()
        assert sibling.result() == "fine"

    run(main)


def test_a_cancelled_group_of_tasks_is_a_cancellation(run):
    """Real errors are kept, cancellations dropped, where a cancelled task raises a group."""

    async def main():
        async def nested(*jobs):
            async with anyio.create_task_group() as group:
                for job in jobs:
                    group.start_soon(job)

        async def sleeper():
            await anyio.sleep(10)

        async def breaks_while_cleaning_up():
            try:
                await anyio.sleep(10)
            finally:
                raise ValueError("real")

        quiet = create_task(nested(sleeper, sleeper))
        loud = create_task(nested(sleeper, breaks_while_cleaning_up))
        await portable.sleep(1)
        quiet.cancel("stop")
        loud.cancel("stop")
        with pytest.raises(TaskCancelled, match="^stop$"):
            await quiet
        with pytest.raises(ExceptionGroup) as caught:
            await loud
        assert [repr(e) for e in caught.value.exceptions] == ["ValueError('real')"]

    run(main)


def test_d10_a_value_that_is_ready_is_delivered(run):
    """D10: when a value and a cancellation come in one tick, the value is not lost."""

    async def main():
        gate = anyio.Event()

        async def giver():
            await gate.wait()
            outer.cancel()
            return "value"

        async def waiter():
            return await inner

        inner = create_task(giver())
        outer = create_task(waiter())
        await portable.sleep(1)
        gate.set()
        await settled(outer)
        assert inner.result() == "value"

    run(main)


def test_a_scope_around_an_await_of_a_task(run):
    """An AnyIO scope that cancels the waiter cancels the task, and only then ends."""

    async def main():
        task = create_task(value(1, 10))
        with anyio.move_on_after(2) as scope:
            await task
        assert scope.cancelled_caught
        assert task.cancelled()
        assert portable.current_time() == 2

    run(main)


# -- names, contexts, what it shows -------------------------------------------------------


def test_names(run):
    """A task has a name, its own or asyncio's pattern, and it can be changed."""

    async def main():
        default, named, number = (
            create_task(value(1)),
            create_task(value(1), name="fetch"),
            create_task(value(1), name=7),
        )
        assert default.get_name().startswith("Task-")
        assert named.get_name() == "fetch"
        assert number.get_name() == "7"
        named.set_name(8)
        assert named.get_name() == "8"
        assert repr(named).startswith("<Task pending name='8' coro=<coroutine object value")
        for task in (default, named, number):
            await task
        assert "finished" in repr(named)

    run(main)


def test_an_object_with_a_coroutines_methods(run):
    """What sends, throws and closes as a coroutine does is run as one, as by asyncio."""

    class Answer:
        def send(self, value):
            raise StopIteration(42)

        def throw(self, *error):
            raise error[0]

        def close(self):
            pass

        def __await__(self):
            return self  # which is no iterator

    async def main():
        assert await create_task(Answer()) == 42

    run(main)


def test_get_coro(run):
    """get_coro() is the coroutine that was given."""

    async def main():
        coro = value(1)
        task = create_task(coro)
        assert task.get_coro() is coro
        await task

    run(main)


var = contextvars.ContextVar("var", default="unset")


def test_a_given_context_is_entered_not_copied(run):
    """What a task sets in the context it was given is seen there afterwards."""

    async def main():
        async def job():
            seen = [var.get()]
            await portable.sleep(1)
            var.set("set by the task")
            await portable.sleep(1)
            return seen

        context = contextvars.copy_context()
        context.run(var.set, "given")
        task = create_task(job(), context=context)
        assert task.get_context() is context
        assert await task == ["given"]
        assert context[var] == "set by the task"
        assert var.get() == "unset"

    run(main)


def test_a_given_context_is_entered_for_cancellation_and_cleanup(run):
    """Clean-up runs in the given context too."""

    async def main():
        async def job():
            try:
                await portable.sleep(10)
            finally:
                var.set("cleaned up")

        context = contextvars.copy_context()
        task = create_task(job(), context=context)
        await portable.sleep(1)
        task.cancel()
        await settled(task)
        assert context[var] == "cleaned up"

    run(main)


def test_an_empty_context_is_enough(run):
    """Helpers work in a task whose context holds nothing."""

    async def main():
        async def job():
            return await create_task(value(portable.current_backend()))

        task = create_task(job(), context=contextvars.Context())
        assert await task == portable.current_backend()

    run(main)


def test_without_a_context_a_task_has_a_copy(run):
    """By default a task starts from a copy of its creator's context."""

    async def main():
        var.set("creator")

        async def job():
            before = var.get()
            var.set("task")
            return before

        task = create_task(job())
        assert await task == "creator"
        assert var.get() == "creator"
        if sys.version_info >= (3, 12):
            assert task.get_context()[var] == "task"

    run(main)


def test_get_context_before_the_first_step_is_the_one_it_runs_in(run):
    """The context that is told early is the one that the task runs in."""

    async def main():
        async def job():
            var.set("task")

        task = create_task(job())
        context = task.get_context()
        await task
        assert context[var] == "task"

    run(main)


# -- callbacks ----------------------------------------------------------------------------


def test_done_callbacks_are_called_in_order_once_the_task_is_done(run):
    """Callbacks get the done task, in the order in which they were added."""

    async def main():
        seen = []
        task = create_task(value(1, 1))
        task.add_done_callback(lambda t: seen.append(("first", t is task, t.done())))
        task.add_done_callback(lambda t: seen.append(("second", t is task, t.done())))
        await task
        assert seen == [("first", True, True), ("second", True, True)]

    run(main)


@pytest.mark.parametrize("ending", ["failed", "cancelled", "cancelled before it began"])
def test_done_callbacks_are_called_however_the_task_ends(run, ending):
    """A callback is called exactly once, whatever became of the task."""

    async def main():
        seen = []
        task = create_task(failure(ValueError(), 1))
        task.add_done_callback(seen.append)
        if ending != "cancelled before it began":
            await portable.sleep(0.5)
        if ending != "failed":
            task.cancel()
        with pytest.raises((ValueError, TaskCancelled)):
            await task
        assert seen == [task]

    run(main)


def test_a_callback_added_to_a_done_task_is_called_soon(run):
    """It is not called at once, but before the block ends."""

    async def main():
        seen = []
        async with Supervisor() as tasks:
            task = tasks.create_task(value(1))
            await task
            task.add_done_callback(seen.append)
            assert seen == []
        assert seen == [task]
        task.add_done_callback(seen.append)  # there is no block left to wait for
        assert seen == [task, task]

    run(main)


def test_removed_callbacks_are_not_called(run):
    """Removing tells how many there were."""

    async def main():
        seen = []
        task = create_task(value(1))
        task.add_done_callback(seen.append)
        task.add_done_callback(seen.append)
        task.add_done_callback(print)
        assert task.remove_done_callback(seen.append) == 2
        assert task.remove_done_callback(seen.append) == 0
        assert task.remove_done_callback(print) == 1
        await task
        assert seen == []

    run(main)


def test_a_callback_runs_in_its_context(run):
    """A callback runs in the context it was added with."""

    async def main():
        seen = []
        context = contextvars.copy_context()
        context.run(var.set, "callback's")
        task = create_task(value(1))
        task.add_done_callback(lambda _: seen.append(var.get()), context=context)
        var.set("adder's")
        task.add_done_callback(lambda _: seen.append(var.get()))
        var.set("later")
        await task
        assert seen == ["callback's", "adder's"]

    run(main)


def test_a_failing_callback_disturbs_nobody_and_is_raised_at_the_end(run):
    """D6: what a callback raises comes out of the block, after everything else has run."""
    seen = []

    async def main():
        def broken(_):
            raise LookupError("callback")

        task = create_task(value(1))
        task.add_done_callback(broken)
        task.add_done_callback(seen.append)
        assert await task == 1
        await portable.sleep(5)

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert [repr(e) for e in caught.value.exceptions] == ["LookupError('callback')"]
    assert len(seen) == 1


# -- current_task -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [GeneratorExit, BaseException, StopAsyncIteration])
def test_an_unusual_exception_is_a_failure_like_others(run, kind):
    """What a coroutine raises, whatever it is, is what one gets; siblings go on."""

    async def main():
        async with Supervisor() as tasks:
            failing = tasks.create_task(failure(kind("odd"), 1))
            good = tasks.create_task(value("good", 3))
            with pytest.raises(kind, match="odd"):
                await failing
            assert not failing.cancelled()
            assert isinstance(failing.exception(), kind)
            assert await good == "good"
        results = await portable.gather(
            failure(kind("odd"), 1), value("good", 3), return_exceptions=True
        )
        assert [str(result) for result in results] == ["odd", "good"]

    run(main)


def test_an_unusual_exception_of_a_callback_does_not_stop_the_others(run):
    """Each done callback is called; what they raise is raised at the end of the block."""

    class Stop(BaseException):
        pass

    seen = []

    def callback(task):
        seen.append(task)
        raise Stop(len(seen))

    async def main():
        async with Supervisor() as tasks:
            task = tasks.create_task(value("good", 1))
            task.add_done_callback(callback)
            task.add_done_callback(callback)
            assert await task == "good"

    with pytest.raises(BaseExceptionGroup) as caught:
        run(main)
    assert [error.args for error in caught.value.exceptions] == [(1,), (2,)]
    assert len(seen) == 2


def test_current_task(run):
    """current_task() is the task that runs, in main and in tasks, and None in others."""

    async def main():
        async def job():
            return portable.current_task()

        seen = []

        async def foreign():
            seen.append(portable.current_task())

        main_task = portable.current_task()
        task = create_task(job())
        assert await task is task
        async with anyio.create_task_group() as group:
            group.start_soon(foreign)
        assert seen == [None]
        assert portable.current_task() is main_task
        assert not main_task.done()

    run(main)


def test_current_task_without_a_loop():
    """Outside of an event loop there is no current task to tell of."""
    with pytest.raises(RuntimeError, match="no event loop"):
        portable.current_task()


# -- what is left -------------------------------------------------------------------------


def test_a_done_task_holds_nothing_but_its_outcome(run):
    """Failures leave no reference cycles: tasks and exceptions go when they are let go."""

    class Marker(Exception):
        alive = 0

        def __init__(self):
            Marker.alive += 1

        def __del__(self):
            Marker.alive -= 1

    async def main():
        async def breaks():
            raise Marker

        task = create_task(breaks())
        try:
            await task
        except Marker:
            pass
        del task
        await portable.sleep(0)

    gc.collect()
    gc.disable()
    try:
        run(main)
        assert Marker.alive == 0
    finally:
        gc.enable()


def test_a_thousand_tasks(run):
    """Many tasks are only more of the same."""

    async def main():
        tasks = [create_task(value(n, n % 7)) for n in range(1_000)]
        assert [await task for task in tasks] == list(range(1_000))
        assert portable.current_time() == 6

    run(main)
