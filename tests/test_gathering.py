"""`gather()` and `race()`: each point of their contract, on every backend."""

import contextvars
import gc
import traceback
import types

import anyio
import pytest

import portable
from portable import CancelledError, Supervisor, TaskCancelled, create_task, gather, race


async def value(result, delay=0.0):
    await portable.sleep(delay)
    return result


async def failure(error, delay=0.0):
    await portable.sleep(delay)
    raise error


async def cleaning(seconds, seen, error=None):
    """Wait to be cancelled, clean up for some time, and perhaps fail in that."""
    try:
        await portable.sleep(1000)
    finally:
        with anyio.CancelScope(shield=True):
            await portable.sleep(seconds)
        seen.append(portable.current_time())
        if error is not None:
            raise error


async def never(seen=None):
    seen.append("ran")


def both(function):
    """Run a test for `gather` and for `race`, which share how they end what they run."""
    return pytest.mark.parametrize("helper", [gather, race])(function)


# -- gather: results --------------------------------------------------------------------


def test_gather_gives_the_results_in_the_order_of_the_arguments(run):
    """The order is that of the arguments, whoever ends first; all run at once."""

    async def main():
        results = await gather(value("a", 3), value("b", 1), value("c", 2))
        return results, portable.current_time()

    assert run(main) == (["a", "b", "c"], 3)


def test_gather_of_nothing_is_an_empty_list(run):
    """There is nothing to wait for, and the result is a list all the same."""

    async def main():
        return await gather()

    assert run(main) == []


def test_gather_takes_tasks_and_other_awaitables(run):
    """Whatever can be awaited can be gathered: coroutines, tasks, objects with `__await__`."""

    class Ready:
        def __await__(self):
            return value("object", 1).__await__()

    async def main():
        task = create_task(value("task", 2))
        done = create_task(value("done"))
        await done
        return await gather(task, Ready(), value("coroutine"), done)

    assert run(main) == ["task", "object", "coroutine", "done"]


@both
def test_a_coroutine_made_of_a_generator(run, helper):
    """What `types.coroutine` makes can be awaited, and is taken like all that can be."""

    @types.coroutine
    def made():
        yield from portable.sleep(1).__await__()
        return "made"

    async def main():
        assert await helper(made()) in ("made", ["made"])
        assert await portable.wait_for(made(), 5) == "made"
        assert await portable.shield(made()) == "made"

    run(main)


def test_gather_runs_the_same_awaitable_once(run):
    """The same coroutine, or task, given twice is run once; its result comes twice."""

    async def main():
        seen = []

        async def job():
            seen.append("ran")
            return object()

        coro = job()
        task = create_task(value("task", 1))
        first, second, third, fourth = await gather(coro, task, coro, task)
        assert first is third
        assert (second, fourth) == ("task", "task")
        assert seen == ["ran"]

    run(main)


def test_gather_needs_no_ambient_supervisor(backend):
    """Its children are its own, so it works in any program on AnyIO."""
    from portable._backends import get_backend

    chosen = get_backend(backend)

    async def main():
        return await gather(value(1), value(2))

    options = dict(chosen.anyio_options)
    assert anyio.run(main, backend=chosen.anyio_backend, backend_options=options) == [1, 2]


def test_gather_can_be_a_task_and_nested(run):
    """A gather is a coroutine: it can be made a task, limited in time, or gathered itself."""

    async def main():
        task = create_task(gather(value(1, 1), gather(value(2, 2), value(3, 1))))
        return await portable.wait_for(task, 5)

    assert run(main) == [1, [2, 3]]


def test_run_takes_a_gather(backend):
    """A gather can be the main coroutine."""
    assert portable.run(gather(value(1), value(2)), backend=backend) == [1, 2]


def test_children_run_in_a_copy_of_the_callers_context(run):
    """A child sees the caller's context variables and keeps its own changes to itself."""
    variable = contextvars.ContextVar("variable", default="unset")

    async def child(name):
        before = variable.get()
        variable.set(name)
        await portable.sleep(1)
        return before, variable.get()

    async def main():
        variable.set("caller")
        results = await gather(child("a"), child("b"))
        return results, variable.get()

    assert run(main) == ([("caller", "a"), ("caller", "b")], "caller")


def test_a_child_is_the_current_task(run):
    """Each child is a task of its own to the code that runs in it."""

    async def child():
        await portable.sleep(0)
        return portable.current_task()

    async def main():
        first, second = await gather(child(), child())
        assert first is not second
        assert first is not portable.current_task()
        assert first.done()

    run(main)


