"""Other plugins in the same environment: each does its work, and so does this one."""

import subprocess
import sys
import textwrap
from importlib import metadata, util

import pytest

from portable import pytest_plugin
from portable._backends import BACKENDS, installed_backends
from portable._pytest import _items

pytestmark = [
    pytest.mark.slow,  # each test starts processes
    pytest.mark.skipif(
        set(installed_backends()) != set(BACKENDS), reason="runs on all the backends"
    ),
]


def needs(distribution):
    """Skip a test where a plugin is not installed; `tox -e neighbours` installs them all."""
    module = "xdist" if distribution == "pytest-xdist" else distribution.replace("-", "_")
    return pytest.mark.skipif(
        util.find_spec(module) is None,
        reason=f"{distribution} is not installed: pip install {distribution}",
    )


@pytest.fixture(autouse=True)
def all_plugins(pytester, monkeypatch):
    """Load all plugins that are installed, as every run does that is not told otherwise."""
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)


ANYIO_TESTS = """
import pytest
import anyio
from portable import current_backend

@pytest.fixture(scope="module")
async def home():
    yield current_backend()

@pytest.mark.anyio
async def test_anyio(home, anyio_backend):
    name = "uvloop" if isinstance(anyio_backend, tuple) else anyio_backend
    assert current_backend() == home == name

@pytest.mark.anyio
async def test_virtual(virtual_clock):
    await anyio.sleep(3600)
    assert virtual_clock.now() == 3600
"""


@pytest.fixture
def suite(pytester):
    """Make a project of AnyIO tests and others; return a function that runs pytest on it.

    In a process of its own, for some of these plugins change the one that they run in.
    """
    pytester.makepyfile(test_anyio=ANYIO_TESTS)

    def run(*args, code="", option="--anyio-backends", randomly=False):
        if code:
            pytester.makepyfile(test_other=textwrap.dedent(code))
        order = [] if randomly else ["-p", "no:randomly"]
        return pytester.runpytest_subprocess(option, *order, *args)

    return run


PER_BACKEND = ["asyncio  2 passed", "uvloop   2 passed", "trio     2 passed"]


@needs("pytest-asyncio")
def test_pytest_asyncio_in_strict_mode(suite):
    """Each plugin runs the tests that are marked as its own."""
    result = suite(
        "--asyncio-mode=strict",
        code="""
        import asyncio, portable, pytest, pytest_asyncio

        @pytest_asyncio.fixture
        async def loop():
            yield asyncio.get_running_loop()

        @pytest.mark.asyncio
        async def test_asyncio(loop):
            assert loop is asyncio.get_running_loop()
            assert await portable.create_task(asyncio.sleep(0, "done")) == "done"
        """,
    )
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(PER_BACKEND)


@needs("pytest-asyncio")
def test_pytest_asyncio_in_auto_mode(suite):
    """Its auto mode takes AnyIO's tests; those that are not to run on asyncio fail."""
    result = suite(
        "--asyncio-mode=auto",
        "-k",
        "not virtual",
        code="""
        import asyncio, pytest

        async def test_asyncio():
            await asyncio.sleep(0)

        @pytest.mark.anyio
        async def test_plain():
            pass
        """,
    )
    result.stdout.fnmatch_lines(
        [
            "*is to run on trio, but runs on asyncio*asyncio_mode = strict*",
            "asyncio  2 passed",
            "uvloop   2 failed",
            "trio     2 failed",
        ]
    )
    result.assert_outcomes(passed=3, failed=4, deselected=3)


@needs("pytest-asyncio")
def test_pytest_asyncio_in_auto_mode_and_virtual_time(suite):
    """AnyIO's tests that it takes are not left in real time without a word."""
    result = suite(
        "--asyncio-mode=auto",
        option="--virtual-time",
        code="""
        import asyncio, pytest

        @pytest.fixture
        async def elsewhere(anyio_backend):  # AnyIO runs it, in virtual time
            yield

        @pytest.mark.anyio
        async def test_alone():
            pass

        @pytest.mark.anyio
        async def test_beside(elsewhere):
            pass

        async def test_its_own():
            pass
        """,
    )
    said = "* is to run in virtual time, but runs in real time, on a loop that is not*strict*"
    result.stdout.fnmatch_lines([said])
    result.assert_outcomes(passed=1, failed=8)
    assert str(result.stdout).count("but runs in real time") == 4  # the others are trio's


