"""Context variables that fixtures set, for everything that comes after (`shared_context`).

AnyIO runs async fixtures and tests in one task, which has a context of its own. What an async
fixture sets there is not seen by sync fixtures and tests, which run in pytest's own context.
What a sync fixture sets is not seen in the task if that was there before. So the variables
that a fixture changes are noted, and set in the other context before something runs there.

pytest's own context goes first: what a test sets in the task is not brought out of it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from contextvars import Context, ContextVar, Token, copy_context
from typing import Any, TypeAlias

import pytest

from ._fixtures import Step

_Changes: TypeAlias = dict[ContextVar[Any], Any]


class SharedContext:
    """The plugin that carries variables from one context into the other."""

    def __init__(self) -> None:
        self._changed: set[ContextVar[Any]] = set()
        self._pytests = copy_context()
        self._pending: _Changes = {}
        self._there, self._here = _Setter(), _Setter()

    # In pytest's own context --------------------------------------------------------------

    # Outside of Runtime's hook, whose wrapped fixture notes what it changes.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(self) -> Generator[None, object, object]:
        before = self._pytests = copy_context()
        try:
            return (yield)
        finally:
            self._changed.update(_changes(before, copy_context()))
            self._bring_out()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Generator[None, object, object]:
        self._pytests = copy_context()
        return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self) -> Generator[None, object, object]:
        self._pytests = copy_context()
        return (yield)

    def pytest_fixture_post_finalizer(self) -> None:
        self._bring_out()

    def _bring_out(self) -> None:
        pending, self._pending = self._pending, {}
        for var, value in pending.items():
            self._here.set(var, value)
        self._changed.update(pending)
        self._pytests = copy_context()

    # In the task --------------------------------------------------------------------------

    def bring_in(self) -> None:
        """Set in the context of the caller what fixtures have changed in pytest's own."""
        mine = copy_context()
        for var in self._changed:
            value = self._pytests.get(var, Token.MISSING)
            if mine.get(var, Token.MISSING) is not value:
                self._there.set(var, value)

    async def run_step(self, step: Step) -> Any:
        """Run a step of an async fixture, and note what it changes."""
        __tracebackhide__ = True
        self.bring_in()
        before = copy_context()
        try:
            return await step()
        finally:
            self._pending |= _changes(before, copy_context())


class _Setter:
    """Sets variables in one context, and takes back what was not set before."""

    def __init__(self) -> None:
        self._tokens: dict[ContextVar[Any], Token[Any]] = {}

    def set(self, var: ContextVar[Any], value: object) -> None:
        if value is not Token.MISSING:
            token = var.set(value)
            if token.old_value is Token.MISSING:
                self._tokens[var] = token
        elif var in self._tokens:
            with suppress(ValueError, RuntimeError):  # of a loop that is over, or used up
                var.reset(self._tokens.pop(var))


def _changes(before: Context, after: Context) -> _Changes:
    changed = {
        var: value
        for var, value in after.items()
        if before.get(var, Token.MISSING) is not value
    }
    return changed | {var: Token.MISSING for var in before if var not in after}
