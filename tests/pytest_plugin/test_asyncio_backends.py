"""Suites of pytest-asyncio's and unittest's on every loop, unedited: `--asyncio-backends`."""

import sys

import pytest

from portable._backends import BACKENDS

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

SUITE = """
    import asyncio
    import pytest
    import pytest_asyncio

    @pytest_asyncio.fixture
    async def queue():
        yield asyncio.Queue()

    @pytest_asyncio.fixture(scope="module", loop_scope="module")
    async def home():
        yield asyncio.get_running_loop()

    @pytest.mark.asyncio
    async def test_it(queue):
        queue.put_nowait(type(asyncio.get_running_loop()).__module__)
        print("ran on", await queue.get())

    @pytest.mark.asyncio(loop_scope="module")
    @pytest.mark.parametrize("number", [1, 2])
    async def test_a_longer_loop(home, number):
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        assert home is asyncio.get_running_loop()

    def test_sync():
        pass
"""
UNITTEST = """
    import asyncio
    import unittest

    class TestIt(unittest.IsolatedAsyncioTestCase):
        async def asyncSetUp(self):
            self.loop = asyncio.get_running_loop()

        async def test_it(self):
            await asyncio.sleep(0)
            print("ran on", type(self.loop).__module__)
"""
MODULES = {
    "asyncio": "ran on asyncio.unix_events",
    "uvloop": "ran on uvloop",
    "trio": "ran on portable.asyncio_on_trio.loop",
}


@pytest.fixture
def with_pytest_asyncio(pytester, monkeypatch):
    """Load pytest-asyncio as well; skip where it is not, or does not ask for loops."""
    plugin = pytest.importorskip("pytest_asyncio.plugin")
    if not hasattr(plugin.PytestAsyncioSpecs, "pytest_asyncio_loop_factories"):
        pytest.skip("this pytest-asyncio does not ask which loops to run on")
    monkeypatch.setenv(
        "PYTEST_PLUGINS", "anyio.pytest_plugin,portable.pytest_plugin,pytest_asyncio.plugin"
    )
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    return pytester


@pytest.mark.parametrize(
    "options",
    [["--asyncio-backends"], ["--anyio-backends", "-o", "asyncio_backends=true"]],
    ids=["option", "ini"],
)
def test_every_loop(with_pytest_asyncio, options):
    """Each test is collected once for each backend, with its fixtures and its loop's scope."""
    with_pytest_asyncio.makepyfile(SUITE)
    result = with_pytest_asyncio.runpytest(*options, "-rA")
    result.assert_outcomes(passed=10)
    result.stdout.fnmatch_lines(["asyncio  3 passed", "uvloop   3 passed", "trio     3 passed"])
    result.stdout.fnmatch_lines_random(list(MODULES.values()))


def test_it_has_to_be_asked_for(with_pytest_asyncio):
    """With the choice of backends alone pytest-asyncio's tests stay as they are."""
    with_pytest_asyncio.makepyfile(SUITE)
    with_pytest_asyncio.runpytest("--anyio-backends").assert_outcomes(passed=4)


def test_a_failure_there_alone(with_pytest_asyncio):
    """What cannot run on a loop fails there, by its own words, and passes elsewhere."""
    with_pytest_asyncio.makepyfile("""
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_it():
            if "trio" in type(asyncio.get_running_loop()).__module__:
                raise RuntimeError("not here")
    """)
    result = with_pytest_asyncio.runpytest("--asyncio-backends")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["E*RuntimeError: not here", "trio     1 failed"])


