"""Handlers that raise, as those of time limits do: the run ends with the error, cleaned up."""

import asyncio
import signal
import sys
import threading

import pytest

import portable
from portable.asyncio_on_trio import run
from portable.asyncio_on_trio.guest import MonotonicClock

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="this system has no such alarm"
)


@pytest.fixture(params=["asyncio", "trio"])
def backend(request):
    """asyncio is the original; uvloop does not raise what a handler raises while it waits."""
    return request.param


class TooLong(Exception):
    """What the handler raises."""


class Alarm:
    """A handler of SIGALRM that raises, and notes its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, number, frame):
        self.calls += 1
        raise TooLong


@pytest.fixture
def alarm():
    """The handler, set for one test; it is still set at the test's end."""
    alarm = Alarm()
    before = signal.signal(signal.SIGALRM, alarm)
    yield alarm
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert signal.getsignal(signal.SIGALRM) is alarm
    signal.signal(signal.SIGALRM, before)


class Program:
    """Two tasks that wait for ever, and clean up; an alarm comes meanwhile."""

    def __init__(self):
        self.cleaned = []

    async def wait(self, name):
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            self.cleaned.append(name)

    async def main(self):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        child = asyncio.create_task(self.wait("child"))
        await self.wait("main")
        await child


def test_a_handler_that_raises_while_everything_waits(backend, alarm):
    """`run()` raises the error when the tasks have cleaned up."""
    program = Program()
    with pytest.raises(TooLong):
        portable.run(program.main, backend=backend)
    assert sorted(program.cleaned) == ["child", "main"]
    assert alarm.calls == 1
    assert portable.run(asyncio.sleep, 0, "free", backend=backend) == "free"


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.run() takes no factory here")
def test_such_a_handler_under_asyncio_run(alarm):
    """So does `asyncio.run()` with the loop on trio."""
    program = Program()
    with pytest.raises(TooLong):
        asyncio.run(program.main(), loop_factory=portable.trio_loop)
    assert sorted(program.cleaned) == ["child", "main"]
    assert alarm.calls == 1


def test_a_loop_goes_on_after_such_a_handler(alarm):
    """`run_until_complete()` raises the error; the tasks go on at the next call."""

    async def wait():
        await released.wait()
        return "went on"

    async def main():
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        await task

    loop = portable.trio_loop()
    released = asyncio.Event()
    task = loop.create_task(wait())
    with pytest.raises(TooLong):
        loop.run_until_complete(main())
    loop.call_soon(released.set)
    assert loop.run_until_complete(task) == "went on"
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def test_a_handler_that_raises_in_the_programs_code(backend, alarm):
    """The error is raised right there, where the program may catch it."""

    async def main():
        try:
            signal.raise_signal(signal.SIGALRM)
        except TooLong:
            return "caught"

    assert portable.run(main, backend=backend) == "caught"


class Signalling(MonotonicClock):
    """A clock that sends a signal when trio begins to use it, or asks it how long to wait."""

    def __init__(self, *, at_start):
        self.at_start = at_start
        self.armed = False

    def start_clock(self):
        if self.at_start:
            signal.raise_signal(signal.SIGALRM)

    def deadline_to_sleep_time(self, deadline):
        if self.armed:
            self.armed = False
            signal.raise_signal(signal.SIGALRM)
        return super().deadline_to_sleep_time(deadline)


@pytest.mark.parametrize("at_start", [True, False], ids=["at the start", "in between"])
def test_a_handler_that_raises_in_the_midst_of_trio(alarm, at_start):
    """Nothing of trio's breaks: the run ends with the error."""
    clock = Signalling(at_start=at_start)

    async def main():
        clock.armed = True
        await asyncio.Event().wait()

    with pytest.raises(TooLong):
        run(main(), clock=clock)
    assert alarm.calls == 1


def test_a_handler_that_does_not_raise(backend):
    """It is called as often as the signal came; the run goes on."""
    calls = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: calls.append(number))

    async def main():
        signal.raise_signal(signal.SIGALRM)
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        while len(calls) < 2:
            await asyncio.sleep(0.01)
        return "went on"

    try:
        assert portable.run(main, backend=backend) == "went on"
        assert calls == [signal.SIGALRM] * 2
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_handler_that_is_set_during_the_run_stays():
    """So it does where the run had held another one back."""
    calls = []

    def others(number, frame):
        calls.append(number)

    async def main():
        signal.signal(signal.SIGALRM, others)

    before = signal.signal(signal.SIGALRM, Alarm())
    try:
        portable.run(main, backend="trio")
        assert signal.getsignal(signal.SIGALRM) is others
        signal.raise_signal(signal.SIGALRM)
        assert calls == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, before)


def test_another_thread_than_the_main_one(alarm):
    """It leaves the handlers alone, as it must."""
    seen = []

    async def main():
        seen.append(signal.getsignal(signal.SIGALRM))

    thread = threading.Thread(target=portable.run, args=(main,), kwargs={"backend": "trio"})
    thread.start()
    thread.join()
    assert seen == [alarm]
