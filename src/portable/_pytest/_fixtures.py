"""Fixtures: what becomes of `anyio_backend` and of async fixtures as pytest makes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction, ismethod
from typing import Any

import pytest

from ._use import FIXTURE, Time


class BackendFixtures:
    """The `anyio_backend` fixtures that are made at the moment, and what is built on them."""

    def __init__(self) -> None:
        self._made: dict[pytest.FixtureDef[Any], tuple[Any, Time]] = {}

    def made(self, fixturedef: pytest.FixtureDef[Any], request: Any, time: Time) -> None:
        """Take note that the fixture was made, and for which time."""
        self._made[fixturedef] = request, time

    def tie(self, fixturedef: pytest.FixtureDef[Any], request: Any) -> None:
        """See that an async fixture ends with the backend that it was made on.

        AnyIO makes it depend on `anyio_backend` while it is being made; pytest has noted by
        then what it depends on. A fixture of module scope, say, is so kept when the backend
        changes, and AnyIO goes on to run tests on its event loop: `test[trio]` on asyncio.
        """
        for backend_fixture in self._made:
            backend_fixture.addfinalizer(partial(fixturedef.finish, request))

    def end_others(self, time: Time) -> None:
        """End what was made for another time than that of the test that comes now."""
        for fixturedef, (request, made_for) in list(self._made.items()):
            if made_for != time:
                del self._made[fixturedef]
                fixturedef.finish(request)


def is_async(function: object) -> bool:
    """Say whether a fixture's function is one that AnyIO runs."""
    return iscoroutinefunction(function) or isasyncgenfunction(function)


def is_backend(fixturedef: pytest.FixtureDef[Any]) -> bool:
    """Say whether the fixture is `anyio_backend`, a project's own or a parametrisation."""
    return fixturedef.argname == FIXTURE


def replace_value(fixturedef: pytest.FixtureDef[Any], value: object) -> None:
    """Let a fixture that was just made give another value."""
    result = fixturedef.cached_result
    assert result is not None
    fixturedef.cached_result = (value, result[1], None)


@contextmanager
def driving(fixturedef: Any, instance: object) -> Iterator[None]:
    """While an async fixture is made, let it be driven on trio."""
    from ._stage import driven

    function = fixturedef.func
    bound = function
    if ismethod(function) and type(function.__self__) is type(instance):
        # pytest binds a fixture's method to the instance of the test, as it calls it.
        bound = function.__func__.__get__(instance)
    fixturedef.func = driven(bound)
    try:
        yield
    finally:
        fixturedef.func = function
