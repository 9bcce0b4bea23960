"""The hooks that are at work while tests run, in a run that makes use of the plugin.

They are registered when the tests have been collected, and only if one of them needs it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from typing import Any

import pytest

from ._fixtures import BackendFixtures, driving, is_async, is_backend, replace_value
from ._inside import Surroundings, is_coroutine_test, must_be_run, surrounded
from ._leaks import Leaks
from ._markers import wish_of
from ._parametrizing import refusal
from ._reporting import note_backend
from ._schedules import note_seed
from ._use import (
    BACKENDS_MARKER,
    FIXTURE,
    SCHEDULES_MARKER,
    Settings,
    Time,
    fixtures_of,
    seed_of,
    value_for,
)
from ._values import name_of
from ._virtual import RunningClock, VirtualTime


class Runtime:
    """What the plugin does to fixtures and tests.

    Args:
        settings: what the command line and the ini file say.
        drives: whether tests and fixtures may await what is asyncio's on trio, too.

    Attributes:
        time: the virtual time of this process.
    """

    def __init__(self, settings: Settings, *, drives: bool) -> None:
        self.time = VirtualTime()
        self._settings = settings
        self._drives = drives
        self._fixtures = BackendFixtures()
        self._time_now = Time()

    def clock_for(self, item: pytest.Item) -> RunningClock:
        """Return what the fixture `virtual_clock` gives a test."""
        if FIXTURE not in fixtures_of(item):
            pytest.fail(
                "virtual_clock: AnyIO does not run this test; mark it with pytest.mark.anyio",
                pytrace=False,
            )
        if not self._settings.is_virtual(item):
            pytest.fail(
                "virtual_clock: the marker virtual_time(False) keeps this test in real time",
                pytrace=False,
            )
        return RunningClock(self.time)

    # Outermost, so that AnyIO sees the fixture as this leaves it.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
    ) -> Generator[None, object, object]:
        if is_backend(fixturedef):
            value = yield
            if self._time_now.virtual:
                value = self.time.value(value, self._time_now.seed)
                replace_value(fixturedef, value)
            self._fixtures.made(fixturedef, request, self._time_now)
            return value
        if not (is_async(fixturedef.func) and FIXTURE in request.fixturenames):
            return (yield)
        with ExitStack() as stack:
            stack.callback(self._fixtures.tie, fixturedef, request)
            if self._drives:
                stack.enter_context(driving(fixturedef, request.instance))
            return (yield)

    # Innermost, so that what else looks at the time sees the real one.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        if FIXTURE in fixtures_of(item):
            self._time_now = self._settings.time_of(item)
            self._fixtures.end_others(self._time_now)
        elif is_coroutine_test(item) and self._settings.is_marked_virtual(item):
            pytest.fail(
                "virtual_time: AnyIO does not run this test; mark it with pytest.mark.anyio",
                pytrace=False,
            )
        if self._settings.seeds:
            _require_schedules_to_mean_something(item, self._settings)
        with self._wall_clock(item):
            yield
            _skip_what_is_excluded(item)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        with self._wall_clock(item):
            yield

    # Outermost, so that other plugins that run coroutines run the one that this makes.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        __tracebackhide__ = True
        if not isinstance(item, pytest.Function):
            return (yield)
        selection = self._settings.selection
        virtual = self._settings.is_virtual(item)
        leaks = Leaks() if self._settings.must_be_clean(item) else None
        surroundings = Surroundings(
            test=item.name,
            value=value_for(item),
            checked=FIXTURE in item.fixturenames
            and bool(selection or virtual or item.get_closest_marker(BACKENDS_MARKER)),
            driven=self._drives,
            time=self.time if virtual else None,
            leaks=leaks,
        )
        with ExitStack() as stack:
            stack.enter_context(self._wall_clock(item))
            if selection is not None:
                stack.enter_context(must_be_run(item, surroundings))
            if leaks is not None:
                stack.enter_context(leaks.threads_and_coroutines())
            stack.enter_context(surrounded(item, surroundings))
            yield
        if leaks is not None:
            leaks.report()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if self._settings.selection is not None:
            note_backend(report, item)
        note_seed(report, seed_of(item))
        return report

    def _wall_clock(self, item: pytest.Item) -> ExitStack:
        stack = ExitStack()
        if self._settings.is_virtual(item):
            stack.enter_context(self.time.steering_the_wall_clock())
        return stack


def _require_schedules_to_mean_something(item: pytest.Item, settings: Settings) -> None:
    if item.get_closest_marker(SCHEDULES_MARKER) is None:
        return
    if FIXTURE not in fixtures_of(item):
        pytest.fail(
            "schedules: AnyIO does not run this test; mark it with pytest.mark.anyio",
            pytrace=False,
        )
    if not settings.is_virtual(item):
        pytest.fail(
            "schedules: the marker virtual_time(False) keeps this test in real time, where "
            "the order of tasks cannot be chosen",
            pytrace=False,
        )


def _skip_what_is_excluded(item: pytest.Item) -> None:
    """Skip a test on a backend that its marker excludes.

    What a fixture without params gives is known no sooner than it is made.
    """
    wish, name = wish_of(item), name_of(value_for(item))
    if wish is not None and name is not None and name not in wish.names:
        pytest.skip(refusal(name, wish))
