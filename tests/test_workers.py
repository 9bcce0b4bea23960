"""Children that begin in one task: nothing of that can be seen by the code in them."""

import asyncio
import contextvars
import itertools

import anyio
import pytest

import portable
from portable import TaskCancelled, create_task, gather, race


def native():
    """What identifies the event loop's own task that is running."""
    return anyio.get_current_task().id


async def wait_once():
    await anyio.lowlevel.checkpoint()


def test_children_that_do_not_wait_cost_no_task(run):
    """A hundred of them run in one of the event loop's tasks, which is not the caller's."""

    async def child():
        return native()

    async def main():
        seen = set(await gather(*[child() for _ in range(100)]))
        assert len(seen) == 1
        assert native() not in seen

    run(main)


def test_each_child_is_a_task_of_its_own_all_the_same(run):
    """Name, coroutine, context and end are the child's own, whether it waits or not."""

    async def child(waits):
        task = portable.current_task()
        assert not task.done()
        if waits:
            await wait_once()
        assert portable.current_task() is task
        return task

    async def main():
        coros = [child(number % 2) for number in range(6)]
        tasks = await gather(*coros)
        assert len(set(tasks)) == len({task.get_name() for task in tasks}) == 6
        assert [task.get_coro() for task in tasks] == coros
        assert [task.result() for task in tasks] == tasks
        assert len({id(task.get_context()) for task in tasks}) == 6

    run(main)


@pytest.mark.parametrize("waits", list(itertools.product([0, 1, 2], repeat=3)), ids=str)
def test_children_begin_in_asyncios_order(backend, waits):
    """Steps come in the order they have under asyncio.gather; on trio in any order (D7)."""

    def program(helper, lines):
        async def child(number):
            lines.append(f"{number} begins")
            for step in range(waits[number]):
                await asyncio.sleep(0) if helper is asyncio.gather else await portable.sleep(0)
                lines.append(f"{number} went on {step}")
            lines.append(f"{number} ends")

        async def main():
            await helper(*map(child, range(3)))

        return main

    expected, lines = [], []
    asyncio.run(program(asyncio.gather, expected)())
    portable.run(program(gather, lines), backend=backend)
    if backend == "trio":
        expected.sort()
        lines.sort()
    assert lines == expected


def test_children_keep_their_contexts_to_themselves(run):
    """A variable that one child sets is not seen by the next, nor by the caller."""
    variable = contextvars.ContextVar("variable")

    async def child(number):
        before = variable.get()
        variable.set(number)
        assert portable.current_task().get_context()[variable] == number
        return before

    async def main():
        variable.set("caller")
        assert await gather(*map(child, range(5))) == ["caller"] * 5
        assert variable.get() == "caller"

    run(main)


def test_a_reference_to_a_child_that_has_ended_is_harmless(run):
    """Who kept a child that has ended, and cancels it, hits none that came after it."""

    async def main():
        kept = []

        async def first():
            kept.append(portable.current_task())

        async def second():
            assert kept[0].done()
            assert not kept[0].cancel()
            await wait_once()
            return "second"

        assert await gather(first(), second()) == [None, "second"]
        assert await kept[0] is None

    run(main)


def test_a_child_that_cancels_itself_hits_itself_alone(run):
    """It is cancelled at its next wait, if it has one; the next child is not."""

    async def suicide(waits):
        portable.current_task().cancel("enough")
        if waits:
            await portable.sleep(1)
        return "ignored it"

    async def value():
        await portable.sleep(1)
        return "value"

    async def main():
        results = await gather(
            suicide(False), value(), suicide(True), value(), return_exceptions=True
        )
        assert results[0] == "ignored it"
        assert isinstance(results[2], TaskCancelled)
        assert results[1] == results[3] == "value"

    run(main)


def test_a_child_is_cancelled_by_its_own_reference(run):
    """A child that waits in the shared task can be cancelled like any other, alone."""

    async def main():
        kept = []

        async def child():
            kept.append(portable.current_task())
            await portable.sleep(5)
            return "slept"

        async def canceller():
            await portable.sleep(1)
            kept[0].cancel("chosen")

        results = await gather(child(), child(), canceller(), return_exceptions=True)
        assert sorted(map(str, results)) == ["None", "chosen", "slept"]

    run(main)


@pytest.mark.parametrize("helper", [gather, race])
def test_children_left_over_never_begin(run, helper):
    """When one that did not wait has decided, those behind it are closed."""

    async def main():
        seen = []

        async def failing():
            raise ValueError

        async def behind():
            seen.append("began")

        with pytest.raises(ValueError):
            await helper(failing(), behind(), behind())
        assert seen == []

    run(main)


def test_a_long_row_leaves_others_a_turn(backend, monkeypatch):
    """Children that never wait do not keep the event loop to themselves."""
    clock = itertools.count(step=0.0001)
    monkeypatch.setattr("portable._workers.perf_counter", clock.__next__)

    async def main():
        turns = 0

        async def other():
            nonlocal turns
            while True:
                turns += 1
                await wait_once()

        async def child():
            return turns

        task = create_task(other())
        await wait_once()
        seen = await gather(*[child() for _ in range(200)])
        task.cancel()
        return len(set(seen))

    assert portable.run(main, backend=backend) >= 5


def test_cancelled_between_children(backend, monkeypatch):
    """A caller that is cancelled in such a turn is; those that have not begun never do."""
    clock = itertools.count(step=0.01)
    monkeypatch.setattr("portable._workers.perf_counter", clock.__next__)

    async def main():
        seen = []

        async def child():
            seen.append(1)
            caller.cancel("stop")

        caller = create_task(gather(*[child() for _ in range(10)]))
        with pytest.raises(TaskCancelled, match="stop"):
            await caller
        return len(seen)

    assert portable.run(main, backend=backend) == 1


def test_a_dump_of_the_tasks_shows_the_child(run):
    """The chain of awaits leads from the event loop's task to the child's own line."""

    async def deep():
        await portable.sleep(5)

    async def child():
        await deep()

    def names(coro):
        while coro is not None:
            frame = getattr(coro, "cr_frame", None)
            if frame is not None:
                yield frame.f_code.co_name
            coro = getattr(coro, "cr_await", None)

    async def main():
        task = create_task(gather(child(), child()))
        await portable.sleep(1)
        chains = [list(names(each.coro)) for each in anyio.get_running_tasks()]
        assert sum("deep" in chain for chain in chains) == 2
        task.cancel()

    run(main)
