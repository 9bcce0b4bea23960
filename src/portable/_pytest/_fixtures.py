"""How long `anyio_backend` and the async fixtures made with it live, and their values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction, ismethod
from typing import Any

import pytest

from ._items import FIXTURE
from ._settings import Time


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
def replacing(
    fixturedef: Any, instance: object, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Iterator[None]:
    """Wrap the function of an async fixture if it is set up in the block."""
    function = fixturedef.func
    bound = function
    if ismethod(function) and type(function.__self__) is type(instance):
        # pytest binds a fixture's method to the instance of the test, as it calls it.
        bound = function.__func__.__get__(instance)
    fixturedef.func = wrap(bound)
    try:
        yield
    finally:
        fixturedef.func = function
