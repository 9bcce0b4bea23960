"""Workers: a task of trio's serves one task of asyncio's after another; none hears of it."""

import asyncio
import gc
import traceback
import weakref

import anyio
import pytest
import trio
import trio.testing

import portable


def workers():
    """How many of trio's tasks run, or wait to run, asyncio's."""
    count, left = 0, [trio.lowlevel.current_root_task()]
    while left:
        task = left.pop()
        count += task.name == "a task of asyncio's"
        for nursery in task.child_nurseries:
            left += nursery.child_tasks
    return count


def test_they_are_reused(run):
    """Tasks that follow each other share one; those that wait in trio at once have one each."""

    async def main():
        await asyncio.create_task(asyncio.sleep(0))
        before = workers()
        for _ in range(20):
            await asyncio.create_task(asyncio.sleep(0))
            await asyncio.create_task(trio.sleep(0))
        one_by_one = workers() - before
        tasks = [asyncio.create_task(trio.sleep(1)) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        at_once = workers() - before
        await asyncio.wait(tasks)
        return one_by_one, at_once >= 19

    assert run(main) == (0, True)


def test_tasks_that_never_wait_share_one(run):
    """A thousand tasks that end in their first step need no more than a few."""

    async def nothing():
        pass

    async def main():
        before = workers()
        await asyncio.gather(*(nothing() for _ in range(1000)))
        return workers() - before

    assert run(main) <= 2


def test_a_scope_left_open_reaches_no_other_task(run, caplog):
    """A task that ends inside a scope of trio's that it opened disturbs nobody after it."""

    async def leave_open():
        scope = trio.CancelScope()
        scope.__enter__()
        scope.cancel()
        scopes.append(scope)

    async def next_one():
        await trio.sleep(1)
        return "not cancelled"

    scopes = []

    async def main():
        try:
            await asyncio.create_task(leave_open())
        except RuntimeError as error:
            told.append(str(error))
        return await asyncio.gather(*(next_one() for _ in range(5)))

    told = []
    assert run(main) == ["not cancelled"] * 5
    assert any("scope" in text for text in [*told, caplog.text])


def test_a_scope_left_open_is_told_with_trios_own_error(run):
    """The loop's handler learns which task left it open, and what trio says of it."""

    async def leave_open():
        trio.CancelScope().__enter__()
        await trio.sleep(0)

    async def main():
        told = []
        asyncio.get_running_loop().set_exception_handler(
            lambda _, told_of: told.append(told_of)
        )
        task = asyncio.create_task(leave_open())
        await task
        return task, told

    task, (told,) = run(main)
    assert told["task"] is task
    assert "a cancel scope of trio's or AnyIO's open" in told["message"]
    assert isinstance(told["exception"], RuntimeError)


@pytest.mark.parametrize("how", ["scope", "nursery", "cancel"])
def test_a_handler_that_asks_for_an_exit(run, how):
    """What portable itself tells the loop's handler ends the run if the handler says so."""

    class Stubborn(asyncio.Future):
        told = False

        def cancel(self, msg=None):
            if self.told:
                return super().cancel(msg)
            self.told = True
            raise ValueError

    def handle(loop, context):
        raise SystemExit("handler")

    async def leave_open():
        if how == "scope":
            trio.CancelScope().__enter__()
        elif how == "nursery":
            await trio.open_nursery().__aenter__()
        else:
            with trio.CancelScope() as scope:
                scope.cancel()
                await Stubborn()
        await trio.sleep(0)

    async def main():
        asyncio.get_running_loop().set_exception_handler(handle)
        task = asyncio.create_task(leave_open())
        try:
            await asyncio.sleep(3600)
        finally:
            task.cancel()

    with pytest.raises(SystemExit, match="handler"):
        run(main)


def test_a_nursery_left_open_reaches_no_other_task(run):
    """A task that ends inside a nursery that it opened disturbs nobody after it."""

    async def leave_open():
        nursery = trio.open_nursery()
        nurseries.append((nursery, await nursery.__aenter__()))
        nurseries[0][1].start_soon(trio.sleep, 1)

    nurseries = []

    async def main():
        task = asyncio.create_task(leave_open())
        await asyncio.wait([task])
        return await asyncio.gather(*(asyncio.sleep(1, n) for n in range(5)))

    assert run(main) == list(range(5))


def test_a_cancelled_task_leaves_nothing_of_it(run):
    """The next task in the same one is not cancelled, and may be cancelled in its turn."""

    async def job():
        await trio.sleep(10)

    async def fine():
        await trio.sleep(1)
        return "fine"

    async def main():
        seen = []
        for _ in range(5):
            task = asyncio.create_task(job())
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait([task])
            seen.append((task.cancelled(), await asyncio.create_task(fine())))
        return seen

    assert run(main) == [(True, "fine")] * 5


def test_cancelled_twice_in_one_instant(run):
    """Two cancellations before the task's next step are one, as with asyncio."""

    async def job():
        seen = []
        for _ in range(2):
            try:
                await trio.sleep(10)
            except asyncio.CancelledError as error:
                seen.append(error.args)
        return seen, portable.current_time()

    async def main():
        task = asyncio.create_task(job())
        await asyncio.sleep(1)
        task.cancel("one")
        task.cancel("two")
        seen, now = await task
        return len(seen), now

    count, now = run(main)
    assert (count, now) == (1, 11)


def test_it_keeps_no_cancellation_that_it_has_handed_on(run):
    """A worker that waits for its next task has nothing of the last one's cancellation."""

    class Message:
        pass

    async def job():
        await trio.sleep(0)
        message = Message()
        messages.append(weakref.ref(message))
        asyncio.current_task().cancel(message)
        await trio.sleep(1)

    async def main():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        cancelled = task.cancelled()
        del task
        await asyncio.sleep(0)
        gc.collect()
        return cancelled, messages[0]()

    messages = []
    assert run(main) == (True, None)


@pytest.mark.parametrize("in_trio", [False, True], ids=["asyncio alone", "was in trio"])
def test_a_task_that_has_ended_keeps_nothing_it_awaited(run, in_trio):
    """Whoever holds the task does not hold what it waited for last."""

    async def job():
        if in_trio:
            await trio.sleep(0)
        last = Kept()
        gone.append(weakref.ref(last))
        asyncio.get_running_loop().call_soon(last.set_result, None)
        await last

    async def main():
        task = asyncio.create_task(job())
        await asyncio.wait([task])
        await asyncio.sleep(0)
        return task.done(), gone[0]()

    class Kept(asyncio.Future):
        pass

    gone = []
    assert run(main) == (True, None)


def test_an_error_does_not_lead_to_it(run):
    """The traceback of an error after a wait in trio shows no worker, which has other tasks."""

    async def fail():
        await trio.sleep(0)
        raise ValueError

    async def main():
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        return [frame.name for frame in traceback.extract_tb(task.exception().__traceback__)]

    assert "_serve" not in run(main)


def test_each_task_has_a_task_of_trios(run):
    """Tasks that wait in trio at once are told apart by scopes, nurseries and locks."""

    async def job(lock):
        async with lock:
            await trio.sleep(1)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await anyio.sleep(10)
        return trio.lowlevel.current_task()

    async def main():
        lock = trio.Lock()
        tasks = await asyncio.gather(job(lock), job(lock), job(lock))
        return len(set(tasks)), portable.current_time()

    assert run(main) == (3, 3)


def test_none_is_left_at_the_end():
    """When the loop goes, its tasks of trio's go."""

    async def main():
        before = workers()
        async with portable.asyncio_loop():
            tasks = [asyncio.create_task(wait(30)) for wait in (asyncio.sleep, trio.sleep) * 3]
            await trio.testing.wait_all_tasks_blocked()
            assert workers() > before
        await trio.testing.wait_all_tasks_blocked()
        return workers() - before, [task.cancelled() for task in tasks]

    assert trio.run(main) == (0, [True] * 6)


def test_a_leftover_that_will_not_end_in_trio():
    """A left-over task that goes on waiting in trio is waited for, as by asyncio.run()."""

    async def stubborn():
        for _ in range(3):
            try:
                await trio.sleep(0.01)
            except asyncio.CancelledError:
                seen.append("swallowed")
        seen.append("ended")

    seen = []

    async def main():
        async with portable.asyncio_loop():
            task = asyncio.create_task(stubborn())
            await trio.testing.wait_all_tasks_blocked()
        return task.done()

    assert trio.run(main)
    assert seen == ["swallowed", "ended"]


@pytest.mark.parametrize(
    "make",
    [trio.Lock, anyio.Lock, lambda: trio.StrictFIFOLock()],
    ids=["trio", "anyio", "fifo"],
)
def test_who_holds_a_lock_keeps_its_trio_task(run, make):
    """A lock that was free is released by the trio task that took it, whatever runs between."""

    async def hold(lock, others):
        for _ in range(3):
            lock.acquire_nowait()
            await others.wait()  # something of asyncio's: the steps of others run meanwhile
            await asyncio.sleep(0)
            lock.release()

    async def main():
        others = asyncio.Event()
        tasks = [asyncio.create_task(hold(make(), others)) for _ in range(20)]
        await asyncio.sleep(0)
        others.set()
        await asyncio.gather(*tasks)

    run(main)


def test_who_is_known_by_a_weak_reference_keeps_its_trio_task(run):
    """What a library notes about a trio task, by a weak key, is there in its next steps."""
    notes = weakref.WeakKeyDictionary()

    async def note(number, others):
        notes[trio.lowlevel.current_task()] = number
        await others.wait()
        await asyncio.sleep(0)
        return notes.get(trio.lowlevel.current_task())

    async def main():
        others = asyncio.Event()
        tasks = [asyncio.create_task(note(number, others)) for number in range(20)]
        await asyncio.sleep(0)
        others.set()
        return await asyncio.gather(*tasks)

    assert run(main) == list(range(20))
