"""Every test that asks for a backend runs on all of them, or on those of `--anyio-backends`."""

import asyncio
import gc
import importlib
import signal
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import none

import portable
from portable._backends import BACKENDS
from portable._heap import heap_set_aside
from portable._pytest._values import name_of, value_of
from portable.clock import VirtualClock

pytest_plugins = ["pytester"]

# How long an example takes, and to draw it, is the machine's business. Examples are the same
# each time, so that a build says something of the change it builds;
# `--hypothesis-profile=new` draws new ones.
_timeless = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("new", _timeless)
settings.register_profile("same", _timeless, derandomize=True)
settings.load_profile("same")


def _params():
    for backend in BACKENDS.values():
        missing = pytest.mark.skipif(
            not backend.installed,
            reason=f"{backend.name} is not installed: {backend.install_command}",
        )
        yield pytest.param(value_of(backend.name), id=backend.name, marks=missing)


@pytest.hookimpl(tryfirst=True)  # before those that are slow are left out
def pytest_collection_modifyitems(items):
    for item in items:
        marked = item.get_closest_marker("slow_on_uvloop") is not None
        if marked and name_of(item.callspec.params["anyio_backend"]) == "uvloop":
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", params=list(_params()))
def anyio_backend(request):
    return request.param


@pytest.fixture(scope="session")
def backend(anyio_backend):
    """The name of the backend; a test without `async` that takes it runs once for each."""
    name = name_of(anyio_backend)
    assert name is not None
    return name


@pytest.fixture
def run(backend):
    """Run a program on the test's backend, in virtual time."""
    return partial(portable.run, backend=backend, virtual_time=True)


@pytest.fixture
def against_asyncio(run):
    """Run a program on raw asyncio, then on the test's backend: both must return the same."""

    def check(program, *args):
        clock = VirtualClock(start=None)
        with clock, asyncio.Runner(**clock.backend_options("asyncio")) as runner:
            expected = runner.run(program(*args))
        assert run(program, *args) == expected
        return expected

    return check


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c():
    """Let SIGINT interrupt: a shell that starts the tests in the background has it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@given(nothing=none())
def _first_use_of_hypothesis(nothing):
    """Let Hypothesis register its random numbers, for which it asks who refers to them."""


@pytest.fixture(scope="session", autouse=True)
def _heap():
    """Keep what is there by now out of the collector's way, and thaw it after the last test.

    Many tests collect garbage to see what they left behind; walking through the heap of the
    whole session each time took longer than the tests did. Nobody can ask the collector who
    refers to what while it is set aside.
    """
    _first_use_of_hypothesis()
    gc.collect()
    with heap_set_aside():
        yield


@pytest.fixture(scope="module", autouse=True)
def _heap_of_the_module(_heap):
    """Put aside what the modules before this one have added."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _imported():
    """Import once what every run inside a test needs; pytester forgets it after each run."""
    for name in (
        "anyio.pytest_plugin",
        "email.message",  # with which versions are read
        "email.parser",
        "hypothesis",
        "portable._pytest._runtime",
        "portable._running",
        "portable.clock._asyncio",
        "portable.clock._trio",
        "portable.clock._uvloop",
        "time_machine",
        "trio",
        "uvloop",
    ):
        with suppress(ImportError):
            importlib.import_module(name)


@pytest.fixture
def pytester(_imported, pytester, monkeypatch):
    """Run pytest with two plugins, not all that are installed: in half the time."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "anyio.pytest_plugin,portable.pytest_plugin")
    return pytester
