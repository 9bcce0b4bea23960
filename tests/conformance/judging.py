"""Runs one of CPython's tests on one backend, and tells how it ended."""

from __future__ import annotations

import gc
import inspect
import logging
import unittest
import warnings
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import portable

from . import stage

_IN_REAL_TIME = {"test_asyncio_wait_for_cancelled", "test_asyncio_wait_for_timeout"}
"""Their task refuses to be cancelled until its time is over. Cancelled at every `await`
(D1) it never waits, so that virtual time would stand still."""


@dataclass(frozen=True, order=True)
class Case:
    """One test of CPython's: `str()` of it is its name."""

    module: str
    cls: str
    method: str

    def __str__(self) -> str:
        return f"{self.module}.{self.cls}.{self.method}"


def cases(name: str, module: ModuleType) -> list[Case]:
    """Return every test of a loaded module."""
    found = []
    for cls in vars(module).values():
        if isinstance(cls, type) and issubclass(cls, unittest.TestCase):
            names = unittest.defaultTestLoader.getTestCaseNames(cls)
            found += [Case(name, cls.__name__, method) for method in names]
    return found


@dataclass(frozen=True)
class Outcome:
    """How a test ended: with nothing to say where it passed."""

    refused: str | None = None
    """The first API that it needs and portable does not stand for."""
    problem: str | None = None
    """What it raised or left behind."""

    @property
    def passed(self) -> bool:
        return self.refused is None and self.problem is None

    def __str__(self) -> str:
        return f"needs {self.refused}" if self.refused else self.problem or "passed"


def judge(case: Case, module: ModuleType, backend: str) -> Outcome:
    """Run the test."""
    act = stage.Stage(case.method, backend)
    stage.enter(act)
    noise = _Noise()
    logging.getLogger("asyncio").addHandler(noise)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            problem = _run(case, module, act)
            act.clear()
            gc.collect()  # what the test left un-awaited says so now
    finally:
        logging.getLogger("asyncio").removeHandler(noise)
        stage.leave()
    if act.refused:
        return Outcome(refused=act.refused[0])
    if problem is None and not act.judged:
        return Outcome(refused="nothing that portable stands for")
    if problem is None and warned:
        problem = f"{warned[0].category.__name__}: {warned[0].message}"
    if problem is None and noise.records:
        problem = f"logged: {noise.records[0]}"
    return Outcome(problem=problem)


class _Noise(logging.Handler):
    """Keeps what asyncio has to complain of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record.getMessage())


def _run(case: Case, module: ModuleType, act: stage.Stage) -> str | None:
    cls = getattr(module, case.cls)
    time = False if case.method in _IN_REAL_TIME else act.clock
    try:
        portable.run(_direct, cls, case, act, backend=act.backend, virtual_time=time)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return describe(error)
    return None


async def _direct(cls: type[unittest.TestCase], case: Case, act: stage.Stage) -> None:
    """Run the test as unittest would; one that is a coroutine in a task of its own."""
    test = cls(case.method)
    play = _play(test, case.method)
    if issubclass(cls, unittest.IsolatedAsyncioTestCase):
        await portable.create_task(play)
    else:
        act.director = portable.current_task()
        await play


async def _play(test: Any, method: str) -> None:
    test.setUp()
    try:
        result = getattr(test, method)()
        if inspect.isawaitable(result):
            await result
    finally:
        test.tearDown()
        if not test.doCleanups():
            raise AssertionError("a clean-up of the test failed")


def describe(error: BaseException) -> str:
    """Return an exception in one line, those in a group one after the other."""
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, BaseExceptionGroup):
        text += f" [{'; '.join(map(describe, error.exceptions))}]"
    return " ".join(text.split())
