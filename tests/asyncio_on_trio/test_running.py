"""A run of its own: Ctrl-C at its edges, where there is no loop to tell."""

import asyncio
import signal

import pytest
import trio

import portable
from portable.asyncio_on_trio import run
from portable.asyncio_on_trio.guest import MonotonicClock


class InterruptedStart(MonotonicClock):
    """A clock that sends SIGINT when trio starts it."""

    def start_clock(self):
        signal.raise_signal(signal.SIGINT)


class InterruptedEnd(trio.abc.Instrument):
    """Sends SIGINT when trio's run is over."""

    def after_run(self):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("options", "ran"),
    [({"clock": InterruptedStart()}, []), ({"instruments": [InterruptedEnd()]}, ["ran"])],
    ids=["start", "end"],
)
def test_ctrl_c_at_the_edge_of_a_run(options, ran):
    """It comes out as KeyboardInterrupt, and nothing of trio's breaks."""
    seen = []

    async def main():
        seen.append("ran")

    with pytest.raises(KeyboardInterrupt):
        run(main(), **options)
    assert seen == ran
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert portable.run(asyncio.sleep, 0, "free", backend="trio") == "free"