CASES = """
    import asyncio
    import unittest

    import pytest

    started = []

    @pytest.mark.filterwarnings("default:nothing of the kind")
    class TestIt(unittest.IsolatedAsyncioTestCase):
        @classmethod
        def setUpClass(cls):
            started.append(cls.__qualname__)
            cls.shared = []

        async def asyncSetUp(self):
            self.loop = asyncio.get_running_loop()
            self.shared.append(1)
            await self.enterAsyncContext(asyncio.timeout(60))
            self.addAsyncCleanup(asyncio.sleep, 0)

        async def test_it(self):
            await asyncio.sleep(0)
            assert self.loop is asyncio.get_running_loop()
            print("ran on", type(self.loop).__module__)

        async def test_once_more(self):
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(0))
            assert len(self.shared) == 2

        def test_sync(self):
            assert super().id().endswith("TestIt.test_sync")

    class TestSync(unittest.TestCase):
        def test_it(self):
            assert started == ["TestIt"] * BACKENDS
            asyncio.new_event_loop().close()
            assert asyncio.get_event_loop_policy().__class__.__module__.startswith("asyncio.")
"""


@pytest.mark.parametrize("chosen", [[name] for name in BACKENDS] + [list(BACKENDS)])
@pytest.mark.filterwarnings("ignore:.*get_event_loop_policy:DeprecationWarning")
def test_unittests_own(pytester, chosen):
    """`IsolatedAsyncioTestCase` runs once on each chosen backend, with its set-up."""
    pytester.makepyfile(CASES.replace("BACKENDS", str(len(chosen))))
    backends = f"--anyio-backends={','.join(chosen)}"
    result = pytester.runpytest("--asyncio-backends", backends, "-rA")
    result.assert_outcomes(passed=3 * len(chosen) + 1)
    result.stdout.fnmatch_lines_random([MODULES[name] for name in chosen])
    result.stdout.fnmatch_lines([f"{name} * 3 passed" for name in chosen])


def test_one_of_unittests_by_its_name(pytester):
    """A class is named with its backend; a name without one is answered with the right one."""
    name = pytester.makepyfile(UNITTEST).name
    result = pytester.runpytest("--asyncio-backends", f"{name}::TestIt-trio::test_it")
    result.assert_outcomes(passed=1)
    result = pytester.runpytest("--asyncio-backends", f"{name}::TestIt::test_it")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*a class of unittest's*{name}::TestIt-asyncio::test_it*"])
    pytester.runpytest("--asyncio-backends", "-k", "uvloop").assert_outcomes(
        passed=1, deselected=2
    )


def test_the_ini_setting_alone(pytester):
    """The ini setting stands for all backends where none are chosen, as the option does."""
    pytester.makepyfile(UNITTEST)
    result = pytester.runpytest("-o", "asyncio_backends=true")
    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(["backends: * (ini setting asyncio_backends)"])


def test_unittests_have_to_be_asked_for(pytester):
    """With the choice of backends alone unittest's tests stay as they are."""
    pytester.makepyfile(UNITTEST)
    result = pytester.runpytest("--anyio-backends=trio", "-rA")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([MODULES["asyncio"]])


@pytest.mark.skipif(sys.version_info < (3, 13), reason="unittest has no loop_factory before")
def test_a_loop_of_the_classes_own(pytester):
    """A class that has a loop factory keeps it, and runs once."""
    pytester.makepyfile("""
        import asyncio
        import unittest

        class TestIt(unittest.IsolatedAsyncioTestCase):
            loop_factory = asyncio.SelectorEventLoop

            async def test_it(self):
                assert type(asyncio.get_running_loop()) is asyncio.SelectorEventLoop
    """)
    pytester.runpytest("--asyncio-backends").assert_outcomes(passed=1)


def test_a_pytest_asyncio_that_does_not_ask(pytester):
    """Where pytest-asyncio has one loop for a test, the option says so, and what to do."""
    pytester.makepyfile(UNITTEST)
    pytester.makeconftest("""
        def pytest_addoption(parser, pluginmanager):
            pluginmanager.register(object(), "asyncio")
    """)
    result = pytester.runpytest("--asyncio-backends")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--asyncio-backends: this pytest-asyncio does not have *"])