@needs("pytest-trio")
def test_pytest_trio(suite):
    """Each plugin runs the tests that are marked as its own."""
    result = suite(
        code="""
        import portable, pytest, trio

        @pytest.fixture
        async def home(nursery):
            return nursery

        @pytest.mark.trio
        async def test_trio(home, autojump_clock):
            home.start_soon(trio.sleep, 3600)
            await trio.sleep(3600)
            task = portable.create_task(portable.sleep(1))
            await task
        """
    )
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(PER_BACKEND)


@needs("pytest-xdist")
@pytest.mark.parametrize("option", ["--anyio-backends", "--anyio-backends=trio,asyncio,uvloop"])
def test_pytest_xdist(suite, option):
    """The tests are spread over processes; the first counts for all."""
    result = suite("-n", "2", option=option)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines_random(PER_BACKEND)


@needs("pytest-xdist")
def test_pytest_xdist_on_another_machine(suite, pytester):
    """A process where a backend is missing collects its tests, too, and skips them."""
    pytester.makepyfile(
        **{"elsewhere/sitecustomize": 'import sys; sys.modules["uvloop"] = None'}
    )
    python = pytester.path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH=elsewhere exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    result = suite("-d", "--tx", f"popen//python={python}")
    result.assert_outcomes(passed=4, skipped=2)
    result.stdout.fnmatch_lines(["uvloop   no test ran (2 skipped)"])


@needs("pytest-xdist")
def test_pytest_xdist_with_a_path_behind_the_option(suite):
    """The bare option and a path arrive in the processes as they were meant."""
    suite("test_anyio.py", "-n", "1").assert_outcomes(passed=6)


@needs("starlette")
def test_starlettes_testclient(suite):
    """Two fixtures hand it backend and clock; on trio its apps may use asyncio's names, too."""
    result = suite(
        code="""
        import asyncio
        from contextlib import asynccontextmanager

        import anyio
        import portable
        import pytest
        from starlette.applications import Starlette
        from starlette.responses import JSONResponse
        from starlette.routing import Route
        from starlette.testclient import TestClient

        async def by_asyncio(request):
            await asyncio.sleep(60)
            return JSONResponse([portable.current_backend(), anyio.current_time()])

        async def by_portable(request):
            await portable.sleep(60)
            return JSONResponse([portable.current_backend(), anyio.current_time()])

        @asynccontextmanager
        async def lifespan(app):
            async with portable.asyncio_loop():
                yield

        @pytest.mark.virtual_time
        @pytest.mark.parametrize(
            "app",
            [
                Starlette(routes=[Route("/slow", by_asyncio)], lifespan=lifespan),
                Starlette(routes=[Route("/slow", by_portable)]),
            ],
            ids=["asyncio", "portable"],
        )
        def test_it(app, anyio_backend_name, anyio_backend_options, request):
            backend = request.node.callspec.id.split("-")[0]
            with TestClient(
                app, backend=anyio_backend_name, backend_options=anyio_backend_options
            ) as client:
                assert client.get("/slow").json() == [backend, 60]
        """
    )
    result.assert_outcomes(passed=12)


@needs("pytest-randomly")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_pytest_randomly(suite, seed):
    """In any order, fixtures of higher scope stay with their backend."""
    result = suite(f"--randomly-seed={seed}", randomly=True)
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(PER_BACKEND)


@needs("pytest-benchmark")
def test_pytest_benchmark(suite):
    """A benchmark can be run once for each backend."""
    result = suite(
        "--benchmark-disable-gc",
        "--benchmark-max-time=0.01",
        code="""
        import anyio

        def test_it(benchmark, anyio_backend_name, anyio_backend_options):
            async def main():
                return 1
            benchmark(anyio.run, main, backend=anyio_backend_name,
                      backend_options=anyio_backend_options)
        """,
    )
    result.assert_outcomes(passed=9)