# -- gather: failures -------------------------------------------------------------------


def test_gather_raises_the_first_failure_as_it_is(run):
    """The very exception comes out, not in a group, when the other children have ended (D5)."""

    async def main():
        seen = []
        error = ValueError("first")
        with pytest.raises(ValueError, match="first") as caught:
            await gather(cleaning(5, seen), failure(error, 1), value("x", 2))
        assert caught.value is error
        assert seen == [6]
        assert portable.current_time() == 6

    run(main)


def test_a_failure_stops_children_that_have_not_begun(run):
    """A task that has failed already: the coroutines beside it end, and are closed."""

    async def main():
        seen = []
        task = create_task(failure(ValueError("before")))
        await portable.sleep(1)
        with pytest.raises(ValueError, match="before"):
            await gather(task, never(seen))
        gc.collect()
        assert seen == []

    run(main)


def test_errors_of_other_children_are_reachable_from_the_raised_one(run):
    """What else went wrong stands, in one group, in the history of the exception raised."""

    async def main():
        earlier = KeyError("earlier")
        first = ValueError("first")
        first.__context__ = earlier
        late = OSError("in clean-up")
        with pytest.raises(ValueError) as caught:
            await gather(failure(first, 1), cleaning(1, [], late))
        group = caught.value.__context__
        assert isinstance(group, ExceptionGroup)
        assert group.message == "other errors in gather()"
        assert group.exceptions == (late,)
        assert group.__context__ is earlier
        assert "in clean-up" in "".join(traceback.format_exception(caught.value))

    run(main)


def test_the_same_error_raised_twice_is_not_its_own_history(run):
    """Children that raise one exception object between them leave no circle in its history."""

    async def main():
        error = ValueError()
        with pytest.raises(ValueError) as caught:
            await gather(failure(error), failure(error))
        assert caught.value.__context__ is None

    run(main)


def test_the_history_is_kept_where_an_exception_is_being_handled(run):
    """Other errors can be found also where gather is called in an `except` clause."""

    async def main():
        try:
            raise KeyError("handled")
        except KeyError:
            with pytest.raises(ValueError) as caught:
                await gather(failure(ValueError(), 1), cleaning(0, [], OSError("late")))
        assert str(caught.value.__context__.exceptions[0]) == "late"

    run(main)


def test_a_failure_leaves_given_tasks_alone(run):
    """Tasks belong to another block: they go on when another one fails, as in asyncio."""

    async def main():
        task = create_task(value("went on", 5))
        with pytest.raises(ValueError):
            await gather(task, failure(ValueError(), 1))
        assert portable.current_time() == 1
        assert not task.done()
        return await task

    assert run(main) == "went on"


def test_the_failure_of_a_given_task_is_raised_and_retrieved(run):
    """A task that fails gives its own exception, and counts as seen."""

    async def main():
        error = ValueError()
        async with Supervisor() as tasks:
            task = tasks.create_task(failure(error, 1))
            with pytest.raises(ValueError) as caught:
                await gather(value(1, 9), task)
            assert caught.value is error
            assert portable.current_time() == 1

    run(main)


def test_a_late_failure_of_a_given_task_is_left_to_its_owner(run):
    """A task that fails after another has: its owner raises it, so it is not lost (D6)."""

    async def main():
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="late")):
            async with Supervisor() as tasks:
                early = tasks.create_task(failure(ValueError(), 1))
                late = tasks.create_task(failure(OSError("late"), 2))
                with pytest.raises(ValueError):
                    await gather(early, late)
                assert not late.done()

    run(main)


def test_a_cancelled_child_is_a_first_failure(run):
    """A child that is cancelled by itself ends the gather with TaskCancelled (D4)."""

    async def suicide():
        portable.current_task().cancel("enough")
        await portable.sleep(1)

    async def main():
        seen = []
        with pytest.raises(TaskCancelled, match="^enough$"):
            await gather(cleaning(1, seen), suicide())
        assert seen == [1]
        task = create_task(portable.sleep(100))
        await portable.sleep(0)
        task.cancel("given")
        with pytest.raises(TaskCancelled, match="^given$"):
            await gather(value(1, 50), task)
        assert portable.current_time() == 1

    run(main)


def test_the_traceback_starts_where_the_child_raised(run):
    """The traceback shows the caller, then the child's own line."""

    async def main():
        try:
            await gather(failure(ValueError()))
        except ValueError as error:
            names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        assert names[0] == "main"
        assert names[-1] == "failure"

    run(main)


