"""`VirtualClock` itself: what it accepts, whom it serves, what time it shows."""

import asyncio
import sys
import threading
import time
from datetime import UTC, datetime, timedelta, timezone
from math import inf, nan

import anyio
import pytest

from portable._backends import BACKENDS, current_backend
from portable._errors import MissingDependencyError, UnknownBackendError
from portable.clock import VirtualClock


@pytest.fixture
def steer(backend):
    """Run a program under a clock on the test's backend."""

    def steer(main, *args, clock=None):
        clock = VirtualClock(start=None) if clock is None else clock
        with clock:
            return anyio.run(
                clock.guard,
                main,
                *args,
                backend=BACKENDS[backend].anyio_backend,
                backend_options=clock.backend_options(backend),
            )

    return steer


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"start": datetime(2000, 1, 1)}, ValueError, "start: .* no time zone; write .*UTC"),
        ({"start": "2000-01-01"}, TypeError, "start: expected a datetime, got '2000-01-01'"),
        ({"threshold": -1}, ValueError, "threshold: must be finite and not negative"),
        ({"threshold": nan}, ValueError, "threshold: must be finite"),
        ({"threshold": inf}, ValueError, "threshold: must be finite"),
        ({"threshold": "1"}, TypeError, "threshold: expected a number of seconds, got '1'"),
        ({"threshold": True}, TypeError, "threshold: expected a number"),
    ],
)
def test_bad_arguments(kwargs, error, message):
    """A bad argument is refused with its name and the right call."""
    with pytest.raises(error, match=message):
        VirtualClock(**kwargs)


@pytest.mark.parametrize(
    ("seconds", "error"),
    [(-1, ValueError), (nan, ValueError), (inf, ValueError), ("1", TypeError)],
)
def test_bad_advance(seconds, error):
    """advance() refuses what is no step ahead, and the time stays."""
    clock = VirtualClock()
    with pytest.raises(error, match="seconds: "):
        clock.advance(seconds)
    assert clock.now() == 0.0


def test_sleep_moves_all_clocks_exactly(steer):
    """An hour's sleep returns at once, and every clock has moved by exactly an hour."""
    clock = VirtualClock()

    async def main():
        times = [(anyio.current_time(), clock.now(), datetime.now(UTC))]
        await anyio.sleep(3600)
        times.append((anyio.current_time(), clock.now(), datetime.now(UTC)))
        return times

    started = time.monotonic()
    start = datetime(2000, 1, 1, tzinfo=UTC)
    assert steer(main, clock=clock) == [
        (0.0, 0.0, start),
        (3600.0, 3600.0, start + timedelta(hours=1)),
    ]
    assert time.monotonic() - started < 60
    assert repr(clock) == "<VirtualClock at 3600.0 s>"


def test_time_has_no_rounding_of_its_own(steer):
    """Each deadline is met at the very float it was set to, whatever came before."""

    async def main():
        steps = [0.1, 0.2, 0.3, 1e-9, 1e9, 0.7, 1 / 3, 12345.678, 1e-3] * 20
        for step in steps:
            expected = anyio.current_time() + step
            await anyio.sleep(step)
            assert anyio.current_time() == expected
        return len(steps)

    assert steer(main) == 180


def test_wall_clock_follows_to_the_microsecond(steer):
    """Every way to ask for the wall time shows the start plus the virtual time."""
    start = datetime(2031, 5, 6, 7, 8, 9, 123457, tzinfo=UTC)
    clock = VirtualClock(start=start)

    async def main():
        for _ in range(1000):
            await anyio.sleep(0.000003)
        await anyio.sleep(1e-7)
        return datetime.now(), datetime.now(UTC), time.time_ns(), time.time(), time.localtime()

    naive, aware, nanoseconds, seconds, local = steer(main, clock=clock)
    expected = start + timedelta(microseconds=3000)
    assert aware == expected
    assert naive == expected.replace(tzinfo=None)
    assert nanoseconds == int(expected.timestamp()) * 10**9 + 126457000
    assert seconds == pytest.approx(expected.timestamp(), abs=1e-6)
    assert local[:6] == (2031, 5, 6, 7, 8, 9)


def test_wall_clock_stands_still_in_between(steer):
    """Real time that passes does not show."""

    async def main():
        before = time.time_ns()
        threading.Event().wait(0.002)
        return time.time_ns() - before

    assert steer(main, clock=VirtualClock()) == 0


def test_wall_clock_is_given_back():
    """After the block the real time shows again, even if the block failed."""
    with pytest.raises(ZeroDivisionError), VirtualClock():
        assert datetime.now(UTC).year == 2000
        raise ZeroDivisionError
    assert datetime.now(UTC).year > 2000


