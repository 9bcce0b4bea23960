"""The fixture `virtual_clock`: what time it is in a test, and to move it by hand."""

import textwrap

import pytest

from portable._backends import BACKENDS, installed_backends

pytestmark = pytest.mark.skipif(
    set(installed_backends()) != set(BACKENDS), reason="runs on all the backends"
)

HEAD = """
import time
from datetime import UTC, datetime

import anyio
import pytest

START = datetime(2000, 1, 1, tzinfo=UTC)

def is_virtual():
    return datetime.now(UTC).year < 2020
"""


@pytest.fixture
def suite(pytester):
    """Make a project of one module; return a function that runs it on all the backends."""

    def run(code, *args, option="--anyio-backends"):
        pytester.makepyfile(test_it=HEAD + textwrap.dedent(code))
        return pytester.runpytest(*filter(None, [option]), *args)

    return run


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