def test_a_failure_keeps_nothing_alive(run):
    """The raised exception is not part of a reference cycle."""

    async def main():
        class Canary(Exception):
            pass

        async def failing():
            await portable.sleep(1)
            raise Canary

        gc.collect()
        gc.disable()
        try:
            try:
                await gather(failing(), value(1, 2))
            except Canary:
                pass
            await portable.sleep(1)
            return [each for each in gc.get_objects() if isinstance(each, Canary)]
        finally:
            gc.enable()

    assert run(main) == []


# -- gather: return_exceptions ----------------------------------------------------------


def test_return_exceptions_puts_them_in_the_list(run):
    """Exceptions and cancellations are results like others, and count as seen."""

    async def main():
        error, other = ValueError("v"), OSError("o")
        cancelled = create_task(value(1, 9))
        cancelled.cancel("why")
        failed = create_task(failure(other, 1))
        results = await gather(
            value("fine", 3), failure(error, 1), cancelled, failed, return_exceptions=True
        )
        assert results[:2] == ["fine", error]
        assert isinstance(results[2], TaskCancelled)
        assert results[2].message == "why"
        assert results[3] is other
        assert portable.current_time() == 3

    run(main)


def test_return_exceptions_does_not_swallow_the_callers_cancellation(run):
    """Who is cancelled while it gathers is cancelled, with its children."""

    async def main():
        seen = []

        async def caller():
            await gather(cleaning(2, seen), return_exceptions=True)
            seen.append("went on")

        task = create_task(caller())
        await portable.sleep(1)
        task.cancel("stop")
        with pytest.raises(TaskCancelled, match="^stop$"):
            await task
        assert seen == [3]

    run(main)


def test_errors_that_were_to_be_results_are_kept_when_the_caller_is_cancelled(run):
    """The results are gone then; errors among them stand in the cancellation's history."""

    async def main():
        kept = []

        async def caller():
            try:
                await gather(
                    failure(ValueError("lost?"), 0), value(1, 9), return_exceptions=True
                )
            except CancelledError as error:
                kept.append(error.__context__)
                raise

        task = create_task(caller())
        await portable.sleep(1)
        task.cancel()
        with pytest.raises(TaskCancelled):
            await task
        assert [str(error) for error in kept[0].exceptions] == ["lost?"]

    run(main)


# -- both: the caller is cancelled ------------------------------------------------------


@both
def test_cancelling_the_caller_ends_all_of_them(run, helper):
    """Coroutines and tasks are cancelled, with the message, and their end is awaited."""

    async def main():
        seen = []
        given = create_task(cleaning(3, seen))
        caller = create_task(helper(cleaning(2, seen), given))
        await portable.sleep(1)
        caller.cancel("stop")
        with pytest.raises(TaskCancelled, match="^stop$"):
            await caller
        assert seen == [3, 4]
        assert given.cancelled()
        with pytest.raises(TaskCancelled, match="^stop$"):
            given.result()

    run(main)


@both
def test_the_message_goes_down_to_what_the_children_await(run, helper):
    """A child that awaits a task hands the caller's message on to it."""

    async def waiting(task):
        return await task

    async def main():
        inner = create_task(portable.sleep(100))
        caller = create_task(helper(waiting(inner)))
        await portable.sleep(1)
        caller.cancel("deep")
        with pytest.raises(TaskCancelled, match="^deep$"):
            await caller
        with pytest.raises(TaskCancelled, match="^deep$"):
            await inner

    run(main)


@both
@pytest.mark.parametrize("steps", range(12))
def test_cancelled_at_each_step_nothing_is_left(run, helper, steps):
    """Whenever the caller is cancelled, each child that began ends, and nothing is left."""

    async def main():
        begun, ended = [], []

        async def child(number):
            begun.append(number)
            try:
                for _ in range(3):
                    await anyio.lowlevel.checkpoint()
                await portable.sleep(1)
            finally:
                ended.append(number)

        given = create_task(child("given"))
        caller = create_task(helper(child(1), given, child(2)))
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        caller.cancel()
        with pytest.raises(TaskCancelled):
            await caller
        if steps > 8:
            assert given.done()
            assert len(begun) == 3
        given.cancel()
        with pytest.raises(TaskCancelled):
            await given
        assert sorted(map(str, begun)) == sorted(map(str, ended))
        gc.collect()

    run(main)


@both
def test_children_that_have_not_begun_never_do(run, helper):
    """Cancelled in the instant it began, a call runs none of its children's bodies (01)."""

    async def main():
        seen = []

        async def caller():
            callers.append(portable.current_task())
            children = [never(seen), never(seen)]
            callers[0].cancel()
            await helper(*children)

        callers = []
        task = create_task(caller())
        with pytest.raises(TaskCancelled):
            await task
        gc.collect()
        assert seen == []

    run(main)


