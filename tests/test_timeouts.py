"""`sleep()`, `current_time()`, `timeout()`, `timeout_at()` and `wait_for()`."""

import math
from decimal import Decimal

import anyio
import pytest

import portable
from portable import CancelledError, TaskCancelled, create_task, sleep, timeout, wait_for

NAN = math.nan


async def value(result, delay=0.0):
    await sleep(delay)
    return result


# -- sleep and current_time ---------------------------------------------------------------


def test_sleep_takes_exactly_its_time(run):
    """Virtual time moves by what was slept, and by nothing else."""

    async def main():
        for delay in (3600, 0.1, Decimal("0.5"), 0, -1):
            start = portable.current_time()
            assert await sleep(delay, "result") == "result"
            assert portable.current_time() == start + max(float(delay), 0.0)

    run(main)


@pytest.mark.parametrize("delay", [0, -1, -math.inf])
def test_sleeping_no_time_lets_others_run(run, delay):
    """sleep(0), and a negative one as in asyncio, gives others a turn."""

    async def main():
        seen = []

        async def other():
            seen.append("other")

        task = create_task(other())
        await sleep(delay)
        await sleep(delay)
        assert seen == ["other"]
        await task

    run(main)


@pytest.mark.parametrize(
    ("delay", "error"), [("3", TypeError), (None, TypeError), (NAN, ValueError)]
)
def test_sleep_refuses_what_is_no_time(run, delay, error):
    """The error names the parameter."""

    async def main():
        with pytest.raises(error, match=r"sleep\(\): delay must"):
            await sleep(delay)

    run(main)


# -- timeout ------------------------------------------------------------------------------


def test_a_timeout_that_does_not_fire(run):
    """A block that ends in time is left alone."""

    async def main():
        async with timeout(3) as limit:
            assert limit.when() == 3
            await sleep(1)
        assert not limit.expired()
        await sleep(10)

    run(main)


def test_a_timeout_that_fires(run):
    """The block is cancelled at the deadline; TimeoutError comes from the cancellation."""

    async def main():
        with pytest.raises(TimeoutError) as caught:
            async with timeout(3) as limit:
                try:
                    await sleep(30)
                finally:
                    assert limit.expired()
        assert limit.expired()
        assert portable.current_time() == 3
        assert isinstance(caught.value.__cause__, anyio.get_cancelled_exc_class())

    run(main)


def test_a_plain_with_does_the_same(run):
    """timeout() serves `with` too."""

    async def main():
        with pytest.raises(TimeoutError):
            with timeout(3):
                await sleep(30)
        assert portable.current_time() == 3

    run(main)


@pytest.mark.parametrize("delay", [0, -1, -math.inf])
def test_a_deadline_that_has_passed_cancels_the_first_await(run, delay):
    """The block begins all the same, as in asyncio."""

    async def main():
        seen = []
        with pytest.raises(TimeoutError):
            async with timeout(delay):
                seen.append("begun")
                await sleep(0)
                seen.append("went on")
        assert seen == ["begun"]

    run(main)


@pytest.mark.parametrize("delay", [None, math.inf])
def test_no_limit(run, delay):
    """None and infinity set none."""

    async def main():
        async with timeout(delay) as limit:
            assert limit.when() == delay
            await sleep(3600)
        assert not limit.expired()

    run(main)


def test_nested_timeouts_tell_whose_deadline_it_was(run):
    """TimeoutError is raised by the timeout whose deadline passed, and by no other."""

    async def main():
        async with timeout(10) as outer:
            with pytest.raises(TimeoutError):
                async with timeout(1) as inner:
                    await sleep(30)
            assert inner.expired()
            await sleep(1)
        assert not outer.expired()

        with pytest.raises(TimeoutError):
            async with timeout(1) as outer:
                async with timeout(10) as inner:
                    await sleep(30)
                raise AssertionError("the inner one swallowed it")
        assert outer.expired()
        assert not inner.expired()

    run(main)


def test_a_cancellation_from_elsewhere_passes_through(run):
    """A cancelled task in a timeout is cancelled, not timed out."""

    async def main():
        async def job():
            async with timeout(10):
                await sleep(30)

        task = create_task(job())
        await sleep(1)
        task.cancel("by hand")
        with pytest.raises(TaskCancelled, match="by hand"):
            await task

    run(main)


def test_an_error_of_the_block_passes_through(run):
    """Also when the deadline has passed while it was on its way."""

    async def main():
        with pytest.raises(KeyError):
            async with timeout(1):
                try:
                    await sleep(30)
                finally:
                    raise KeyError("cleanup")

    run(main)


def test_a_swallowed_cancellation_is_no_timeout_error(run):
    """As in asyncio: a block that catches it and ends has expired, and raises nothing."""

    async def main():
        async with timeout(1) as limit:
            try:
                await sleep(30)
            except CancelledError:
                pass
        assert limit.expired()

    run(main)


