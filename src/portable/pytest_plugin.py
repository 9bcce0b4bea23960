"""The pytest plugin: AnyIO tests on the backends you choose, in real or virtual time.

AnyIO's own plugin runs a coroutine test on every backend that its `anyio_backend` fixture
gives. This one stands beside it and says what the fixture gives: with `--anyio-backends` (or
the ini setting `anyio_backends`) each test that uses the fixture is collected once for each
chosen backend, whatever fixture a project has written itself. Markers keep a test to some of
them, start its event loop on a virtual clock, repeat it under other orders of ready tasks, or
look for what it leaves behind. On trio tests and async fixtures run as tasks of asyncio's, if
the project uses portable or asyncio there. At the end the results are counted for each backend.
A run that uses none of this is left as it is.

pytest loads this module in every run of everyone who has portable installed. It imports
pytest alone; what the hooks do is in `portable._pytest`, and imported when it is needed.

pytest rewrites the assert statements of plugins, and complains where it comes too late to.
There are none here: PYTEST_DONT_REWRITE
"""

from __future__ import annotations

import copy
import os
import shlex
from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from ._pytest._runtime import Runtime
    from ._pytest._selection import Selection
    from ._pytest._use import Settings
    from ._pytest._virtual import RunningClock

_OPTION = "--anyio-backends"
_INI = "anyio_backends"
_FIXTURE = "anyio_backend"
_RUNTIME = "portable-runtime"
_MARKERS = {
    "anyio_backends(*names, exclude=())": (
        "run this AnyIO test on these backends, or on all but the excluded; they are: "
        "asyncio, uvloop, trio"
    ),
    "virtual_time(on=True)": "run this AnyIO test in virtual time, or not",
    "no_leaks(on=True)": (
        "fail this test if it leaves tasks, threads or un-awaited coroutines, or do not look"
    ),
    "schedules": (
        "run this AnyIO test once for each order of ready tasks that --schedules asks for, in "
        "virtual time"
    ),
}


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
        type=int,
        metavar="SEED",
        dest="portable_schedule_seed",
        help="the first schedule's seed (0); alone: that schedule, once",
    )
    parser.addini(_INI, f"backends to run AnyIO tests on, as {_OPTION}", type="args")
    parser.addini("virtual_time", "run AnyIO tests in virtual time", type="bool")
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
    """Keep a path behind the bare option a path.

    This hook is where pytest lets a plugin change the words of the command line. The words
    were parsed once before, to find the first conftest files; that is done again.
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
_seeds_key: pytest.StashKey[range] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Read what was chosen; refuse a wrong name before anything is collected."""
    for marker, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}.")
    count = config.getoption("portable_schedules")
    first = config.getoption("portable_schedule_seed")
    if count is not None or first is not None:
        from ._pytest._schedules import seeds_of

        config.stash[_seeds_key] = seeds_of(count, first)
    elsewhere: Sequence[str] | None = getattr(config, "workerinput", {}).get(_INI)
    given, source = elsewhere or config.getoption(_INI), _OPTION
    if given is None:
        given, source = config.getini(_INI), f"ini setting {_INI}"
    if given:
        from ._pytest._selection import select

        config.stash[_selection_key] = select(
            given, source, named_elsewhere=elsewhere is not None
        )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist which backends were chosen, wherever it runs."""
    selection = _selection(node.config)
    if selection is not None:
        node.workerinput[_INI] = list(selection.names)


def _selection(config: pytest.Config) -> Selection | None:
    return config.stash.get(_selection_key, None)


def _seeds(config: pytest.Config) -> range:
    return config.stash.get(_seeds_key, range(0))


def _settings(config: pytest.Config) -> Settings:
    from ._pytest._use import Settings

    virtual = config.getoption("virtual_time")
    return Settings(
        selection=_selection(config),
        virtual_time=config.getini("virtual_time") if virtual is None else virtual,
        no_leaks=config.getini("no_leaks"),
        seeds=_seeds(config),
    )


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name the backends with their versions, and those that `all` had to leave out."""
    selection = _selection(config)
    if selection is None:
        return []
    from ._pytest._reporting import header

    return header(selection)


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Collect a test once for each chosen backend.

    First, so that pytest does not parametrise by the params of a project's own fixture; a
    second parametrisation would be refused.
    """
    for marker in ("virtual_time", "no_leaks"):
        if marker in metafunc.definition.keywords:
            from ._pytest._use import refuse_a_wrong_switch

            refuse_a_wrong_switch(metafunc.definition, marker)
    if _FIXTURE in metafunc.fixturenames and _has_say(metafunc.config, metafunc.definition):
        from ._pytest._parametrizing import parametrize

        parametrize(metafunc, _selection(metafunc.config))
    if _seeds_key in metafunc.config.stash:
        from ._pytest._schedules import repeat

        repeat(metafunc, _seeds(metafunc.config))


@pytest.hookimpl(wrapper=True)
def pytest_pycollect_makeitem(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Skip the variants of a test whose backend was not chosen, or is excluded."""
    items = yield
    if isinstance(items, list) and items and _has_say(collector.config, items[0]):
        from ._pytest._parametrizing import narrow

        return narrow(items, _selection(collector.config))
    return items


def _has_say(config: pytest.Config, node: Any) -> bool:
    """Say whether the command line or a marker has a say in the backends of a test."""
    return _selection_key in config.stash or (
        _INI in node.keywords and any(node.iter_markers(_INI))
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Take part in running the tests, if any of them makes use of it."""
    if _selection(session.config) is not None:
        from ._pytest._parametrizing import collect_late

        collect_late(session.items)
    from ._pytest._driving_rule import drives
    from ._pytest._use import is_needed

    settings = _settings(session.config)
    used = is_needed(settings, session.items)
    driven = drives(session.config, session.items, used=used)
    if used or driven:
        from ._pytest._runtime import Runtime

        session.config.pluginmanager.register(Runtime(settings, drives=driven), _RUNTIME)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Count the results for each backend, and tell how to repeat a failing schedule."""
    if config.option.collectonly:
        return
    selection = _selection(config)
    if selection is not None:
        from ._pytest import _reporting

        terminalreporter.section("backends")
        for line, ran in _reporting.summary(terminalreporter.stats, selection):
            terminalreporter.line(line, yellow=not ran)
    if _seeds(config):
        from ._pytest import _schedules

        terminalreporter.section("schedules")
        for line, bad in _schedules.summary(terminalreporter.stats, config):
            terminalreporter.line(line, red=bad)


@pytest.fixture
def virtual_clock(request: pytest.FixtureRequest) -> RunningClock:
    """Give the virtual clock of the test: `now()` and `advance(seconds)`.

    A test that asks for it runs in virtual time.
    """
    runtime = cast("Runtime", request.config.pluginmanager.get_plugin(_RUNTIME))
    return runtime.clock_for(request.node)


@pytest.fixture
def schedule_seed(request: pytest.FixtureRequest) -> int | None:
    """Give the seed of the schedule that the test runs under; `None`: there is none."""
    seed: int | None = getattr(request, "param", None)
    return seed
