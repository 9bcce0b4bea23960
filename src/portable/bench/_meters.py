"""Meters: clocks and counts of memory, which are read before and after the work."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meter:
    """Something that is read twice; the difference is the price.

    Attributes:
        name: what it counts.
        unit: `s` for seconds, `B` for bytes, nothing for a count.
        read: returns the count.
        active: a context in which programs must run.
        own_loop: whether each program needs a loop of its own. Otherwise the meter would count
            what an earlier program left in the loop, such as cancelled timers.
        steady: whether it reads nearly the same each time, so that few rounds are enough.
    """

    name: str
    unit: str
    read: Callable[[], float]
    active: Callable[[], AbstractContextManager[None]] = nullcontext
    own_loop: bool = False
    steady: bool = False


@contextmanager
def _tracing() -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


def _bytes_in_use() -> float:
    return tracemalloc.get_traced_memory()[0]


WALL = Meter("time", "s", time.perf_counter)
#: The time that the loop's own thread computed. Waiting for a processor that others use does
#: not count, so it holds on a busy machine.
CPU = Meter("CPU time", "s", time.thread_time)
#: For a count that the program makes itself, and records.
COUNT = Meter("count", "", float, steady=True)
MEMORY = Meter("memory", "B", _bytes_in_use, _tracing, own_loop=True, steady=True)

#: The clocks that price time, by the names that users give them.
CLOCKS: Mapping[str, Meter] = {"wall": WALL, "cpu": CPU}
#: On Windows a thread's time has steps of 16 ms, which is longer than most rounds.
DEFAULT_CLOCK = "cpu" if time.get_clock_info("thread_time").resolution < 1e-6 else "wall"

_UNITS = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((1e6, "MB"), (1e3, "kB"), (1.0, "B")),
    "": ((1.0, ""),),
}


#: The unit of prices that are shown as how many there are in a second.
PER_SECOND = "/s"


def shown(amount: float, unit: str, glue: str = " ") -> str:
    """Return an amount as text, with three digits and a fitting unit.

    Args:
        amount: seconds, bytes or a count.
        unit: the unit of the amount; `/s`: seconds, to be shown as how many there are in one.
        glue: the text between the figure and its unit.
    """
    if unit == PER_SECOND:
        return f"{float(f'{1 / amount:.3g}'):,.0f}{unit}"
    scales = _UNITS[unit]
    scale, name = next((each for each in scales if amount >= each[0]), scales[-1])
    value = amount / scale
    digits = f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}"
    return f"{digits}{glue}{name}".rstrip()
