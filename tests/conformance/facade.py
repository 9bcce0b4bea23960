"""What CPython's tests find under asyncio's names: portable's own, or a refusal.

`Asyncio` stands for the package `asyncio` and its modules; `Utilities` for the tests' own
`test.test_asyncio.utils`, whose `TestCase` and helpers handle event loops.
"""

from __future__ import annotations

import asyncio
import unittest
from collections.abc import Awaitable, Coroutine
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import anyio

import portable

from . import loops, stage
from .futures import Deferred, Future, plain

_PORTABLE = {
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "ALL_COMPLETED",
    "InvalidStateError",
    "TaskGroup",
    "create_task",
    "sleep",
    "timeout",
    "timeout_at",
    "to_thread",
}


class _AnyCancelled(tuple[type[BaseException], ...]):
    """`portable.CancelledError`; equal to each class it catches.

    Some tests compare the class of an exception with `asyncio.CancelledError` by `==`.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, type):
            return issubclass(other, tuple(self))
        return super().__eq__(other)

    __hash__ = tuple.__hash__


class _TaskType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, portable.Task)

    def __getitem__(cls, item: Any) -> Any:
        return portable.Task[item]


class Task(metaclass=_TaskType):
    """Stands for `asyncio.Task`, the class, which tests call to make one."""

    def __new__(
        cls, coro: Any, *, loop: object = None, name: Any = None, context: Any = None
    ) -> Any:
        stage.judged()
        return portable.create_task(coro, name=name, context=context)


class Asyncio:
    """Stands for the package asyncio, or for one of its modules."""

    CancelledError = _AnyCancelled(portable.CancelledError)
    TimeoutError = TimeoutError
    Event = anyio.Event
    Future = _PyFuture = _CFuture = Future
    Task = _PyTask = _CTask = Task

    def __init__(self, original: ModuleType) -> None:
        self._original = original

    def __getattr__(self, name: str) -> Any:
        if name in _PORTABLE:
            stage.judged()
            return getattr(portable, name)
        what = getattr(self._original, name)  # no more names than asyncio has
        if isinstance(what, ModuleType):
            return Asyncio(what)
        return stage.Refusal(f"{self._original.__name__}.{name}")

    # -- what starts at once in asyncio, and is awaited in portable --------------------

    @staticmethod
    def gather(*aws: Any, return_exceptions: bool = False) -> Deferred:
        _need_loop("asyncio.gather()", aws)
        return Deferred(
            "asyncio.gather()",
            lambda: portable.gather(*map(plain, aws), return_exceptions=return_exceptions),
        )

    @staticmethod
    def shield(aw: Any) -> Deferred:
        _need_loop("asyncio.shield()", [aw])
        return Deferred("asyncio.shield()", lambda: portable.shield(plain(aw)))

    # -- the same, given what stands for the future of one of these --------------------

    @staticmethod
    def wait(aws: Any, **options: Any) -> Any:
        stage.judged()
        return portable.wait(aws, **options)

    @staticmethod
    def wait_for(aw: Any, timeout: float | None) -> Any:
        stage.judged()
        return portable.wait_for(plain(aw), timeout)

    @staticmethod
    def as_completed(aws: Any, **options: Any) -> Any:
        if isinstance(aws, (list, tuple, set, frozenset)):
            _need_loop("asyncio.as_completed()", aws)
        stage.judged()
        return portable.as_completed(aws, **options)

    # -- scaffolding -------------------------------------------------------------------

    @staticmethod
    def ensure_future(aw: Any, *, loop: object = None) -> Any:
        if loop is None:
            _need_loop("asyncio.ensure_future()", [aw])
        if isinstance(aw, Deferred):
            return aw.task()
        if isinstance(aw, Future):
            if loop is not None and loop is not stage.current().loops[0]:
                stage.refuse("a second event loop")
            return aw
        if isinstance(aw, Awaitable) and not isinstance(aw, Coroutine):
            stage.refuse("asyncio.ensure_future() of an awaitable")
        stage.judged()
        return portable.create_task(aw)

    @staticmethod
    def current_task(loop: object = None) -> Any:
        if not stage.offstage():
            return portable.current_task()
        if loop is None:
            stage.refuse("asyncio.current_task() with no event loop running")
        return None

    _py_current_task = _c_current_task = current_task

    @staticmethod
    def get_running_loop() -> loops.Loop:
        return loops.Loop(origin=0)

    @staticmethod
    def new_event_loop() -> loops.Loop:
        return loops.Loop()

    def set_event_loop(self, loop: object) -> None:
        if loop is not None:
            stage.refuse("asyncio.set_event_loop()")


def _need_loop(api: str, aws: Any) -> None:
    """Refuse a call that, with no loop running, would look for a current one."""
    if stage.offstage() and not any(isinstance(aw, Future) for aw in aws):
        stage.refuse(f"{api} with no event loop running")


class TestCase(unittest.TestCase):
    """Stands for `test.test_asyncio.utils.TestCase`: no loops to close, no threads."""

    def set_event_loop(self, loop: object, *, cleanup: bool = True) -> None:
        """The tests' loops need no cleaning up."""

    def new_test_loop(self, gen: object = None) -> loops.Loop:
        return loops.Loop()


_COUNT_TURNS = {"test_cancel_yield"}
"""The tests that mean to stop a task half-way through its first turns. All others let the
loop run to have everything happen that can, which takes AnyIO more turns than asyncio."""


class Utilities:
    """Stands for `test.test_asyncio.utils`."""

    TestCase = TestCase
    get_function_source = stage.Refusal("asyncio.format_helpers")

    @staticmethod
    def MockCallback(**options: Any) -> mock.Mock:  # noqa: N802
        return mock.Mock(spec=["__call__"], **options)

    @staticmethod
    async def run_briefly(loop: object) -> None:
        if stage.current().method in _COUNT_TURNS:
            await loops.turn(1 if portable.current_backend() != "trio" else 2)
        else:
            await loops.turn(loops.TURNS)

    @staticmethod
    def await_without_task(coro: Any) -> None:
        coro.close()
        stage.refuse("loop.call_soon(), to run a coroutine without a task")


class Time:
    """Stands for the module `time`: the program's clock; working takes virtual time."""

    @staticmethod
    def monotonic() -> float:
        return portable.current_time()

    @staticmethod
    def sleep(seconds: float) -> None:
        stage.current().clock.advance(seconds)


async def run_loop(test: object, loop: object) -> None:
    """Stands for the helper of the gather tests that empties the loop's private queue."""
    await loops.turn(loops.TURNS)


def importing(name: str, *args: Any) -> Any:
    """Stands for `__import__` in a module of tests."""
    fromlist = args[2] if len(args) > 2 else ()
    if name == "asyncio" or name.startswith("asyncio."):
        return Asyncio(import_module(name) if fromlist else asyncio)
    if name == "time":
        return Time
    if name == "test.test_asyncio":
        return SimpleNamespace(utils=Utilities)
    if name == "test.test_asyncio.utils":
        return Utilities
    if name == "test.support.script_helper":
        return SimpleNamespace(
            assert_python_ok=stage.Refusal("the environment variable PYTHONASYNCIODEBUG")
        )
    return __import__(name, *args)
