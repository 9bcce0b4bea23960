"""What stands around a coroutine test while it runs, inside its event loop.

The function of the test is replaced for the call, so that whichever plugin runs it runs this
as well. From inside it sees the loop that the test is on in fact, and the test's tasks.
"""

from __future__ import annotations

import sys
import unittest
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction
from typing import Any

import pytest

from ._leaks import Leaks
from ._use import FIXTURE
from ._values import name_of, split
from ._virtual import VirtualTime


@dataclass
class Surroundings:
    """What a test is run with.

    Attributes:
        test: the name of the test, for messages.
        value: what `anyio_backend` gives it; `None` if it does not use the fixture.
        checked: whether it is an error to run on another backend.
        driven: whether it may await what is asyncio's on trio, too.
        time: the virtual time that it runs in.
        leaks: what looks for what it leaves behind.
        begun: whether the coroutine began to run.
    """

    test: str
    value: object = None
    checked: bool = False
    driven: bool = False
    time: VirtualTime | None = None
    leaks: Leaks | None = None
    begun: bool = field(default=False, init=False)

    async def run(self, test: Callable[..., Any], args: Any, kwargs: Any) -> object:
        """Run the coroutine function of the test."""
        __tracebackhide__ = True
        self.begun = True
        if self.checked:
            _check_backend(self.value, self.test)
        call = partial(self._run, partial(test, *args, **kwargs))
        if self.driven and _native_backend() == "trio":
            from ._stage import drive

            return await drive(call)
        return await call()

    async def _run(self, test: Callable[[], Awaitable[object]]) -> object:
        __tracebackhide__ = True
        async with AsyncExitStack() as stack:
            if self.leaks is not None:
                await stack.enter_async_context(self.leaks.tasks())
            clock = self.time and self.time.running
            return await (clock.guard(test) if clock else test())


def _check_backend(value: object, test: str) -> None:
    __tracebackhide__ = True
    parts, expected, running = split(value), name_of(value), _native_backend()
    own_factory = parts is not None and "loop_factory" in parts[1]
    if expected == running or (own_factory and "trio" not in (expected, running)):
        return  # a factory of the project's own may make any loop of asyncio's kind
    pytest.fail(
        f"{test} is to run on {expected}, but runs on {running}. Either another plugin runs it "
        "(pytest-asyncio in auto mode does: set asyncio_mode = strict), or it uses an async "
        "fixture that was made on the other backend and was kept",
        pytrace=False,
    )


def _native_backend() -> str:
    """Return the backend whose task this is.

    Not what AnyIO says, who remembers the backend of an async fixture that is still alive:
    beside one that keeps trio, it takes a task of another plugin's asyncio for trio's.
    """
    trio = sys.modules.get("trio")
    if trio is not None and trio.lowlevel.in_trio_task():
        return "trio"
    import asyncio

    modules = {
        cls.__module__.partition(".")[0] for cls in type(asyncio.get_running_loop()).__mro__
    }
    return "uvloop" if "uvloop" in modules else "asyncio"


@contextmanager
def surrounded(item: pytest.Function, surroundings: Surroundings) -> Iterator[None]:
    """Replace the function of a test for the call."""
    function = item.obj
    if is_coroutine_test(item):
        item.obj = _wrapped(function, surroundings)
        try:
            yield
        finally:
            item.obj = function
    elif (inner := _hypothesis_test(function)) is not None:
        # AnyIO replaces it too, for good; so it is put back for the next backend's turn.
        function.hypothesis.inner_test = _wrapped(inner, surroundings)
        try:
            yield
        finally:
            function.hypothesis.inner_test = inner
    else:
        yield


def _wrapped(function: Callable[..., Any], surroundings: Surroundings) -> Callable[..., Any]:
    @wraps(function)
    async def test(*args: Any, **kwargs: Any) -> object:
        __tracebackhide__ = True
        return await surroundings.run(function, args, kwargs)

    return test


def is_coroutine_test(item: pytest.Item) -> bool:
    """Say whether a plugin has to run this test in an event loop.

    unittest does it for its own tests, but for those that are marked as AnyIO's: AnyIO makes
    plain functions out of them.
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
def must_be_run(item: pytest.Item, surroundings: Surroundings) -> Iterator[None]:
    """Around the call of a test: a coroutine that no plugin ran is a failure."""
    if not is_coroutine_test(item) and not _is_async_generator(item):
        yield
        return
    try:
        yield
    except pytest.fail.Exception as failed:
        # What pytest does with a coroutine test that is left to it.
        if surroundings.begun or "async def" not in str(failed):
            raise
    if not surroundings.begun:
        pytest.fail(
            f"{item.name} is async and no plugin ran it: mark it with pytest.mark.anyio, or "
            "set anyio_mode = auto",
            pytrace=False,
        )


def _is_async_generator(item: pytest.Item) -> bool:
    return isinstance(item, pytest.Function) and isasyncgenfunction(item.obj)
