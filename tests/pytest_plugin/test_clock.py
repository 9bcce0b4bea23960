"""Fixtures and virtual time: `virtual_clock`, and what time it is in the others."""

import textwrap

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS


def test_the_fixture(suite):
    """`virtual_clock` tells the time and moves it; to ask for it is to be in virtual time."""
    result = suite("""
        @pytest.mark.anyio
        async def test_it(virtual_clock):
            assert is_virtual()
            await anyio.sleep(60)
            assert virtual_clock.now() == 60
            virtual_clock.advance(2.5)
            assert virtual_clock.now() == anyio.current_time() == 62.5
            assert time.time() == START.timestamp() + 62.5
            with pytest.raises(ValueError, match="seconds"):
                virtual_clock.advance(-1)
    """)
    result.assert_outcomes(passed=3)


def test_the_fixture_before_the_loop_runs(suite):
    """Before the loop begins the time is 0, and nothing can be moved."""
    result = suite("""
        @pytest.fixture
        def early(virtual_clock):
            assert virtual_clock.now() == 0
            with pytest.raises(RuntimeError, match="has not begun"):
                virtual_clock.advance(1)

        @pytest.mark.anyio
        async def test_it(early, virtual_clock):
            assert virtual_clock.now() == 0
    """)
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("def test_it(virtual_clock):", "AnyIO does not run this test"),
        (
            """
            @pytest.mark.anyio
            @pytest.mark.virtual_time(False)
            async def test_it(virtual_clock):""",
            "keeps this test in real time",
        ),
    ],
)
def test_the_fixture_where_there_is_no_virtual_time(suite, test, message):
    """To ask for the clock where there can't be one fails, and says why."""
    result = suite(f"{textwrap.dedent(test)}\n    pass", option="--anyio-backends=trio")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*virtual_clock: *{message}*"])


def test_async_fixtures_of_higher_scope(suite):
    """A fixture that keeps the loop keeps the time; tests in real time get one of their own."""
    result = suite("""
        pytestmark = pytest.mark.anyio

        @pytest.fixture(scope="module")
        async def began():
            await anyio.sleep(1)
            yield is_virtual(), anyio.current_time()

        @pytest.mark.virtual_time
        async def test_first(began, virtual_clock):
            assert began == (True, 1)
            await anyio.sleep(10)

        def test_in_between():
            assert not is_virtual()

        @pytest.mark.virtual_time
        async def test_second(began, virtual_clock):
            assert anyio.current_time() == virtual_clock.now() == 11
            assert time.time() == START.timestamp() + 11
    """)
    result.assert_outcomes(passed=7)


def test_real_and_virtual_tests_share_no_loop(suite):
    """A fixture of higher scope is made anew where real and virtual time meet."""
    result = suite("""
        pytestmark = pytest.mark.anyio

        @pytest.fixture(scope="module")
        async def began():
            yield is_virtual()

        async def test_first(began):
            assert not began and not is_virtual()

        @pytest.mark.virtual_time
        async def test_second(began):
            assert began and is_virtual()

        async def test_third(began):
            assert not began and not is_virtual()
    """)
    result.assert_outcomes(passed=9)


def test_fixtures_see_virtual_time(suite):
    """Fixtures see the same clock as the test, those that are not async as well."""
    result = suite("""
        pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

        @pytest.fixture(autouse=True)
        def first():
            return datetime.now(UTC)

        @pytest.fixture
        def before(first):
            yield datetime.now(UTC)
            assert datetime.now(UTC).timestamp() == START.timestamp() + 3660

        @pytest.fixture
        async def home(before):
            await anyio.sleep(60)
            yield datetime.now(UTC)
            assert anyio.current_time() == 3660

        async def test_it(first, before, home):
            assert first == before == START
            assert home.timestamp() == START.timestamp() + 60
            await anyio.sleep(3600)

        async def test_again(first, before, home):
            assert first == before == START
            await anyio.sleep(3600)
    """)
    result.assert_outcomes(passed=6)


def test_each_backend_begins_at_the_start(suite):
    """A clock that a fixture of higher scope kept does not reach into the next backend."""
    result = suite("""
        pytestmark = [pytest.mark.anyio, pytest.mark.virtual_time]

        @pytest.fixture(scope="module")
        async def home():
            await anyio.sleep(60)
            yield

        @pytest.fixture
        def stamp():
            return datetime.now(UTC)

        async def test_before(stamp):
            assert stamp == START

        async def test_it(home):
            pass
    """)
    result.assert_outcomes(passed=6)
