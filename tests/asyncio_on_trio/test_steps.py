"""Which callbacks are steps of asyncio's tasks: learned from the asyncio that is installed."""

import asyncio

import pytest

from portable.asyncio_on_trio.steps import is_step


class Loop(asyncio.SelectorEventLoop):
    """asyncio's own loop, which notes what it is given, and whether that is a step."""

    def __init__(self):
        super().__init__()
        self.noted = []

    def call_soon(self, callback, *args, context=None):
        self.noted.append((is_step(callback), callback))
        return super().call_soon(callback, *args, context=context)


@pytest.fixture
def loop():
    loop = Loop()
    yield loop
    loop.close()


def test_steps_and_wakeups_are_steps(loop):
    """The first step, a step after a bare yield, and a wake-up by a future; with their task."""

    async def job():
        await asyncio.sleep(0)
        await asyncio.sleep(0.0001)
        await asyncio.create_task(asyncio.sleep(0))

    task = loop.create_task(job())
    loop.run_until_complete(task)
    steps = [callback for step, callback in loop.noted if step]
    assert len([callback for callback in steps if callback.__self__ is task]) == 4
    assert all(isinstance(callback.__self__, asyncio.Task) for callback in steps)


def test_nothing_else_is(loop):
    """Functions, methods, also of tasks, and done callbacks are none."""

    class Thing:
        def step(self):
            pass

        def wakeup(self):
            pass

    async def job():
        await asyncio.sleep(0)

    task = loop.create_task(job())
    future = loop.create_future()
    others = [
        print,
        len,
        [].append,
        Thing().step,
        Thing().wakeup,
        task.cancel,
        task.result,
        task.set_name,
        future.set_result,
        future.cancel,
        lambda: None,
    ]
    assert not [other for other in others if is_step(other)]
    loop.run_until_complete(task)


@pytest.mark.parametrize("kind", ["_PyTask", "_CTask"])
def test_both_implementations(kind):
    """asyncio has its task in Python and in C: the one that `asyncio.Task` is counts."""
    kind = getattr(asyncio.tasks, kind, None)
    if kind is not asyncio.Task:
        return
    loop = Loop()
    try:
        loop.run_until_complete(kind(asyncio.sleep(0), loop=loop))
        assert any(step for step, _ in loop.noted)
    finally:
        loop.close()
