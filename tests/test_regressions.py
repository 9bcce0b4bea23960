"""What random programs have found: each one a test of its own, beside what asyncio does.

Each test runs the same program with asyncio's names on raw asyncio, which says what is
right, and with portable's names on each backend, both under virtual time.
"""

import asyncio

import pytest

import portable
from portable.equivalence import Program, record


def on_both(backend, program):
    """Run a program with asyncio's names and with portable's; return what each has printed."""

    async def raw():
        await program(asyncio)

    async def ported():
        await program(portable)

    return (
        record(Program("raw", raw, starter="asyncio")).lines("stdout"),
        record(Program("ported", ported, starter="portable"), backend).lines("stdout"),
    )


def test_gather_is_cancelled_though_its_children_refuse(backend):
    """Whoever cancels a gather() gets a cancellation, not the results of stubborn children."""

    async def program(names):
        async def stubborn():
            try:
                await names.sleep(10)
            except names.CancelledError:
                print("refused")

        async def caller():
            print(await names.gather(stubborn(), stubborn()))

        task = names.create_task(caller())
        await names.sleep(1)
        task.cancel()
        await names.sleep(1)
        print(task.cancelled())

    raw, ported = on_both(backend, program)
    assert ported == raw == ["refused", "refused", "True"]


@pytest.mark.parametrize("given", [False, True], ids=["coroutine", "task"])
def test_gather_is_cancelled_by_a_child_that_then_returns(backend, given):
    """A child that cancels its gather()'s caller and ends at once does not save the call."""

    async def program(names):
        async def child():
            await names.sleep(1)
            task.cancel()

        async def caller():
            job = names.create_task(child()) if given else child()
            print(await names.gather(job))

        task = names.create_task(caller())
        await names.sleep(2)
        print(task.cancelled())

    raw, ported = on_both(backend, program)
    assert ported == raw == ["True"]


def test_wait_for_without_time_tells_a_cancelled_caller(backend):
    """A `wait_for` that has no time left is an `await` still: it raises the cancellation."""

    async def program(names):
        async def never():
            print("must not begin")

        async def caller():
            task.cancel()
            try:
                await names.wait_for(never(), 0)
            except TimeoutError:
                print("too late")

        task = names.create_task(caller())
        await names.sleep(1)
        print(task.cancelled())

    raw, ported = on_both(backend, program)
    assert ported == raw == ["True"]


def test_wait_for_without_time_gives_others_their_turn(backend):
    """A `wait_for` that has no time left lets other tasks run before it raises."""

    async def program(names):
        async def other():
            print("has begun")

        async def never():
            print("must not begin")

        try:
            async with names.TaskGroup() as group:
                group.create_task(other())
                await names.wait_for(never(), 0)
        except ExceptionGroup as failures:
            print(repr(failures.exceptions[0]))

    raw, ported = on_both(backend, program)
    assert raw == ["has begun", "TimeoutError()"]
    # On trio the other one may be too late, and then never begins (D7).
    assert ported == raw or (backend == "trio" and ported == raw[1:])


def test_a_task_awaited_by_a_cancelled_one_does_not_begin(backend):
    """Whoever awaits a task although it is cancelled cancels it there and then."""

    async def program(names):
        async def inner():
            print("must not begin")

        async def outer():
            awaited = names.create_task(inner())
            waiting.cancel()
            try:
                await awaited
            finally:
                print(awaited.cancelled())

        waiting = names.create_task(outer())
        await names.sleep(1)
        print(waiting.cancelled())

    raw, ported = on_both(backend, program)
    assert ported == raw == ["True", "True"]


def test_wait_for_without_time_tells_that_a_task_was_cancelled(backend):
    """A task that has ended, by being cancelled, was not stopped by any time limit."""

    async def program(names):
        task = names.create_task(names.sleep(10))
        await names.sleep(1)
        task.cancel()
        await names.sleep(1)
        try:
            await names.wait_for(task, 0)
        except TimeoutError:
            print("too late")
        except names.CancelledError:
            print("cancelled")

    raw, ported = on_both(backend, program)
    assert ported == raw == ["cancelled"]


def test_a_cancelled_waiter_sees_its_own_cancellation(backend):
    """It is not taken for that of the task it awaited, which would be a failure in a group."""

    async def program(names):
        async def inner():
            print("must not begin")

        async def outer():
            async with names.TaskGroup() as group:
                awaited = group.create_task(inner())
                waiting.cancel()
                await awaited

        waiting = names.create_task(outer())
        await names.sleep(1)
        print(waiting.cancelled())

    raw, ported = on_both(backend, program)
    assert ported == raw == ["True"]


@pytest.mark.parametrize("sibling", [False, True], ids=["body", "sibling"])
def test_gather_is_cancelled_by_the_failure_of_a_given_task(backend, sibling):
    """A task that fails ends its group before a gather() in there has the failure."""

    async def program(names):
        async def fail():
            await names.sleep(1)
            raise ValueError

        async def collect(task):
            aws = names.sleep(0), task
            print(await names.gather(*aws, return_exceptions=True))

        try:
            async with names.TaskGroup() as group:
                task = group.create_task(fail())
                if sibling:
                    group.create_task(collect(task))
                else:
                    await collect(task)
        except ExceptionGroup as failures:
            print(failures.exceptions)

    raw, ported = on_both(backend, program)
    assert ported == raw == ["(ValueError(),)"]


def test_a_message_is_told_to_whoever_asks(backend):
    """asyncio tells the message of a cancellation once, portable each time (D4)."""

    async def program(names):
        task = names.create_task(names.sleep(10))
        await names.sleep(1)
        task.cancel("enough")
        for _ in range(2):
            try:
                await task
            except names.CancelledError as error:
                print(error)

    raw, ported = on_both(backend, program)
    assert raw == ["enough", ""]
    assert ported == ["enough", "enough"]


def test_a_cancelled_task_that_main_awaits_hides_no_failure(backend):
    """What main raised joins what nobody retrieved, be it a `TaskCancelled` (D4, D6)."""

    async def main():
        async def fail():
            waiting.cancel()
            raise ValueError

        async def wait():
            await portable.create_task(fail())

        waiting = portable.create_task(wait())
        await waiting

    with pytest.raises(ExceptionGroup) as caught:
        portable.run(main, backend=backend, virtual_time=True)
    kinds = {type(error) for error in caught.value.exceptions}
    assert kinds == {ValueError, portable.TaskCancelled}
