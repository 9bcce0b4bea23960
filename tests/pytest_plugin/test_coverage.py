"""No false coverage: nobody can believe that a backend was tested when it was not."""

import sys

import pytest

from portable._pytest import _reporting
from portable._pytest._selection import Selection, select

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

# Stands for a plugin that runs coroutine tests on asyncio, whatever `anyio_backend` says, as
# pytest-asyncio in its auto mode does.
USURPER = """
    import asyncio, inspect, pytest

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(pyfuncitem):
        if inspect.iscoroutinefunction(pyfuncitem.obj):
            names = pyfuncitem._fixtureinfo.argnames
            asyncio.run(pyfuncitem.obj(**{n: pyfuncitem.funcargs[n] for n in names}))
            return True
"""
TEST = """
    import pytest

    @pytest.mark.anyio
    async def test_it():
        pass
"""


def test_a_test_that_runs_on_another_loop_than_its_id_says(pytester):
    """It fails, and says which loop it was, and what may be the reason."""
    pytester.makeconftest(USURPER)
    pytester.makepyfile(TEST)
    result = pytester.runpytest("--anyio-backends")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*test_it[[]uvloop] is to run on uvloop, but runs on asyncio*",
            "*test_it[[]trio] is to run on trio, but runs on asyncio*pytest-asyncio*",
        ]
    )


def test_a_marked_test_that_runs_on_another_loop(pytester):
    """Without the option, a test that names its backends is held to them too."""
    pytester.makeconftest(USURPER)
    pytester.makepyfile(
        TEST.replace("async def", '@pytest.mark.anyio_backends("trio")\n    async def')
    )
    pytester.runpytest().assert_outcomes(failed=1)


def test_a_hypothesis_test_that_runs_on_another_loop(pytester):
    """Tests of Hypothesis are looked into as well."""
    pytester.makeconftest("""
        import asyncio, pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            inner = pyfuncitem.obj.hypothesis.inner_test
            pyfuncitem.obj.hypothesis.inner_test = lambda **kw: asyncio.run(inner(**kw))
            del pyfuncitem.funcargs["anyio_backend"]
    """)
    pytester.makepyfile("""
        import pytest
        from hypothesis import given, settings, strategies as st

        @pytest.mark.anyio
        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_it(number):
            pass
    """)
    result = pytester.runpytest("--anyio-backends")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*is to run on trio, but runs on asyncio*"])


def test_a_loop_of_the_projects_own(pytester):
    """A parametrisation with a loop factory may run on any loop of asyncio's kind."""
    pytester.makepyfile("""
        import asyncio, pytest

        class Loop(asyncio.SelectorEventLoop):
            pass

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": Loop})])
        async def test_it():
            assert isinstance(asyncio.get_running_loop(), Loop)
    """)
    pytester.runpytest("--anyio-backends").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    "function", ["async def test_it(): pass", "async def test_it(): yield"]
)
def test_a_coroutine_test_that_no_plugin_ran(pytester, function):
    """With the option it is a failure, not a skip or a pass."""
    pytester.makepyfile(function)
    result = pytester.runpytest("--anyio-backends", "-Wdefault")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["test_it is async and no plugin ran it. *: mark it with *anyio*"]
    )


def test_a_plugin_that_forgets_to_await(pytester):
    """A plugin that calls the test and drops its coroutine has not run it."""
    pytester.makeconftest("""
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            pyfuncitem.obj().close()
            return True
    """)
    pytester.makepyfile(TEST)
    result = pytester.runpytest("--anyio-backends=trio")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*test_it[[]trio] is async and no plugin ran it*"])


def test_without_anyios_plugin(pytester):
    """Where AnyIO's plugin is switched off, its tests fail."""
    pytester.makepyfile(TEST)
    result = pytester.runpytest("--anyio-backends", "-p", "no:anyio.pytest_plugin", "-Wdefault")
    result.assert_outcomes(failed=3)


def test_a_test_that_skips_itself_is_skipped(pytester):
    """A skip of the test's own stays one."""
    pytester.makepyfile("""
        import pytest

        @pytest.mark.anyio
        async def test_it():
            pytest.skip("async def is not in the mood")
    """)
    pytester.runpytest("--anyio-backends").assert_outcomes(skipped=3)


def test_unittests_own_coroutine_tests(pytester):
    """unittest runs its coroutine tests itself; they are none of this plugin's business."""
    pytester.makepyfile("""
        import unittest

        class TestIt(unittest.IsolatedAsyncioTestCase):
            async def test_it(self):
                pass
    """)
    pytester.runpytest("--anyio-backends").assert_outcomes(passed=1)


def test_unittests_tests_that_are_marked(pytester):
    """AnyIO makes functions out of unittest's tests that are marked; these are checked."""
    pytester.makeconftest(USURPER)
    pytester.makepyfile("""
        import pytest, unittest
        pytestmark = pytest.mark.anyio

        class TestIt(unittest.IsolatedAsyncioTestCase):
            async def test_it(self):
                pass
    """)
    result = pytester.runpytest("--anyio-backends")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(["*test_it[[]trio] is to run on trio, but runs on asyncio*"])


