"""Stand-ins for signal handlers, each started by somebody who must not have them raise."""

import signal

import pytest

from portable._handlers import HandlerStandIns

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGALRM"), reason="this system has no such signals"
)


@pytest.fixture
def calls():
    """What the handlers of two signals were called with; they are put back afterwards."""
    calls = []
    numbers = (signal.SIGALRM, signal.SIGUSR1)
    before = [signal.signal(each, lambda number, _: calls.append(number)) for each in numbers]
    yield calls
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_signals_that_are_left_alone(calls):
    """The handler of such a signal stays; that of another one is met."""
    met = []
    stand_ins = HandlerStandIns(met.append, but={signal.SIGUSR1})
    kept = signal.getsignal(signal.SIGUSR1)
    stand_ins.start()
    try:
        assert signal.getsignal(signal.SIGUSR1) is kept
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGALRM)
    finally:
        stand_ins.stop()
    assert calls == [signal.SIGUSR1]
    [call] = met
    call()
    assert calls == [signal.SIGUSR1, signal.SIGALRM]


def test_one_inside_another(calls):
    """The inner one hands over to the outer one, which is the active one again at its end."""
    before = HandlerStandIns.active
    outer = HandlerStandIns(lambda call: (calls.append("outer"), call()))
    inner = HandlerStandIns(lambda call: (calls.append("inner"), call()))
    outer.start()
    inner.start()
    try:
        signal.raise_signal(signal.SIGALRM)
        assert HandlerStandIns.active is inner
    finally:
        inner.stop()
        assert HandlerStandIns.active is outer
        outer.stop()
    assert HandlerStandIns.active is before
    assert calls == ["inner", "outer", signal.SIGALRM]
