"""`portable.create_task()` in tests and fixtures that AnyIO's plugin runs."""

import textwrap

import pytest

from portable._backends import BACKENDS, installed_backends

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        set(installed_backends()) != set(BACKENDS), reason="runs on all the backends"
    ),
]

HEAD = """
import anyio
import pytest
import portable

pytestmark = pytest.mark.anyio
log = []

async def job(name, seconds=0.0, error=None):
    try:
        await anyio.sleep(seconds)
    except portable.CancelledError:
        log.append(f"{name} cancelled")
        raise
    if error is not None:
        raise error
    log.append(name)
"""


@pytest.fixture
def suite(pytester):
    """Make a project of one module; return a function that runs it on all the backends."""

    def run(code, *args, head=HEAD):
        pytester.makepyfile(test_it=head + textwrap.dedent(code))
        return pytester.runpytest("--anyio-backends", *args)

    return run


def test_in_a_test(suite):
    """A test may create tasks as under run(); what is left over ends with the test."""
    result = suite("""
        async def test_it():
            task = portable.create_task(job("done"))
            portable.create_task(job("left", 3600))
            await task
            assert log == ["done"]

        async def test_after():
            assert log == ["done", "left cancelled"]
            log.clear()
    """)
    result.assert_outcomes(passed=6)


@pytest.mark.parametrize("option", [[], ["--anyio-backends"]])
def test_without_the_option(pytester, option):
    """It needs no option: that the tests use portable is enough."""
    pytester.makepyfile(
        HEAD
        + textwrap.dedent("""
            async def test_it():
                await portable.create_task(job("done"))
        """)
    )
    pytester.runpytest(*option).assert_outcomes(passed=3 if option else 2)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("import portable", "portable.create_task"),
        ("import portable as p", "p.create_task"),
        ("from portable import create_task", "create_task"),
        ("from portable import create_task as c; del c", "__import__('portable').create_task"),
    ],
)
def test_however_it_is_imported(pytester, line, name):
    """A process that begins with these tests sees that they use portable."""
    pytester.makepyfile(f"""
        import pytest
        {line}

        async def job():
            return 1

        @pytest.mark.anyio
        async def test_it():
            assert await {name}(job()) == 1
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_an_unretrieved_failure_fails_the_test(suite):
    """A failure that nobody retrieved is the test's (D6)."""
    result = suite("""
        async def test_it():
            portable.create_task(job("bad", error=LookupError("lost")))
            await anyio.sleep(0.01)
    """)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["*LookupError: lost"])


def test_a_failing_test_shows_its_own_error(suite):
    """What the test raises comes out as it is, its tasks cancelled."""
    result = suite("""
        async def test_it():
            portable.create_task(job("left", 3600))
            assert log == ["x"]
    """)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["E       AssertionError: assert [[][]] == [[]'x'[]]"])
    result.stdout.no_fnmatch_line("*ExceptionGroup*")
    result.stdout.no_fnmatch_line("*_inside.py*")


@pytest.mark.parametrize("scope", ["function", "module", "session"])
@pytest.mark.parametrize("end", ["yield task", "return task"])
def test_in_a_fixture(suite, scope, end):
    """Tasks of a fixture end with it, whatever its scope."""
    result = suite(f"""
        @pytest.fixture(scope="{scope}")
        async def task():
            task = portable.create_task(job("fixture", 3600))
            await anyio.sleep(0)
            {end}

        async def test_one(task):
            log.clear()
            assert not task.done()

        async def test_two(task):
            assert not task.done()
            assert log == (["fixture cancelled"] if "{scope}" == "function" else [])

        @pytest.fixture(autouse=True, scope="session")
        def last():
            yield
            assert log[-1] == "fixture cancelled"
    """)
    result.assert_outcomes(passed=6)


def test_a_fixture_of_a_class(suite):
    """A fixture that is a method sees the instance of its test."""
    result = suite("""
        class TestIt:
            @pytest.fixture
            async def made(self):
                self.task = portable.create_task(job("done"))
                yield self

            @pytest.fixture
            async def returned(self):
                return self

            async def test_it(self, made, returned):
                assert made is returned is self
                await self.task
    """)
    result.assert_outcomes(passed=3)


def test_a_fixture_that_yields_twice(suite):
    """AnyIO's own complaint about it stays."""
    result = suite("""
        @pytest.fixture
        async def twice():
            yield
            yield

        async def test_it(twice):
            pass
    """)
    result.assert_outcomes(passed=3, errors=3)
    result.stdout.fnmatch_lines(["*Async generator fixture did not stop"])


def test_a_fixtures_failure_is_reported(suite):
    """A failure that nobody retrieved of a fixture's task is an error of the fixture."""
    result = suite("""
        @pytest.fixture
        async def broken():
            portable.create_task(job("bad", error=LookupError("lost")))
            await anyio.sleep(0.01)
            yield

        async def test_it(broken):
            pass
    """)
    result.assert_outcomes(passed=3, errors=3)


def test_hypothesis(suite):
    """Each example has its own tasks."""
    result = suite("""
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=3)
        @given(number=st.integers())
        async def test_it(number):
            log.clear()
            portable.create_task(job("left", 3600))
            await portable.create_task(job("done"))
            assert log == ["done"]
    """)
    result.assert_outcomes(passed=3)


def test_tasks_in_virtual_time(suite):
    """Tests of code with tasks run in virtual time."""
    result = suite(
        """
        async def test_it(virtual_clock):
            await portable.create_task(job("done", 3600))
            assert virtual_clock.now() == 3600
        """
    )
    result.assert_outcomes(passed=3)