def test_wall_clock_ends_with_the_calendar(steer):
    """Virtual time beyond the year 9999 is no error; the wall clock stays at its end."""
    clock = VirtualClock(start=datetime(2000, 1, 1, tzinfo=timezone(timedelta(hours=-5))))

    async def main():
        await anyio.sleep(1e12)
        first = datetime.now(UTC)
        await anyio.sleep(1e200)
        return first, datetime.now(UTC), anyio.current_time()

    first, second, now = steer(main, clock=clock)
    assert first == second
    assert first.year == 9999
    assert now == 1e200


def test_no_start_leaves_the_wall_clock_alone(steer):
    """With start=None the program sees the real wall clock."""

    async def main():
        await anyio.sleep(1e6)
        return datetime.now(UTC)

    before = datetime.now(UTC)
    assert before <= steer(main) <= before + timedelta(hours=1)


def test_time_machine_is_missing(monkeypatch):
    """Without time-machine the error names the install command and the way around it."""
    monkeypatch.setitem(sys.modules, "time_machine", None)
    message = r"pip install 'portable-tasks\[clock\]'.*VirtualClock\(start=None\)"
    with pytest.raises(MissingDependencyError, match=message), VirtualClock():
        pass
    with VirtualClock(start=None):
        pass


def test_one_clock_one_run(backend):
    """A clock is handed out once, and entered once; the error says to make a new one."""
    clock = VirtualClock(start=None)
    clock.backend_options(backend)
    with pytest.raises(RuntimeError, match="make a new one"):
        clock.backend_options(backend)
    with clock:
        pass
    with pytest.raises(RuntimeError, match="make a new one"), clock:
        pass


def test_one_loop_factory_one_loop():
    """A loop factory makes one loop."""
    factory = VirtualClock(start=None).backend_options("asyncio")["loop_factory"]
    factory().close()
    with pytest.raises(RuntimeError, match="make a new one"):
        factory()


def test_trio_options_serve_one_run():
    """trio refuses to run twice under one clock."""
    trio = pytest.importorskip("trio", reason="pip install 'portable-tasks[trio]'")
    options = VirtualClock(start=None).backend_options("trio")
    trio.run(trio.sleep, 1, **options)
    with pytest.raises(trio.TrioInternalError) as caught:
        trio.run(trio.sleep, 1, **options)
    assert "make a new one" in str(caught.value.__cause__)


def test_unknown_backend():
    """An unknown backend is refused, and the clock can still be used."""
    clock = VirtualClock(start=None)
    with pytest.raises(UnknownBackendError):
        clock.backend_options("twisted")
    assert "loop_factory" in clock.backend_options("asyncio")


def test_guard_outside_its_run(backend):
    """guard() in a run of another clock, or of none, says how to call it."""
    clock = VirtualClock(start=None)
    clock.backend_options(backend)

    async def main():
        with pytest.raises(RuntimeError, match="the run that its clock steers"):
            await clock.guard(anyio.sleep, 1)

    anyio.run(main, backend=BACKENDS[backend].anyio_backend)


def test_guard_passes_everything_through(steer):
    """guard() gives main its arguments, returns its result and raises its errors."""

    async def main(a, b):
        await anyio.sleep(1)
        if b is None:
            raise LookupError(a)
        return a, b

    assert steer(main, 1, 2) == (1, 2)
    with pytest.raises(LookupError, match="^1$"):
        steer(main, 1, None)


def test_backend_is_still_known(steer, backend):
    """Code under the clock is told the backend's own name."""

    async def main():
        return current_backend()

    assert steer(main) == backend


def test_advance_inside_the_program(steer):
    """advance() moves the time at once, and deadlines that were passed are met late."""
    clock = VirtualClock()
    seen = []

    async def sleeper(seconds):
        await anyio.sleep(seconds)
        seen.append((seconds, anyio.current_time()))

    async def main():
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(sleeper, 10)
            tasks.start_soon(sleeper, 2)
            await anyio.wait_all_tasks_blocked()
            clock.advance(5)
            assert anyio.current_time() == 5.0
            assert datetime.now(UTC).second == 5
            await anyio.sleep(1)
            seen.append(("main", anyio.current_time()))

    steer(main, clock=clock)
    assert seen == [(2, 5.0), ("main", 6.0), (10, 10.0)]


def test_raw_asyncio_runner():
    """The loop factory serves asyncio's own Runner, as often as that runs something."""
    with VirtualClock() as clock:
        factory = clock.backend_options("asyncio")["loop_factory"]
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.sleep(60))
            runner.run(asyncio.sleep(60))
            assert runner.get_loop().time() == 120.0
            assert datetime.now(UTC).minute == 2