@both
def test_a_call_that_never_begins_closes_what_it_was_given(run, helper):
    """Limited to no time, or cancelled before its first step, it warns of nothing."""

    async def main():
        seen = []
        with pytest.raises(TimeoutError):
            await portable.wait_for(helper(never(seen), helper(never(seen))), 0)
        task = create_task(helper(never(seen)))
        task.cancel()
        with pytest.raises(TaskCancelled):
            await task
        helper(never(seen)).close()
        gc.collect()
        assert seen == []

    run(main)


@both
def test_a_child_that_fails_while_it_is_cancelled_is_what_one_gets(run, helper):
    """A failure in clean-up takes the place of the cancellation, as in asyncio."""

    async def main():
        for job in (
            cleaning(1, [], OSError("dirty")),
            create_task(cleaning(1, [], OSError("dirty"))),
        ):
            caller = create_task(helper(job))
            await portable.sleep(1)
            caller.cancel()
            with pytest.raises(OSError, match="dirty"):
                await caller

    run(main)


async def stubborn():
    with anyio.CancelScope(shield=True):
        await portable.sleep(5)
    return "done"


@pytest.mark.parametrize("return_exceptions", [False, True])
@pytest.mark.parametrize("given", [False, True], ids=["coroutines", "tasks"])
def test_gather_is_cancelled_even_if_all_children_refuse_to_be(run, return_exceptions, given):
    """Their end is awaited and their results are dropped, as in asyncio."""

    async def main():
        jobs = [create_task(stubborn()) if given else stubborn() for _ in range(2)]
        caller = create_task(gather(*jobs, return_exceptions=return_exceptions))
        await portable.sleep(1)
        assert caller.cancel("enough")
        with pytest.raises(TaskCancelled, match="^enough$"):
            await caller
        assert portable.current_time() == 5

    run(main)


def test_what_gather_has_ready_when_a_cancellation_comes_is_delivered(run):
    """A cancellation that finds all children ended takes no result away (D10)."""

    async def main():
        async def last():
            await portable.sleep(1)
            ended.add_done_callback(lambda _: caller.cancel())
            return "done"

        async def caller_of(task):
            results = await gather(task)
            got.append(results)

        got = []
        ended = create_task(last())
        caller = create_task(caller_of(ended))
        await portable.sleep(2)
        assert got == [["done"]]

    run(main)


def test_a_race_is_won_by_a_child_that_refuses_to_be_cancelled(run):
    """If nobody gives way the outcome is what it would have been."""

    async def main():
        got = []

        async def caller():
            got.append(await race(stubborn(), stubborn()))

        task = create_task(caller())
        await portable.sleep(1)
        assert task.cancel()
        await task
        assert got == ["done"]
        assert portable.current_time() == 5

    run(main)


@both
def test_cleaning_up_under_a_shield_may_use_it(run, helper):
    """In a cancelled task, under a shield, children run as ever (D1)."""

    async def main():
        seen = []

        async def job():
            try:
                await portable.sleep(100)
            finally:
                with anyio.CancelScope(shield=True):
                    await helper(value(1, 2), value(2, 2))
                seen.append(portable.current_time())

        task = create_task(job())
        await portable.sleep(1)
        task.cancel()
        with pytest.raises(TaskCancelled):
            await task
        assert seen == [3]

    run(main)


@both
def test_a_time_limit_ends_it(run, helper):
    """A limit around the call ends the children, then raises TimeoutError."""

    async def main():
        seen = []
        with pytest.raises(TimeoutError):
            async with portable.timeout(1):
                await helper(cleaning(2, seen), cleaning(2, seen))
        assert seen == [3, 3]

    run(main)


@both
@pytest.mark.parametrize("interrupt", [SystemExit, KeyboardInterrupt])
def test_an_interrupt_of_a_child_ends_the_run(run, helper, interrupt):
    """KeyboardInterrupt and SystemExit come out alone, also where exceptions are results."""

    async def main():
        await helper(failure(interrupt(7), 1), cleaning(0, []))

    async def collecting():
        await gather(failure(interrupt(7), 1), portable.sleep(5), return_exceptions=True)

    for program in (main, collecting):
        with pytest.raises(interrupt, match="7"):
            run(program)


@both
def test_an_error_in_a_done_callback_is_raised(run, helper):
    """A callback that a child adds to itself and that fails is not lost."""

    def callback(task):
        raise OSError("callback")

    async def child():
        portable.current_task().add_done_callback(callback)

    async def main():
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="callback")):
            await helper(child())

    run(main)


