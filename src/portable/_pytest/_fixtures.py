"""How long `anyio_backend` and the async fixtures made with it live, and their values."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from inspect import isasyncgenfunction, iscoroutinefunction, ismethod
from typing import Any, TypeAlias

import pytest

from ._items import FIXTURE
from ._settings import Time

Step: TypeAlias = Callable[[], Awaitable[Any]]
RunStep: TypeAlias = Callable[[Step], Awaitable[Any]]


class BackendFixtures:
    """The `anyio_backend` fixtures that are set up now, and the async ones made with them."""

    def __init__(self) -> None:
        self._made: dict[pytest.FixtureDef[Any], tuple[Any, Time]] = {}

    def made(self, fixturedef: pytest.FixtureDef[Any], request: Any, time: Time) -> None:
        """Note that an `anyio_backend` fixture was set up, and for which time."""
        self._made[fixturedef] = request, time

    def tie(self, fixturedef: pytest.FixtureDef[Any], request: Any) -> None:
        """Tear an async fixture down with the backend that it was made on.

        AnyIO lets an async fixture depend on `anyio_backend`, but only after pytest has noted
        what the fixture depends on. So pytest keeps a fixture of module scope when the backend
        changes, and AnyIO runs the next tests on its old event loop: `test[trio]` on asyncio.
        """
        for backend_fixture in self._made:
            backend_fixture.addfinalizer(partial(fixturedef.finish, request))

    def end_others(self, time: Time) -> None:
        """Tear down the fixtures that were made for another time than the next test's."""
        for fixturedef, (request, made_for) in list(self._made.items()):
            if made_for != time:
                del self._made[fixturedef]
                fixturedef.finish(request)


def is_async(function: object) -> bool:
    """Say whether AnyIO runs a fixture's function."""
    return iscoroutinefunction(function) or isasyncgenfunction(function)


def is_backend(fixturedef: pytest.FixtureDef[Any]) -> bool:
    """Say whether the fixture is an `anyio_backend`: AnyIO's, a project's, or a parameter."""
    return fixturedef.argname == FIXTURE


def replace_value(fixturedef: pytest.FixtureDef[Any], value: object) -> None:
    """Give a fixture that was just set up another value."""
    result = fixturedef.cached_result
    assert result is not None
    fixturedef.cached_result = (value, result[1], None)


@contextmanager
def steps_run_by(run: RunStep, fixturedef: Any, instance: object) -> Iterator[None]:
    """Let `run` run the steps of an async fixture that is set up in the block.

    A coroutine function has one step. An async generator function has a step for each `yield`,
    and a last one that closes the generator.

    Args:
        run: gets a step as a function without parameters, and awaits it.
        fixturedef: the fixture.
        instance: the instance of the test's class, if it has one.
    """
    function = fixturedef.func
    bound = function
    if ismethod(function) and type(function.__self__) is type(instance):
        # pytest binds a fixture's method to the instance of the test, as it calls it.
        bound = function.__func__.__get__(instance)
    fixturedef.func = _stepwise(bound, run)
    try:
        yield
    finally:
        fixturedef.func = function


def _stepwise(function: Callable[..., Any], run: RunStep) -> Callable[..., Any]:
    if iscoroutinefunction(function):

        @wraps(function)
        async def returning(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return await run(partial(function, *args, **kwargs))

        return returning

    @wraps(function)
    async def yielding(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        __tracebackhide__ = True
        values = function(*args, **kwargs)
        try:
            while True:
                try:
                    value = await run(values.__anext__)
                except StopAsyncIteration:
                    return
                yield value
        finally:
            await run(values.aclose)

    return yielding
