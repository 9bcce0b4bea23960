"""Time limits by a signal whose handler raises, as pytest-timeout sets them."""

import signal

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = [
    *ON_ALL_BACKENDS,
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no alarm"),
]

LIMITS = """
import signal
import pytest

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item, nextitem):
    def too_long(number, frame):
        pytest.fail("took too long")

    before = signal.signal(signal.SIGALRM, too_long)
    limit = item.get_closest_marker("limit")
    if limit is not None:
        signal.setitimer(signal.ITIMER_REAL, *limit.args)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        assert signal.getsignal(signal.SIGALRM) is too_long
        signal.signal(signal.SIGALRM, before)
"""

TESTS = """
import signal
import anyio
import pytest

pytestmark = pytest.mark.anyio

@pytest.mark.limit(0.1)
async def test_waits():
    try:
        await anyio.sleep_forever()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(0)
        print("cleaned up")

async def test_after_it():
    await anyio.sleep(0)

async def test_catches_it():
    with pytest.raises(pytest.fail.Exception, match="took too long"):
        signal.raise_signal(signal.SIGALRM)
    await anyio.sleep(0.01)
    print("went on")
"""


@pytest.fixture
def suite(pytester):
    """A suite under time limits, one test of which waits for ever."""
    pytester.makeini("[pytest]\nmarkers = limit: its real seconds")
    pytester.makeconftest(LIMITS)
    pytester.makepyfile(test_it=TESTS)
    return pytester


@pytest.mark.parametrize("driven", ["true", "false"], ids=["driven", "plain"])
def test_a_limit_ends_a_test_that_waits(suite, driven):
    """The test fails on trio as on asyncio, and cleans up; the others are as before.

    uvloop does not raise what a handler raises while it waits.
    """
    options = ("--anyio-backends=asyncio,trio", "-o", f"asyncio_on_trio={driven}", "-rPfE")
    result = suite.runpytest(*options)
    result.assert_outcomes(failed=2, passed=4)
    assert str(result.stdout).count("\nwent on") == 2
    result.stdout.fnmatch_lines(["FAILED *test_waits?trio? - Failed: took too long"])
    assert str(result.stdout).count("cleaned up") >= 2
