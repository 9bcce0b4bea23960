"""The pytest plugin: AnyIO tests on the backends you choose, in real or virtual time.

AnyIO's own plugin runs a coroutine test once for each value of the `anyio_backend` fixture.
This plugin chooses the values. With `--anyio-backends` (or the ini setting `anyio_backends`)
each test that uses the fixture is collected once for each chosen backend, even if the project
has a fixture of that name. Markers restrict a test to some backends, put it into virtual time,
repeat it under several schedules, or make it fail if it leaves tasks or threads behind. On
trio, tests and async fixtures run in an asyncio task if the project uses portable or asyncio.
The terminal summary counts the results for each backend. A run that uses none of this is not
changed.

pytest loads this module in every run of everyone who has portable installed. So it imports
pytest alone; the hooks import their parts from `portable._pytest` when they need them.

pytest rewrites the assert statements of plugins, and warns if a plugin was imported before it
could do so. This module has no assert statement, and opts out: PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import copy
import os
import shlex
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from portable.clock._taken import Seed

    from ._pytest._runtime import Runtime
    from ._pytest._selection import Selection
    from ._pytest._settings import Settings
    from ._pytest._virtual import RunningClock

_OPTION = "--anyio-backends"
_INI = "anyio_backends"
_FIXTURE = "anyio_backend"
_CLOCK_FIXTURE = "virtual_clock"
_RUNTIME = "portable-runtime"
_MARKERS = {
    "anyio_backends(*names, exclude=())": (
        "run this AnyIO test on these backends, or on all but the excluded; they are: "
        "asyncio, uvloop, trio"
    ),
    "virtual_time(on=True, io=None)": (
        "run this AnyIO test in virtual time, or not; I/O from outside is given so many real "
        "seconds of silence before time jumps"
    ),
    "no_leaks(on=True)": (
        "fail this test if it leaves tasks, threads or un-awaited coroutines, or do not look"
    ),
    "schedules": (
        "run this AnyIO test once for each order of ready tasks that --schedules asks for, in "
        "virtual time"
    ),
}
_MARKER_NAMES = {signature.partition("(")[0] for signature in _MARKERS}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options and ini settings."""
    group = parser.getgroup("portable", "AnyIO tests on several backends (portable)")
    group.addoption(
        _OPTION,
        action="append",
        nargs="?",
        const="all",
        metavar="LIST",
        dest=_INI,
        help=(
            "run AnyIO tests on these backends: asyncio, uvloop, trio, separated by commas; "
            "alone, or =all: on all that are installed"
        ),
    )
    group.addoption(
        "--asyncio-backends",
        action="store_true",
        default=None,
        dest="portable_asyncio_backends",
        help=(
            "run pytest-asyncio's tests on these backends, too (alone: on all), and those of "
            "unittest's IsolatedAsyncioTestCase"
        ),
    )
    group.addoption(
        "--virtual-time",
        action="store_true",
        default=None,
        help="run AnyIO tests in virtual time: a sleep takes no time at all",
    )
    group.addoption(
        "--schedules",
        type=int,
        metavar="N",
        dest="portable_schedules",
        help="repeat each test with the marker schedules under N orders of ready tasks",
    )
    group.addoption(
        "--schedule-seed",
        metavar="SEED",
        dest="portable_schedule_seed",
        help=(
            "the first schedule's seed (0); alone: that schedule, once, or the one that a "
            "report's replay string names"
        ),
    )
    group.addoption(
        "--schedule-stretch",
        type=float,
        default=0.0,
        metavar="SECONDS",
        dest="portable_schedule_stretch",
        help="let sleeps take up to so many virtual seconds longer under schedules",
    )
    parser.addini(_INI, f"backends to run AnyIO tests on, as {_OPTION}", type="args")
    parser.addini(
        "asyncio_backends",
        "run pytest-asyncio's and unittest's tests on them, too",
        type="bool",
    )
    parser.addini("virtual_time", "run AnyIO tests in virtual time", type="bool")
    parser.addini(
        "virtual_time_io",
        "real seconds of silence that I/O from outside is given before virtual time jumps (5)",
    )
    parser.addini(
        "shared_context",
        "context variables that fixtures set are seen by all that comes after, async or not",
        type="bool",
    )
    parser.addini("no_leaks", "fail tests that leave something behind", type="bool")
    parser.addini(
        "asyncio_on_trio",
        "may AnyIO tests and async fixtures on trio await what is asyncio's? auto (if the "
        "project imports portable, or uses this plugin and imports asyncio), true, false",
        default="auto",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> None:
    """Read a bare `--anyio-backends` as "all"; the word behind it stays a path.

    In this hook alone a plugin may change the command line. pytest has parsed it once by then,
    to find the first conftest files, so it is parsed again.
    """
    if not any(word.startswith(_OPTION) for word in args):
        return
    from ._pytest._arguments import rewrite

    environment = shlex.split(os.environ.get("PYTEST_ADDOPTS", ""))
    args[:] = rewrite(args, [early_config.invocation_params.args, environment])
    confcutdir = early_config.known_args_namespace.confcutdir
    early_config.known_args_namespace = parser.parse_known_args(
        args, namespace=copy.copy(early_config.option)
    )
    early_config.known_args_namespace.confcutdir = confcutdir


_selection_key: pytest.StashKey[Selection] = pytest.StashKey()
_needs_key: pytest.StashKey[set[str]] = pytest.StashKey()
_seeds_key: pytest.StashKey[tuple[Seed, ...]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Read the options; refuse a wrong name before anything is collected."""
    for marker, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}.")
    config.stash[_needs_key] = set()
    _configure_schedules(config)
    _configure_backends(config)


def _configure_schedules(config: pytest.Config) -> None:
    count = config.getoption("portable_schedules")
    first = config.getoption("portable_schedule_seed")
    stretch: float = config.getoption("portable_schedule_stretch") or 0.0
    if count is not None or first is not None:
        from ._pytest._schedules import seeds_of

        config.stash[_seeds_key] = seeds_of(count, first, stretch)
    elif stretch:
        raise pytest.UsageError(
            "--schedule-stretch: sleeps are stretched under schedules alone; add --schedules=20"
        )


def _configure_backends(config: pytest.Config) -> None:
    elsewhere: Sequence[str] | None = getattr(config, "workerinput", {}).get(_INI)
    given, source = elsewhere or config.getoption(_INI), _OPTION
    if given is None:
        given, source = config.getini(_INI), f"ini setting {_INI}"
    asyncios = config.getoption("portable_asyncio_backends")
    typed = asyncios is not None
    if not typed:
        asyncios = config.getini("asyncio_backends")
    if asyncios and not given:
        given = ["all"]
        source = "--asyncio-backends" if typed else "ini setting asyncio_backends"
    if not given:
        return
    from ._pytest._selection import select

    selection = select(given, source, named_elsewhere=elsewhere is not None)
    config.stash[_selection_key] = selection
    if asyncios:
        from ._pytest._asyncio_tests import join

        join(config, selection)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Send the chosen backends to a worker process of pytest-xdist."""
    selection = _selection(node.config)
    if selection is not None:
        node.workerinput[_INI] = list(selection.names)


def _selection(config: pytest.Config) -> Selection | None:
    return config.stash.get(_selection_key, None)


def _seeds(config: pytest.Config) -> tuple[Seed, ...]:
    return config.stash.get(_seeds_key, ())


def _settings(config: pytest.Config) -> Settings:
    from ._pytest._settings import Settings, io_limit_of

    virtual = config.getoption("virtual_time")
    return Settings(
        selection=_selection(config),
        virtual_time=config.getini("virtual_time") if virtual is None else virtual,
        virtual_time_io=io_limit_of(config.getini("virtual_time_io")),
        no_leaks=config.getini("no_leaks"),
        seeds=_seeds(config),
        shared_context=config.getini("shared_context"),
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name the backends with their versions, and those that `all` left out."""
    selection = _selection(config)
    if selection is None:
        return []
    from ._pytest._reporting import header

    return header(selection)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Collect a test once for each chosen backend.

    This hook runs first (`tryfirst`). Otherwise pytest would parametrise the test by the params
    of the project's own fixture, and refuse to parametrise it a second time.
    """
    if _is_asked_for_something(metafunc.config):
        from ._pytest._advice import refuse_misspelt_markers

        refuse_misspelt_markers(metafunc.definition)
    for marker in ("virtual_time", "no_leaks"):
        if marker in metafunc.definition.keywords:
            from ._pytest._settings import refuse_a_wrong_marker

            refuse_a_wrong_marker(metafunc.definition, marker)
    if _FIXTURE in metafunc.fixturenames and _chooses_backends(
        metafunc.config, metafunc.definition
    ):
        from ._pytest._parametrizing import parametrize

        needs = parametrize(metafunc, _selection(metafunc.config))
        metafunc.config.stash[_needs_key].update(needs)
    if _seeds_key in metafunc.config.stash:
        from ._pytest._schedules import repeat

        repeat(metafunc, _seeds(metafunc.config))


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Skip the variants of a test whose backend was not chosen, or which a marker excludes."""
    items = yield
    if isinstance(items, list) and items and _chooses_backends(collector.config, items[0]):
        from ._pytest._parametrizing import narrow

        return narrow(items, _selection(collector.config))
    return items


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """If a named test was not found because its backend was not chosen, say so."""
    try:
        return (yield)
    except pytest.UsageError as error:
        selection = _selection(session.config)
        if selection is None:
            raise
        from ._pytest._advice import on_tests_not_found

        classes = session.config.pluginmanager.hasplugin("portable-isolated-cases")
        advice = on_tests_not_found(session.config.args, selection, classes=classes)
        raise pytest.UsageError(*error.args, *advice) from None


def _is_asked_for_something(config: pytest.Config) -> bool:
    """Say whether the command line or the ini file asks for anything that the plugin does."""
    return (
        _selection_key in config.stash
        or _seeds_key in config.stash
        or bool(config.getoption("virtual_time"))
        or config.getini("virtual_time")
        or config.getini("no_leaks")
        or config.getini("shared_context")
        or bool(config.getini("virtual_time_io"))
    )


def _any_asks_for_something(items: Sequence[pytest.Item]) -> bool:
    """Say whether a test has one of our markers, or a clock; look at each class once."""
    asked: set[object] = set()
    for item in items:
        if isinstance(item, pytest.Function) and _CLOCK_FIXTURE in item.fixturenames:
            return True
        node: Any = item
        while node is not None and node not in asked:
            if any(marker.name in _MARKER_NAMES for marker in node.own_markers):
                return True
            asked.add(node)
            node = node.parent
    return False


def _may_be_driven(session: pytest.Session) -> bool:
    """Say whether the rule on tests that may await asyncio's names on trio has to be asked."""
    return session.config.getini("asyncio_on_trio") != "auto" or any(
        isinstance(item, pytest.Function) and _FIXTURE in item.fixturenames
        for item in session.items
    )


def _chooses_backends(config: pytest.Config, node: Any) -> bool:
    """Say whether the command line or a marker chooses the backends of a test."""
    return _selection_key in config.stash or (
        _INI in node.keywords and any(node.iter_markers(_INI))
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Register the hooks that run tests, if the run uses anything of the plugin."""
    if _selection(session.config) is not None:
        from ._pytest._parametrizing import collect_late

        collect_late(session.items)
    used = _is_asked_for_something(session.config) or _any_asks_for_something(session.items)
    if not used and not _may_be_driven(session):
        return
    from ._pytest._driving_rule import drives

    driven = drives(session.config, session.items, used=used)
    if used or driven:
        settings = _settings(session.config)
        from ._pytest._runtime import Runtime

        context = None
        if settings.shared_context:
            from ._pytest._context import SharedContext

            context = SharedContext()
            session.config.pluginmanager.register(context, "portable-shared-context")
        runtime = Runtime(settings, context, drives=driven)
        session.config.pluginmanager.register(runtime, _RUNTIME)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Count the results for each backend; print how to repeat a failing schedule."""
    if config.option.collectonly:
        return
    selection = _selection(config)
    if selection is not None:
        from ._pytest import _reporting

        terminalreporter.section("backends")
        for line, ran in _reporting.summary(terminalreporter.stats, selection):
            terminalreporter.line(line, yellow=not ran)
        needs = config.stash[_needs_key]
        if needs:
            line = _reporting.kept_values(needs)
            terminalreporter.line(line, yellow=True)
    if _seeds(config):
        from ._pytest import _schedules

        terminalreporter.section("schedules")
        for line, bad in _schedules.summary(terminalreporter.stats, config):
            terminalreporter.line(line, red=bad)


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> RunningClock:
    """Give the virtual clock of the test: `now()` and `advance(seconds)`.

    A test that uses this fixture runs in virtual time.
    """
    runtime = cast("Runtime", request.config.pluginmanager.get_plugin(_RUNTIME))
    return runtime.clock_for(request.node)


@pytest.fixture
def schedule_seed(request: pytest.FixtureRequest) -> Seed | None:
    """Give the seed of the schedule that the test runs under; `None`: there is none."""
    seed: Seed | None = getattr(request, "param", None)
    return seed
