"""Running under a virtual clock, the AnyIO way on every backend, and with asyncio's Runner."""

import asyncio
import faulthandler

import anyio
import pytest

from portable._backends import BACKENDS
from portable.clock import VirtualClock


@pytest.fixture(autouse=True)
def watchdog():
    """Fail a test that hangs, which is how a clock that never jumps shows itself."""
    faulthandler.dump_traceback_later(60, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def steer(backend):
    """Run a program under a clock on the test's backend, with the clock's guard."""

    def steer(main, *args, **kwargs):
        clock = VirtualClock(start=None, **kwargs)
        return anyio.run(
            clock.guard,
            main,
            *args,
            backend=BACKENDS[backend].anyio_backend,
            backend_options=clock.backend_options(backend),
        )

    return steer


@pytest.fixture(
    params=[
        pytest.param(
            name,
            marks=pytest.mark.skipif(
                not BACKENDS[name].installed,
                reason=f"{name} is not installed: {BACKENDS[name].install_command}",
            ),
        )
        for name in BACKENDS
    ]
)
def loop_kind(request):
    """The names of the backends; each has a loop with asyncio's interface."""
    return request.param


@pytest.fixture
def runner(loop_kind):
    """asyncio's own Runner, under virtual time, with no guard."""
    clock = VirtualClock(start=None)
    with asyncio.Runner(loop_factory=clock.loop_factory(loop_kind)) as runner:
        runner.clock = clock
        yield runner
