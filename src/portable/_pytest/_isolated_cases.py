"""Variants of unittest's `IsolatedAsyncioTestCase` classes, one for each chosen backend.

Such a class makes the loop of each of its tests itself, and pytest cannot parametrise it. So
each class is collected once for each backend, as a subclass of the same name with a loop
factory. From Python 3.13 on unittest uses that factory. Older Pythons use asyncio's event loop
policy, which is replaced while such a test runs.
"""

from __future__ import annotations

import asyncio
import sys
import unittest
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ._items import copy_mark
from ._loop_factories import LoopFactory
from ._selection import Selection

_ATTRIBUTE = "loop_factory"


class IsolatedCases:
    """A plugin that collects unittest's classes once for each backend."""

    def __init__(self, selection: Selection) -> None:
        self._factories = [LoopFactory(name) for name in selection.names]

    @pytest.hookimpl(wrapper=True)
    def pytest_pycollect_makeitem(self, obj: object) -> Generator[None, Any, Any]:
        """Return a variant of a class for each backend, in place of the class."""
        made = yield
        if isinstance(made, pytest.Class) and _is_free(obj):
            return [_variant(made, obj, factory) for factory in self._factories]
        return made

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Replace the policy during a test, on Pythons where unittest uses it."""
        factory = factory_of(item)
        if factory is None or sys.version_info >= (3, 13):
            return (yield)
        with _policy(factory):
            return (yield)


def factory_of(item: pytest.Item) -> LoopFactory | None:
    """Return the loop factory of a variant that was made here; `None`: it is no variant."""
    cls = item.cls if isinstance(item, pytest.Function) else None
    factory = getattr(cls, _ATTRIBUTE, None)
    return factory if isinstance(factory, LoopFactory) else None


def _is_free(obj: object) -> bool:
    """Say whether a class is one of unittest's and has no loop factory of its own."""
    case = unittest.IsolatedAsyncioTestCase
    return (
        isinstance(obj, type)
        and issubclass(obj, case)
        and getattr(obj, _ATTRIBUTE, None) is getattr(case, _ATTRIBUTE, None)
    )


def _variant(made: pytest.Class, case: Any, factory: LoopFactory) -> pytest.Class:
    """Return the collector of a class for one backend.

    Its name has no brackets, because on the command line a class's name ends at a bracket.
    """
    names = {
        _ATTRIBUTE: factory,
        "__module__": case.__module__,
        "__qualname__": case.__qualname__,
        "__doc__": case.__doc__,
    }
    own: Any = type(case.__name__, (case,), names)
    node: Any = type(made).from_parent(
        made.parent, name=f"{made.name}-{factory.backend}", obj=own
    )
    node.obj = own
    for mark in made.own_markers:
        copy_mark(mark, node)
    return node  # type: ignore[no-any-return]


@contextmanager
def _policy(factory: Callable[[], asyncio.AbstractEventLoop]) -> Iterator[None]:
    class Policy(asyncio.DefaultEventLoopPolicy):
        def new_event_loop(self) -> asyncio.AbstractEventLoop:
            # The factory of asyncio's own loop asks the policy again: it must be the old one.
            asyncio.set_event_loop_policy(before)
            try:
                return factory()
            finally:
                asyncio.set_event_loop_policy(self)

    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(Policy())
    try:
        yield
    finally:
        asyncio.set_event_loop_policy(before)