@needs("pytest-timeout")
def test_pytest_timeout(suite):
    """Hours of virtual time are no timeout; a test that hangs in real time is one.

    Not on uvloop, which does not raise what a signal's handler raises while it waits.
    """
    result = suite(
        "--timeout=1",
        code="""
        import anyio, pytest
        pytestmark = pytest.mark.anyio

        @pytest.mark.anyio_backends("asyncio", "trio")
        async def test_hangs():
            await anyio.sleep_forever()

        async def test_after():
            await anyio.sleep(0)
        """,
    )
    result.assert_outcomes(passed=9, failed=2)


@needs("pytest-cov")
def test_pytest_cov(suite, pytester):
    """Lines that run on one backend alone are counted."""
    pytester.makepyfile(
        places="""
        from portable import current_backend

        def where():
            if current_backend() == "trio":
                return "trio"
            return "asyncio"
        """
    )
    result = suite(
        "--cov=places",
        code="""
        import pytest, places

        @pytest.mark.anyio
        async def test_it():
            places.where()
        """,
    )
    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines(["places.py * 100%"])


def test_switched_off(pytester):
    """Without the plugin, its option is unknown and AnyIO's tests run as ever."""
    pytester.makepyfile("""
        import pytest

        @pytest.mark.anyio
        async def test_it():
            pass
    """)
    off = "-p", "no:portable"
    pytester.runpytest_subprocess(*off).assert_outcomes(passed=2)
    result = pytester.runpytest_subprocess(*off, "--anyio-backends")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*unrecognized arguments: --anyio-backends*"])


def test_to_load_it_costs_little():
    """pytest loads the plugin in every run; it brings nothing but pytest, and its package."""
    code = """
        import sys, pytest
        before = set(sys.modules)
        import portable.pytest_plugin
        print(*sorted(set(sys.modules) - before))
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert loaded.split() == ["portable", "portable.pytest_plugin"]


def test_unused_it_does_nothing(pytester):
    """In a run that uses nothing of it, none of its parts is at work, or loaded."""
    pytester.makepyfile("""
        import sys, pytest

        @pytest.mark.anyio
        async def test_it(request):
            assert not request.config.pluginmanager.has_plugin("portable-runtime")
            parts = {name for name in sys.modules if name.startswith("portable")}
            asked = {f"portable._pytest.{part}" for part in ("_driving_rule", "_items")}
            assert parts == {"portable", "portable.pytest_plugin", "portable._pytest"} | asked
    """)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*backends*")


def test_without_anyios_tests_none_of_its_parts_is_loaded(pytester):
    """A suite that has no AnyIO test has the plugin's module in it, and nothing besides."""
    pytester.makepyfile("""
        import sys

        def test_it():
            parts = {name for name in sys.modules if name.startswith("portable")}
            assert parts == {"portable", "portable.pytest_plugin"}
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


@pytest.mark.parametrize("option", ["--anyio-backends=asyncio,trio", "-ono_leaks=true"])
def test_virtual_time_is_loaded_by_those_who_use_it(pytester, option):
    """Chosen backends and a look for leaks load neither virtual time nor the loop on trio."""
    pytester.makepyfile("""
        import sys, anyio, pytest

        @pytest.mark.anyio
        async def test_it(request):
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0)
            assert request.config.pluginmanager.has_plugin("portable-runtime")
            parts = {".".join(name.split(".")[:2]) for name in sys.modules}
            assert parts.isdisjoint({"portable.clock", "portable.asyncio_on_trio"})
    """)
    pytester.runpytest_subprocess(option).assert_outcomes(passed=2)


def test_it_names_what_its_parts_name():
    """The plugin's module, which imports none of its parts, has their names once more."""
    ours = pytest_plugin._FIXTURE, pytest_plugin._CLOCK_FIXTURE, pytest_plugin._MARKER_NAMES
    assert ours == (_items.FIXTURE, _items.CLOCK_FIXTURE, set(_items.MARKERS))


def test_it_is_loaded_by_its_name():
    """The plugin's entry point has the name that `-p no:portable` switches off."""
    (point,) = metadata.entry_points(group="pytest11", name="portable")
    assert point.value == "portable.pytest_plugin"