def test_reschedule(run):
    """The deadline can be moved while the block runs, both ways, and taken away."""

    async def main():
        async with timeout(1) as limit:
            limit.reschedule(portable.current_time() + 5)
            await sleep(4)
            limit.reschedule(None)
            await sleep(100)
            assert limit.when() is None
        with pytest.raises(TimeoutError):
            async with timeout(None) as limit:
                limit.reschedule(portable.current_time() + 2)
                await sleep(30)
        assert portable.current_time() == 106

    run(main)


def test_reschedule_at_the_wrong_time(run):
    """Before, after and past the deadline it is a RuntimeError that says so."""

    async def main():
        limit = timeout(1)
        with pytest.raises(RuntimeError, match="has not been entered"):
            limit.reschedule(1)
        async with limit:
            with pytest.raises(ValueError, match=r"reschedule\(\): when must not be NaN"):
                limit.reschedule(NAN)
        with pytest.raises(RuntimeError, match="Cannot change state of finished Timeout"):
            limit.reschedule(1)
        with pytest.raises(RuntimeError, match="already been entered"):
            async with limit:
                pass
        with pytest.raises(TimeoutError):
            async with timeout(1) as limit:
                try:
                    await sleep(2)
                finally:
                    with pytest.raises(RuntimeError, match="expiring"):
                        limit.reschedule(10)

    run(main)


def test_timeout_at(run):
    """timeout_at() takes a point in time."""

    async def main():
        await sleep(10)
        with pytest.raises(TimeoutError):
            async with portable.timeout_at(12) as limit:
                assert limit.when() == 12
                await sleep(30)
        assert portable.current_time() == 12
        with pytest.raises(TimeoutError):
            async with portable.timeout_at(5):
                await sleep(1)

    run(main)


def test_a_block_that_cleans_up_past_the_deadline(run):
    """The timeout is raised only when the shielded clean-up has ended."""

    async def main():
        with pytest.raises(TimeoutError):
            async with timeout(1):
                try:
                    await sleep(30)
                finally:
                    with anyio.CancelScope(shield=True):
                        await sleep(5)
        assert portable.current_time() == 6

    run(main)


def test_an_error_of_the_clean_up_tells_of_the_timeout(run):
    """TimeoutError stands in the history of what is raised in its place, in a group too."""

    async def breaks():
        try:
            await sleep(30)
        finally:
            raise LookupError("clean-up")

    async def main():
        with pytest.raises(LookupError) as alone:
            async with timeout(1):
                await breaks()
        with pytest.raises(ExceptionGroup) as grouped:
            async with timeout(1), portable.TaskGroup() as group:
                group.create_task(breaks())
                await sleep(30)
        for error in (alone.value, grouped.value, grouped.value.exceptions[0]):
            assert isinstance(error.__context__, TimeoutError)
            cause = error.__context__.__cause__
            assert isinstance(cause, anyio.get_cancelled_exc_class())

    run(main)


def test_an_error_before_the_deadline_has_no_timeout_in_its_history(run):
    """A cancellation that came from elsewhere is not blamed on the deadline."""

    async def main():
        with anyio.CancelScope() as scope:
            with pytest.raises(LookupError) as caught:
                async with timeout(10):
                    scope.cancel()
                    try:
                        await sleep(30)
                    finally:
                        raise LookupError
        assert isinstance(caught.value.__context__, anyio.get_cancelled_exc_class())

    run(main)


def test_what_a_timeout_shows_of_itself(run):
    """Its repr() is asyncio's: the state, and the deadline while it counts."""

    async def main():
        async with timeout(10) as limit:
            assert repr(limit) == "<Timeout [active] when=10.0>"
        assert repr(limit) == "<Timeout [finished]>"

    run(main)


@pytest.mark.parametrize(
    ("make", "parameter"),
    [(timeout, r"timeout\(\): delay"), (portable.timeout_at, r"timeout_at\(\): when")],
    ids=["timeout", "timeout_at"],
)
@pytest.mark.parametrize(("given", "error"), [("3", TypeError), (NAN, ValueError)])
def test_what_is_no_time_is_refused(run, make, parameter, given, error):
    """The error names the parameter."""

    async def main():
        with pytest.raises(error, match=f"{parameter} must"):
            make(given)

    run(main)


def test_timeout_without_an_event_loop():
    """There is no clock to ask outside of an event loop."""
    with pytest.raises(RuntimeError):
        timeout(1)


# -- wait_for -----------------------------------------------------------------------------


