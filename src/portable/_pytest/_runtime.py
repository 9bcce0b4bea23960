"""The hooks that run while tests are set up, called and torn down.

The plugin registers them when the tests have been collected, if the run uses it at all. What
only some runs use is imported when a test asks for it: virtual time, leaks, schedules.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from ._advice import how_anyio_runs
from ._fixtures import BackendFixtures, is_async, is_backend, replace_value, steps_run_by
from ._items import (
    BACKENDS_MARKER,
    FIXTURE,
    SCHEDULES_MARKER,
    fixtures_of,
    seed_of,
    value_for,
)
from ._markers import allowed_by_markers
from ._parametrizing import not_chosen, refusal
from ._settings import Settings, Time
from ._values import name_of
from ._wrapper import Wrapper, is_coroutine_test, must_be_run, wrapping

if TYPE_CHECKING:
    from ._context import SharedContext
    from ._coroutines import Heap
    from ._selection import Selection
    from ._shrinking import Shrinker
    from ._virtual import RunningClock, VirtualTime


class Runtime:
    """The hooks for fixtures and tests.

    Args:
        settings: what the command line and the ini file say.
        context: what shares the context variables of fixtures; `None`: they are not shared.
        drives: whether tests and async fixtures run in an asyncio task on trio, too.
    """

    def __init__(
        self, settings: Settings, context: SharedContext | None, *, drives: bool
    ) -> None:
        self._settings = settings
        self._context = context
        self._drives = drives
        self._fixtures = BackendFixtures()
        self._time_now = Time()
        self._shrinker: Shrinker | None = None

    @cached_property
    def time(self) -> VirtualTime:
        """The virtual time of this process's tests."""
        from ._virtual import VirtualTime

        return VirtualTime()

    @cached_property
    def _heap(self) -> Heap:
        from ._coroutines import Heap

        return Heap()

    def clock_for(self, item: pytest.Item) -> RunningClock:
        """Return the value of the fixture `virtual_clock` for a test."""
        if FIXTURE not in fixtures_of(item):
            _fail_without_anyio(item, "virtual_clock")
        if not self._settings.is_virtual(item):
            pytest.fail(
                "virtual_clock: the marker virtual_time(False) keeps this test in real time",
                pytrace=False,
            )
        from ._virtual import RunningClock

        return RunningClock(self.time)

    # Outermost, so that AnyIO's hook gets the fixture with its changed value and function.
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
            if self._context is not None:
                noting = self._context.run_step
                stack.enter_context(steps_run_by(noting, fixturedef, request.instance))
            if self._drives:
                from ._stage import run_step

                stack.enter_context(steps_run_by(run_step, fixturedef, request.instance))
            return (yield)

    # In place of pytest's own, which would run a test under a schedule only once.
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> bool | None:
        if seed_of(item) is None:
            return None
        from ._schedules import test_of

        if self._shrinker is None:
            from ._shrinking import Shrinker

            self._shrinker = Shrinker(self.time)
        self._shrinker.run(item, nextitem, test_of(item.nodeid))
        return True

    # Innermost, so that other plugins' hooks see real time.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, None, None]:
        if FIXTURE in fixtures_of(item):
            self._time_now = self._settings.time_of(item)
            self._fixtures.end_others(self._time_now)
            if self._time_now.virtual:
                self.time.begin(self._settings.io_limit_for(item))
        elif is_coroutine_test(item) and self._settings.is_marked_virtual(item):
            _fail_without_anyio(item, "virtual_time")
        if self._settings.seeds:
            _fail_if_schedules_cannot_apply(item, self._settings)
        with self._wall_clock(item):
            yield
            _skip_if_excluded(item, self._settings.selection)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, None, None]:
        with self._wall_clock(item):
            yield

    # Outermost, so that the plugin that runs the coroutine runs the wrapper.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        __tracebackhide__ = True
        if not isinstance(item, pytest.Function):
            return (yield)
        selection = self._settings.selection
        virtual = self._settings.is_virtual(item)
        leaks = None
        if self._settings.must_be_clean(item):
            from ._leaks import Leaks

            leaks = Leaks(self._heap)
        wrapper = Wrapper(
            test=item.name,
            value=value_for(item),
            checked=FIXTURE in item.fixturenames
            and bool(selection or virtual or item.get_closest_marker(BACKENDS_MARKER)),
            driven=self._drives,
            time=self.time if virtual else None,
            leaks=leaks,
            context=self._context,
        )
        with ExitStack() as stack:
            stack.enter_context(self._wall_clock(item))
            if selection is not None:
                stack.enter_context(must_be_run(item, wrapper))
            if leaks is not None:
                stack.enter_context(leaks.threads_and_coroutines())
            stack.enter_context(wrapping(item, wrapper))
            yield
        if leaks is not None:
            leaks.report()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        if report.failed and self._settings.is_virtual(item):
            from ._reporting import note_cut_off

            note_cut_off(report, self.time.cut_off())
        if self._settings.selection is not None:
            from ._reporting import note_backend

            note_backend(report, item)
        seed = seed_of(item)
        if seed is not None:
            from ._schedules import note_seed

            note_seed(report, seed)
        return report

    def _wall_clock(self, item: pytest.Item) -> ExitStack:
        stack = ExitStack()
        if self._settings.is_virtual(item):
            stack.enter_context(self.time.steering_the_wall_clock())
        return stack


def _fail_without_anyio(item: pytest.Item, wanted: str) -> NoReturn:
    """Fail a test that wants what only tests run by AnyIO can have."""
    pytest.fail(
        f"{wanted}: AnyIO does not run this test; {how_anyio_runs(item)}", pytrace=False
    )


def _fail_if_schedules_cannot_apply(item: pytest.Item, settings: Settings) -> None:
    if item.get_closest_marker(SCHEDULES_MARKER) is None:
        return
    if FIXTURE not in fixtures_of(item):
        _fail_without_anyio(item, "schedules")
    if not settings.is_virtual(item):
        pytest.fail(
            "schedules: the marker virtual_time(False) keeps this test in real time, where "
            "the order of tasks cannot be chosen",
            pytrace=False,
        )


def _skip_if_excluded(item: pytest.Item, selection: Selection | None) -> None:
    """Skip a test on a backend that its marker excludes, or that was not chosen.

    The value of a fixture without params is known only once it is set up.
    """
    allowed, name = allowed_by_markers(item), name_of(value_for(item))
    if name is None:
        return
    if allowed is not None and name not in allowed.names:
        pytest.skip(refusal(name, allowed))
    if selection is not None and name not in selection.names:
        pytest.skip(not_chosen([name], selection))
