"""AnyIO's test runners under virtual time: they idle between tests, and that is no deadlock."""

import pytest

from portable._backends import BACKENDS

pytestmark = pytest.mark.slow

SUITE = """
import time
import anyio
import pytest
from portable._errors import DeadlockError
from portable.clock import VirtualClock

clock = VirtualClock(start=None)

@pytest.fixture(scope="module")
def anyio_backend():
    return {anyio_name!r}, clock.backend_options({name!r})

@pytest.fixture(scope="module", autouse=True)
async def background():
    seen = []

    async def worker():
        await anyio.sleep(50)
        seen.append(anyio.current_time())
        await anyio.sleep_forever()

    await anyio.sleep(1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker)
        yield seen
        tasks.cancel_scope.cancel()
    await anyio.sleep(1)

async def test_time_goes_on_from_the_fixture():
    assert anyio.current_time() == 1.0
    await anyio.sleep(10)

def test_without_a_loop():
    time.sleep(0.1)

async def test_no_time_has_passed_between(background):
    assert anyio.current_time() == 11.0
    await anyio.sleep(100)
    assert background == [51.0]

async def test_deadlock():
    async def stubborn():
        with anyio.CancelScope(shield=True):
            await anyio.Event().wait()

    with pytest.raises(DeadlockError) as caught:
        await clock.guard(stubborn)
    assert [name.rpartition(".")[2] for name in caught.value.tasks] == ["stubborn"]

async def test_the_runner_lives_on():
    assert anyio.current_time() == 111.0
    await anyio.sleep(1)
    await clock.guard(anyio.sleep, 1)

def test_last_without_a_loop():
    time.sleep(0.1)
"""


@pytest.fixture
def run_suite(pytester, backend):
    def run_suite(source):
        known = BACKENDS[backend]
        pytester.makepyfile(source.format(name=backend, anyio_name=known.anyio_backend))
        return pytester.runpytest_inprocess(
            "-p", "no:cacheprovider", "-W", "error", "-o", "anyio_mode=auto"
        )

    return run_suite


def test_runner_with_fixtures(run_suite):
    """Tests and fixtures share one virtual time; a deadlock fails its own test alone."""
    run_suite(SUITE).assert_outcomes(passed=6)


UNGUARDED = """
import anyio
import pytest
from portable.clock import VirtualClock

@pytest.fixture
def anyio_backend():
    return {anyio_name!r}, VirtualClock(start=None).backend_options({name!r})

async def test_deadlock():
    await anyio.Event().wait()

async def test_next():
    await anyio.sleep(1)
    assert anyio.current_time() == 1.0
"""


def test_runner_without_a_guard(run_suite, backend):
    """Without a guard a deadlock fails its test on asyncio and uvloop; the next one runs."""
    if backend == "trio":
        pytest.skip("on trio nothing but a guard can end a deadlock")
    result = run_suite(UNGUARDED)
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*DeadlockError: deadlock: *"])
