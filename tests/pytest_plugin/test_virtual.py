"""Virtual time in tests: `--virtual-time`, its ini setting and its marker."""

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS


def test_the_marker(suite):
    """A marked test sleeps in no time, and the wall clock moves along, exactly."""
    result = suite("""
        @pytest.mark.anyio
        @pytest.mark.virtual_time
        async def test_it():
            assert anyio.current_time() == 0
            assert datetime.now(UTC) == START
            await anyio.sleep(3600.5)
            assert anyio.current_time() == 3600.5
            assert time.time() == START.timestamp() + 3600.5
    """)
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("args", "ini"),
    [(["--virtual-time"], ""), ([], "virtual_time = true")],
    ids=["option", "ini"],
)
@pytest.mark.parametrize("option", ["--anyio-backends=asyncio,trio", None])
def test_the_option_and_the_ini_setting(suite, pytester, args, ini, option):
    """All tests that AnyIO runs are in virtual time, but for those that say no."""
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = suite(
        """
        pytestmark = pytest.mark.anyio

        async def test_async():
            await anyio.sleep(3600)
            assert is_virtual()

        @pytest.mark.virtual_time(False)
        async def test_real():
            assert not is_virtual()

        def test_sync(anyio_backend):
            assert is_virtual()

        def test_none_of_anyios():
            assert not is_virtual()
        """,
        *args,
        option=option,
    )
    result.assert_outcomes(passed=7)


def test_the_nearest_marker_counts(suite):
    """A test can differ from its class, and a class from its module."""
    result = suite("""
        pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

        async def test_module():
            assert is_virtual()

        @pytest.mark.virtual_time(on=False)
        class TestIt:
            async def test_class(self):
                assert not is_virtual()

            @pytest.mark.virtual_time
            async def test_function(self):
                assert is_virtual()
    """)
    result.assert_outcomes(passed=9)


def test_what_the_backend_fixture_gives(suite):
    """Tests tell the backends apart by what `anyio_backend` gives as they do in real time."""
    result = suite("""
        import portable

        @pytest.mark.anyio
        @pytest.mark.virtual_time
        async def test_it(anyio_backend, anyio_backend_name, anyio_backend_options):
            assert anyio_backend == (anyio_backend_name, anyio_backend_options)
            is_uvloop = anyio_backend_options.get("use_uvloop", False)
            name = "uvloop" if is_uvloop else anyio_backend_name
            assert name == portable.current_backend()
    """)
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("scope", ["function", "module", "session"])
@pytest.mark.parametrize("params", ["", 'params=["asyncio", ("trio", {"debug": None})]'])
def test_a_projects_own_fixture(suite, scope, params):
    """Without the option, the project's own backends run in virtual time, with its options."""
    value = "request.param" if params else '"asyncio"'
    value = f'{value} if {value} != ("trio", {{"debug": None}}) else ("trio", {{}})'
    result = suite(
        f"""
        @pytest.fixture(scope="{scope}", {params})
        def anyio_backend(request):
            return {value}

        @pytest.mark.anyio
        async def test_real():
            assert not is_virtual()

        @pytest.mark.anyio
        @pytest.mark.virtual_time
        async def test_virtual():
            await anyio.sleep(3600)
            assert anyio.current_time() == 3600 and is_virtual()

        @pytest.mark.anyio
        async def test_real_again():
            assert not is_virtual()
        """,
        option=None,
    )
    result.assert_outcomes(passed=6 if params else 3)


def test_options_of_the_project_are_kept(suite):
    """Options that a project gives its backends are used in virtual time, too."""
    result = suite("""
        import asyncio, trio

        class Witness(trio.abc.Instrument):
            began = 0
            def before_run(self):
                Witness.began += 1

        values = [("asyncio", {"debug": True}), ("trio", {"instruments": [Witness()]})]

        @pytest.mark.anyio
        @pytest.mark.virtual_time
        @pytest.mark.parametrize("anyio_backend", values, ids=["asyncio", "trio"])
        async def test_it(anyio_backend_name):
            await anyio.sleep(3600)
            assert is_virtual()
            if anyio_backend_name == "asyncio":
                assert asyncio.get_running_loop().get_debug()
            else:
                assert Witness.began == 1
    """)
    result.assert_outcomes(passed=2)


def test_what_is_no_backend_is_refused(suite):
    """A fixture that gives what AnyIO can't run on is told so."""
    result = suite(
        """
        @pytest.fixture
        def anyio_backend():
            return "curio"

        @pytest.mark.virtual_time
        def test_it(anyio_backend):
            pass
        """,
        option=None,
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*anyio_backend gives 'curio', which AnyIO cannot run on*"])


def test_a_deadlock_fails_the_test(suite):
    """A test in which every task waits for ever fails, and the next ones run."""
    result = suite("""
        pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

        @pytest.fixture(scope="module")
        async def home():
            yield

        async def test_stuck():
            await anyio.Event().wait()

        async def test_stuck_with_a_fixture(home):
            await anyio.Event().wait()

        async def test_after(home):
            await anyio.sleep(3600)
    """)
    result.assert_outcomes(passed=3, failed=6)
    result.stdout.fnmatch_lines(["*DeadlockError: deadlock: *waiting: *test_stuck*"])


def test_hypothesis(suite):
    """Each example has a time of its own."""
    result = suite("""
        from hypothesis import given, settings, strategies as st

        @pytest.mark.anyio
        @pytest.mark.virtual_time
        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_it(number):
            assert anyio.current_time() == 0
            assert datetime.now(UTC) == START
            await anyio.sleep(3600)
            assert datetime.now(UTC).hour == 1
    """)
    result.assert_outcomes(passed=3)


def test_programs_that_a_test_runs_itself(suite):
    """A test that is not async can hand the options on, as often as it likes."""
    result = suite("""
        @pytest.mark.virtual_time
        def test_it(anyio_backend_name, anyio_backend_options):
            for _ in range(2):
                time = anyio.run(
                    main, backend=anyio_backend_name, backend_options=anyio_backend_options
                )
                assert time == 3600

        async def main():
            await anyio.sleep(3600)
            assert datetime.now(UTC).hour == 1
            return anyio.current_time()
    """)
    result.assert_outcomes(passed=3)


def test_pytest_itself_stays_in_real_time(suite, pytester):
    """What pytest notes about a test, and other plugins see around it, is real time."""
    pytester.makeconftest("""
        import time, pytest

        @pytest.hookimpl(wrapper=True)
        def pytest_runtest_setup(item):
            assert time.time() > 1_500_000_000
            return (yield)

        def pytest_runtest_makereport(item, call):
            assert call.start > 1_500_000_000 and call.stop > 1_500_000_000
    """)
    result = suite("""
        pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

        @pytest.fixture(scope="module")
        async def home():
            yield

        async def test_it(home):
            assert is_virtual()

        async def test_again(home):
            assert is_virtual()
    """)
    result.assert_outcomes(passed=6)
