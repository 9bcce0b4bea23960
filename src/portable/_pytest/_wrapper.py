"""The wrapper around a coroutine test, which runs inside the test's event loop.

The test function is replaced by the wrapper for one call, so any plugin that runs the test
runs the wrapper too. Only from inside the loop can it see which backend really runs the test,
and which tasks the test leaves behind.
"""

from __future__ import annotations

import signal
import unittest
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from portable._backends import current_backend

from ._advice import how_anyio_runs
from ._items import FIXTURE
from ._values import name_of, split

if TYPE_CHECKING:
    from ._context import SharedContext
    from ._leaks import Leaks
    from ._virtual import VirtualTime


_ANOTHER_PLUGIN = (
    "another plugin runs it (pytest-asyncio in auto mode does: set asyncio_mode = strict)"
)


@dataclass
class Wrapper:
    """Wraps the coroutine function of one test.

    Attributes:
        test: the name of the test, for messages.
        value: the value of its `anyio_backend` fixture; `None` if it does not use the fixture.
        checked: whether the test fails if it runs on another backend than that.
        driven: whether the test runs in an asyncio task on trio, too.
        time: the virtual time that it runs in; `None`: real time.
        leaks: the leak check; `None`: there is none.
        context: what brings in the context variables of fixtures; `None`: nothing does.
        begun: whether the coroutine has begun to run.
    """

    test: str
    value: object = None
    checked: bool = False
    driven: bool = False
    time: VirtualTime | None = None
    leaks: Leaks | None = None
    context: SharedContext | None = None
    begun: bool = field(default=False, init=False)

    async def run(self, test: Callable[..., Any], args: Any, kwargs: Any) -> object:
        """Run the coroutine function of the test."""
        __tracebackhide__ = True
        self.begun = True
        if self.checked:
            _check_backend(self.value, self.test)
        call = partial(self._run, partial(test, *args, **kwargs))
        if current_backend() == "trio":
            return await self._run_on_trio(call)
        return await call()

    async def _run_on_trio(self, call: Callable[[], Awaitable[object]]) -> object:
        """Run the test on trio; if a signal's handler raises while it waits, cancel it.

        So do time limits. The error goes to pytest, which leaves the test; AnyIO would wait
        for its end.
        """
        __tracebackhide__ = True
        import trio

        from portable._handlers import HandlerStandIns

        def meet(handle: Callable[[], object]) -> None:
            if trio.lowlevel.in_trio_task():
                handle()  # the test may catch what it raises
                return
            try:
                handle()
            except BaseException:
                token.run_sync_soon(scope.cancel)
                raise

        token = trio.lowlevel.current_trio_token()
        handlers = HandlerStandIns(meet, but={signal.SIGINT})  # that one is trio's
        handlers.start()
        try:
            with trio.CancelScope() as scope:
                if self.driven:
                    from ._stage import drive

                    return await drive(call)
                return await call()
        finally:
            handlers.stop()
        return None  # nobody awaits it

    async def _run(self, test: Callable[[], Awaitable[object]]) -> object:
        __tracebackhide__ = True
        if self.context is not None:
            self.context.bring_in()
        async with AsyncExitStack() as stack:
            if self.leaks is not None:
                await stack.enter_async_context(self.leaks.tasks())
            if self.time is None:
                return await test()
            clock = self.time.running
            if clock is None or not clock.is_running():
                _fail_in_real_time(self.test)
            return await clock.guard(test)


def _check_backend(value: object, test: str) -> None:
    __tracebackhide__ = True
    parts, expected, running = split(value), name_of(value), current_backend()
    own_factory = parts is not None and "loop_factory" in parts[1]
    if expected == running or (own_factory and "trio" not in (expected, running)):
        return  # the project's own loop factory may make a loop of any class
    pytest.fail(
        f"{test} is to run on {expected}, but runs on {running}. Either {_ANOTHER_PLUGIN}, or "
        "it uses an async fixture that was made on the other backend and was kept",
        pytrace=False,
    )


def _fail_in_real_time(test: str) -> NoReturn:
    __tracebackhide__ = True
    pytest.fail(
        f"{test} is to run in virtual time, but runs in real time, on a loop that is not "
        f"AnyIO's: {_ANOTHER_PLUGIN}",
        pytrace=False,
    )


@contextmanager
def wrapping(item: pytest.Function, wrapper: Wrapper) -> Iterator[None]:
    """Replace the test function by its wrapper in the block."""
    function = item.obj
    if is_coroutine_test(item):
        item.obj = _wrapped(function, wrapper)
        try:
            yield
        finally:
            item.obj = function
    elif (inner := _hypothesis_test(function)) is not None:
        # AnyIO replaces `inner_test` and leaves it so; the next backend needs the original.
        function.hypothesis.inner_test = _wrapped(inner, wrapper)
        try:
            yield
        finally:
            function.hypothesis.inner_test = inner
    else:
        yield


def _wrapped(function: Callable[..., Any], wrapper: Wrapper) -> Callable[..., Any]:
    @wraps(function)
    async def test(*args: Any, **kwargs: Any) -> object:
        __tracebackhide__ = True
        return await wrapper.run(function, args, kwargs)

    return test


def is_coroutine_test(item: pytest.Item) -> bool:
    """Say whether a plugin has to run this test in an event loop.

    unittest runs its own coroutine tests, except those with AnyIO's marker: AnyIO turns them
    into plain functions.
    """
    return (
        isinstance(item, pytest.Function)
        and iscoroutinefunction(item.obj)
        and (
            item.cls is None
            or not issubclass(item.cls, unittest.TestCase)
            or FIXTURE in item.fixturenames
        )
    )


def _hypothesis_test(function: Any) -> Callable[..., Any] | None:
    inner = getattr(getattr(function, "hypothesis", None), "inner_test", None)
    return inner if iscoroutinefunction(inner) else None


@contextmanager
def must_be_run(item: pytest.Item, wrapper: Wrapper) -> Iterator[None]:
    """Fail a coroutine test that no plugin has run in the block."""
    if not is_coroutine_test(item) and not _is_async_generator(item):
        yield
        return
    try:
        yield
    except pytest.fail.Exception as failed:
        # pytest itself fails a coroutine test that no plugin has run; say it better below.
        if wrapper.begun or "async def" not in str(failed):
            raise
    if not wrapper.begun:
        pytest.fail(
            f"{item.name} is async and no plugin ran it. AnyIO would: {how_anyio_runs(item)}",
            pytrace=False,
        )


def _is_async_generator(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and isasyncgenfunction(item.obj)
