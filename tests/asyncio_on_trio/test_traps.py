"""What is relied on of trio and asyncio that has no public name: it is there, and does that.

If a new version of either changes one of these, the test of it fails and says which; no
program has to.
"""

import asyncio
import asyncio.base_events
import inspect
import sys

import pytest
import trio
from trio.lowlevel import Abort

import portable
from portable.asyncio_on_trio import traps

# -- trio: what a coroutine yields ----------------------------------------------------------


def first_yield(coro):
    try:
        return coro.send(None)
    finally:
        coro.close()


def test_a_sleep_is_recognised_by_its_type():
    """Each function of trio's that sleeps yields that type, with its abort function in it."""

    def abort(_):
        return Abort.SUCCEEDED

    trap = first_yield(trio.lowlevel.wait_task_rescheduled(abort))
    assert type(trap) is traps.SLEEP
    assert trap.abort_func is abort
    assert type(traps.sleep_trap(abort)) is traps.SLEEP


def test_a_turn_is_recognised_by_identity():
    """A shielded checkpoint yields one and the same object."""
    assert first_yield(trio.lowlevel.cancel_shielded_checkpoint()) is traps.TURN
    assert traps.TURN is first_yield(trio.lowlevel.cancel_shielded_checkpoint())
    assert type(traps.TURN) is not traps.SLEEP


def test_what_trio_answers():
    """The answer to a trap is an `Outcome`; a sleep can be yielded again and again."""
    answers = []

    class Yielding:
        def __init__(self, trap):
            self.trap = trap

        def __await__(self):
            answers.append((yield self.trap))

    async def main():
        task = trio.lowlevel.current_task()
        trap = traps.sleep_trap(lambda _: Abort.SUCCEEDED)
        await Yielding(traps.TURN)
        for value in (1, 2):
            trio.lowlevel.current_trio_token().run_sync_soon(
                trio.lowlevel.reschedule, task, __import__("outcome").Value(value)
            )
            await Yielding(trap)
        with trio.CancelScope() as scope:
            scope.cancel()
            await Yielding(trap)
        return

    trio.run(main)
    assert [answer.unwrap() for answer in answers[1:3]] == [1, 2]
    assert isinstance(answers[3].error, trio.Cancelled)


def test_a_system_task_takes_a_context():
    """Workers are system tasks with a context of their own, and end with the run."""
    parameters = inspect.signature(trio.lowlevel.spawn_system_task).parameters
    assert {"name", "context"} <= set(parameters)


# -- asyncio: extension points, and private names -----------------------------------------


def test_asyncios_extension_points():
    """asyncio documents these for whoever makes tasks and loops of their own."""
    for name in ("_enter_task", "_leave_task", "_register_task", "_set_running_loop"):
        assert callable(getattr(asyncio, name))


def test_the_mark_of_what_was_never_retrieved():
    """`Future._log_traceback` is True exactly while an exception has not been looked at."""

    async def fail():
        raise LookupError

    async def main():
        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        before = task._log_traceback
        task.exception()
        return before, task._log_traceback

    assert portable.run(main) == portable.run(main, backend="trio") == (True, False)


@pytest.mark.parametrize(
    "name",
    [
        "_asyncgen_firstiter_hook",
        "_asyncgen_finalizer_hook",
        "_check_callback",
        "_check_closed",
        "_timer_handle_cancelled",
        "_make_self_pipe",
        "_close_self_pipe",
        "_run_once",
        "_debug",
        "_closed",
    ],
)
def test_private_names_of_asyncios_loop(name):
    """The loop overrides or calls these, and asyncio's own loop has them."""
    loop = asyncio.SelectorEventLoop()
    try:
        assert hasattr(loop, name)
    finally:
        loop.close()


def test_a_future_is_known_by_its_mark():
    """asyncio's Task waits for whatever has `_asyncio_future_blocking`, by duck typing."""

    class Duck:
        _asyncio_future_blocking = True

        def __init__(self, loop):
            self.loop = loop
            self.callback = None

        def get_loop(self):
            return self.loop

        def add_done_callback(self, callback, *, context):
            self.callback = callback

        def result(self):
            return "quack"

        def cancel(self, msg=None):
            return True

        def __await__(self):
            yield self
            return self.result()

    async def wait(duck):
        return await duck

    async def main():
        duck = Duck(asyncio.get_running_loop())
        task = asyncio.create_task(wait(duck))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_soon(duck.callback, duck)
        return await task

    assert asyncio.run(main()) == "quack"
    assert portable.run(main, backend="trio") == "quack"


def test_private_names_are_few():
    """Private names of others that the loop uses are these; a new one needs a test here."""
    import re
    from pathlib import Path

    folder = Path(traps.__file__).parent
    found = set()
    for module in folder.glob("*.py"):
        text = module.read_text(encoding="utf-8")
        found |= set(re.findall(r"\btrio(?:\.\w+)*\._(?!_)\w+", text))
        found |= set(re.findall(r"\basyncio\.(_\w+)", text))
    allowed = {
        "_enter_task",
        "_leave_task",
        "_register_task",
        "_get_running_loop",
        "_set_running_loop",
        "_swap_current_task",
        "trio._core._run",
    }
    assert found <= allowed, found - allowed


def test_uncancel_takes_back_from_3_13_on():
    """asyncio's `uncancel()` takes back what was not delivered since 3.13."""
    from portable.asyncio_on_trio import driver

    async def main():
        task = asyncio.current_task()
        task.cancel()
        task.uncancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return False
        return True

    assert asyncio.run(main()) is driver.UNCANCEL_TAKES_BACK
    assert driver.UNCANCEL_TAKES_BACK is (sys.version_info >= (3, 13))