# -- race -------------------------------------------------------------------------------


def test_race_gives_the_first_result_and_ends_the_others(run):
    """The others, tasks too, have ended when the result is there."""

    async def main():
        seen = []
        given = create_task(cleaning(3, seen))
        result = await race(cleaning(2, seen), value("first", 1), given)
        assert seen == [3, 4]
        assert given.cancelled()
        return result

    assert run(main) == "first"


def test_race_raises_when_the_first_to_end_fails(run):
    """A failure that comes first is the outcome, as it is."""

    async def main():
        error = ValueError("first")
        with pytest.raises(ValueError) as caught:
            await race(value(1, 5), failure(error, 1))
        assert caught.value is error
        assert portable.current_time() == 1

    run(main)


def test_race_with_a_task_that_is_done(run):
    """What has ended already wins, and coroutines beside it never begin."""

    async def main():
        seen = []
        done = create_task(value("done"))
        await done
        assert await race(never(seen), done) == "done"
        gc.collect()
        assert seen == []

    run(main)


def test_race_does_not_lose_the_error_of_a_loser(run):
    """A child that fails while it is cleaned up: the group of such errors is raised (D6)."""

    async def main():
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="dirty")) as caught:
            await race(value("first", 1), cleaning(1, [], OSError("dirty")))
        assert caught.value.message == "errors in race() beside its result"
        with pytest.raises(ValueError) as caught:
            await race(failure(ValueError(), 1), cleaning(1, [], OSError("dirty")))
        assert str(caught.value.__context__.exceptions[0]) == "dirty"

    run(main)


def test_race_leaves_the_error_of_a_losing_task_to_its_owner(run):
    """A task that fails while it is cleaned up is raised by the block it belongs to."""

    async def main():
        with pytest.RaisesGroup(pytest.RaisesExc(OSError, match="dirty")):
            async with Supervisor() as tasks:
                loser = tasks.create_task(cleaning(1, [], OSError("dirty")))
                assert await race(value("first", 1), loser) == "first"
                assert loser.done()

    run(main)


def test_race_of_nothing_is_refused(run):
    """There is no first to end among none."""

    async def main():
        with pytest.raises(ValueError, match=r"race\(\): aws: nothing was given"):
            await race()

    run(main)


# -- bad input --------------------------------------------------------------------------


@both
def test_what_cannot_be_awaited_is_refused(run, helper):
    """A function, or a thing, in place of a coroutine: the error shows the right call."""
    name = helper.__name__

    async def main():
        seen = []
        with pytest.raises(
            TypeError, match=rf"{name}\(\): aws .*call it: {name}\(never\(\.\.\.\)\)"
        ):
            await helper(never(seen), never)
        with pytest.raises(TypeError, match=rf"{name}\(\): aws must be awaitable, got 5"):
            helper(never(seen), 5)  # at the call, as in asyncio
        with pytest.raises(TypeError, match=rf"{name}\(\): aws must be awaitable, got a list"):
            await helper([never])
        gc.collect()
        assert seen == []

    run(main)


@both
def test_a_coroutine_that_was_used_is_refused(run, helper):
    """A coroutine that has begun or ended cannot run again; the new ones are closed."""

    async def main():
        seen = []
        used = value(1)
        await used
        with pytest.raises(RuntimeError, match=r"aws: the coroutine of 'value' has begun"):
            await helper(never(seen), used)
        running = value(2, 3)
        task = create_task(running)
        await portable.sleep(1)
        with pytest.raises(RuntimeError, match="it runs once: write"):
            await helper(running, never(seen))
        gc.collect()
        assert await task == 2
        assert seen == []

    run(main)


@both
def test_a_task_of_another_run_is_refused(run, helper):
    """A task can only be awaited in its own run, ended or not."""
    tasks = []

    async def first():
        tasks.append(create_task(value(1)))
        await tasks[0]

    async def main():
        seen = []
        with pytest.raises(ValueError, match=r"aws: <.*belongs to another run"):
            await helper(never(seen), tasks[0])
        gc.collect()
        assert seen == []

    run(first)
    run(main)


@both
def test_no_event_loop_is_an_error_that_says_what_to_do(helper):
    """Driven by hand, outside of any run, it says to use run() and closes what it was given."""
    coro = helper(value(1))
    with pytest.raises(RuntimeError, match=r"no event loop running.*portable\.run\(main\)"):
        coro.send(None)
    gc.collect()