@pytest.mark.parametrize("scope", ["module", "session"])
@pytest.mark.parametrize("body", ["yield current_backend()", "return current_backend()"])
def test_an_async_fixture_ends_with_its_backend(pytester, scope, body):
    """An async fixture of higher scope does not keep tests on the backend it began on.

    AnyIO keeps such a fixture, unless it takes `anyio_backend` as an argument, and with it
    the event loop: without the plugin every variant of this test runs on asyncio.
    """
    pytester.makepyfile(f"""
        import pytest
        from portable import current_backend

        @pytest.fixture(scope="{scope}")
        async def home():
            {body}

        @pytest.fixture(scope="{scope}")
        def twice(home):
            return home, home

        @pytest.mark.anyio
        async def test_it(twice, anyio_backend):
            value = {{"uvloop": ("asyncio", {{"use_uvloop": True}})}}
            assert anyio_backend == value.get(current_backend(), current_backend())
            assert twice == (current_backend(),) * 2
    """)
    pytester.runpytest("--anyio-backends").assert_outcomes(passed=3)


def test_a_broken_async_fixture_is_tried_on_each_backend(pytester):
    """A fixture that fails on one backend may work on the next."""
    pytester.makepyfile("""
        import pytest
        from portable import current_backend

        @pytest.fixture(scope="module")
        async def home():
            assert current_backend() == "trio"

        @pytest.mark.anyio
        async def test_it(home):
            pass
    """)
    pytester.runpytest("--anyio-backends").assert_outcomes(passed=1, errors=2)


def test_a_marker_that_comes_late(pytester):
    """A test that is marked after its collection runs on the chosen backends, and no other."""
    pytester.makeconftest("""
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                item.add_marker(pytest.mark.anyio)
    """)
    pytester.makepyfile("""
        import pytest
        from portable import current_backend

        @pytest.mark.parametrize("number", [1, 2])
        async def test_it(number):
            with open("ran", "a") as log:
                print(current_backend(), number, file=log)
    """)
    pytester.runpytest("--anyio-backends=uvloop,trio").assert_outcomes(passed=4)
    ran = (pytester.path / "ran").read_text().split("\n")
    assert sorted(ran) == ["", "trio 1", "trio 2", "uvloop 1", "uvloop 2"]


# -- the summary --------------------------------------------------------------------------


def test_the_results_are_counted_for_each_backend(pytester):
    """At the end stands what became of the tests on each backend."""
    pytester.makepyfile("""
        import pytest
        from portable import current_backend
        pytestmark = pytest.mark.anyio

        async def test_pass():
            pass

        async def test_fail():
            assert current_backend() == "asyncio"

        @pytest.mark.anyio_backends("trio")
        async def test_trio():
            pytest.skip("no")

        @pytest.fixture
        async def broken():
            assert current_backend() != "trio"

        async def test_error(broken):
            pytest.xfail("yes")

        def test_sync():
            pass
    """)
    result = pytester.runpytest("--anyio-backends")
    result.stdout.fnmatch_lines(
        [
            "=* backends =*",
            "asyncio  2 passed, 1 xfailed",
            "uvloop   1 failed, 1 passed, 1 xfailed",
            "trio     1 failed, 1 passed, 1 skipped, 1 error",
        ]
    )


def test_a_backend_that_nothing_ran_on_is_named(pytester):
    """Where all tests of a backend were skipped, or there were none, that is said."""
    pytester.makepyfile("""
        import pytest

        @pytest.mark.anyio
        @pytest.mark.anyio_backends(exclude="trio")
        async def test_it(anyio_backend_name, anyio_backend_options):
            if anyio_backend_options:
                pytest.skip("uvloop")
    """)
    result = pytester.runpytest("--anyio-backends")
    result.stdout.fnmatch_lines(
        ["asyncio  1 passed", "uvloop   no test ran (1 skipped)", "trio     no test ran"]
    )


def test_the_backend_is_written_into_the_report_that_travels():
    """A report keeps its backend when it goes to another process as JSON."""
    report = pytest.TestReport("a", ("a", 1, "a"), {}, "passed", None, "call")
    item = type("Item", (), {"funcargs": {"anyio_backend": "trio"}})
    _reporting.note_backend(report, item)
    travelled = pytest.TestReport._from_json(report._to_json())
    lines = _reporting.summary({"passed": [travelled]}, Selection(("trio",), "here"))
    assert lines == [("trio  1 passed", True)]


def test_a_process_elsewhere_takes_the_list_as_it_is(pytester, monkeypatch):
    """What the first process chose is collected elsewhere, and skipped where it is missing."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    names = ["asyncio", "uvloop"]
    assert select(names, "elsewhere", named_elsewhere=True).names == ("asyncio", "uvloop")
    pytester.makeconftest("""
        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_configure(config):
            config.workerinput = {"anyio_backends": ["asyncio", "uvloop"]}
    """)
    pytester.makepyfile(TEST)
    result = pytester.runpytest("--anyio-backends", "-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*uvloop is not installed here*"])