def test_wait_for_gives_the_result(run):
    """A coroutine in time gives its result, and runs in the calling task."""

    async def main():
        async def job():
            await sleep(1)
            return portable.current_task()

        assert await wait_for(job(), 3) is portable.current_task()
        assert await wait_for(create_task(value("task", 1)), 3) == "task"
        assert await wait_for(value("no limit", 3600), None) == "no limit"

    run(main)


def test_wait_for_times_a_coroutine_out(run):
    """A coroutine is cancelled at the deadline, and its clean-up awaited."""

    async def main():
        seen = []

        async def job():
            try:
                await sleep(30)
            finally:
                seen.append(portable.current_time())

        with pytest.raises(TimeoutError):
            await wait_for(job(), 3)
        assert seen == [3]

    run(main)


def test_wait_for_cancels_a_task_and_waits_for_its_end(run):
    """A task that is too slow is cancelled; TimeoutError comes when it has ended."""

    async def main():
        async def job():
            try:
                await sleep(30)
            finally:
                with anyio.CancelScope(shield=True):
                    await sleep(2)

        task = create_task(job())
        with pytest.raises(TimeoutError):
            await wait_for(task, 3)
        assert task.cancelled()
        assert portable.current_time() == 5

    run(main)


@pytest.mark.parametrize("limit", [0, -1, 3])
def test_wait_for_a_task_that_refuses(run, limit):
    """A task that answers its cancellation with a result or an error gives just that."""

    async def main():
        async def refusing(outcome):
            try:
                await sleep(30)
            except CancelledError:
                pass
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        good, bad = create_task(refusing("kept")), create_task(refusing(KeyError("broken")))
        await sleep(1)
        assert await wait_for(good, limit) == "kept"
        with pytest.raises(KeyError, match="broken"):
            await wait_for(bad, limit)

    run(main)


@pytest.mark.parametrize("limit", [0, -1])
def test_wait_for_no_time_never_starts_a_coroutine(run, limit):
    """With nothing to spend, a coroutine is closed and a task that has not begun never does."""

    async def main():
        async def job():
            raise AssertionError("the body ran")

        coro, inner = job(), job()
        with pytest.raises(TimeoutError):
            await wait_for(coro, limit)
        assert coro.cr_frame is None
        task = create_task(inner)
        with pytest.raises(TimeoutError):
            await wait_for(task, limit)
        assert task.cancelled()

    run(main)


@pytest.mark.parametrize("limit", [0, -1])
def test_wait_for_no_time_gives_what_is_there(run, limit):
    """A task that is done gives its result, or raises its exception, whatever the limit."""

    async def main():
        async def fails():
            raise KeyError("done")

        good, bad = create_task(value("there")), create_task(fails())
        await sleep(1)
        assert await wait_for(good, limit) == "there"
        with pytest.raises(KeyError, match="done"):
            await wait_for(bad, limit)

    run(main)


def test_wait_for_is_cancelled_with_its_caller(run):
    """A cancelled caller leaves with its own cancellation, the task cancelled and ended."""

    async def main():
        inner = create_task(value(1, 30))
        outer = create_task(wait_for(inner, 10))
        await sleep(1)
        outer.cancel("caller")
        with pytest.raises(TaskCancelled, match="caller"):
            await outer
        assert inner.cancelled()

    run(main)


def test_wait_for_passes_an_error_of_the_awaited_on(run):
    """Its own TimeoutError is passed on as any other error: no limit made it."""

    async def main():
        error = TimeoutError("its own")

        async def job():
            raise error

        with pytest.raises(TimeoutError, match="its own") as caught:
            await wait_for(job(), 10)
        assert caught.value is error

    run(main)


def test_wait_for_a_task_that_somebody_else_cancels(run):
    """A task cancelled by others is cancelled, not timed out."""

    async def main():
        task = create_task(value(1, 30))
        waiter = create_task(wait_for(task, 10))
        await sleep(1)
        task.cancel("by others")
        with pytest.raises(TaskCancelled, match="by others"):
            await waiter

    run(main)


@pytest.mark.parametrize(
    ("limit", "error"), [("3", TypeError), (NAN, ValueError), ([], TypeError)]
)
def test_wait_for_refuses_what_is_no_time(run, limit, error):
    """The error names the parameter, and the coroutine is closed."""

    async def main():
        coro = value(1)
        with pytest.raises(error, match=r"wait_for\(\): timeout must"):
            await wait_for(coro, limit)
        assert coro.cr_frame is None

    run(main)


@pytest.mark.parametrize(
    ("given", "says"),
    [(value, r"not the function 'value'; call it: wait_for\(value\(\.\.\.\)\)"), (3, "got 3")],
)
def test_wait_for_refuses_what_cannot_be_awaited(run, given, says):
    """The error shows the right call."""

    async def main():
        with pytest.raises(TypeError, match=rf"wait_for\(\): aw must be awaitable.*{says}"):
            await wait_for(given, 1)

    run(main)
