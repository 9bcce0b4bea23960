"""What is read before and after the work: a clock, or the memory in use."""

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
        active: what it needs to be on while programs run.
        own_loop: whether each program needs a loop for itself, since the meter would count
            what one leaves behind in it (as asyncio keeps timers that were cancelled).
        steady: whether it reads much the same each time, so that few rounds say it all.
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
#: The time that the loop's own thread computed; waiting is free, for a turn on a processor
#: that others use too. So it holds on a busy machine.
CPU = Meter("CPU time", "s", time.thread_time)
#: For what a program counts by itself, and records.
COUNT = Meter("count", "", float, steady=True)
MEMORY = Meter("memory", "B", _bytes_in_use, _tracing, own_loop=True, steady=True)

#: By what a user calls them, the clocks that work which waits for nothing can be priced by.
CLOCKS: Mapping[str, Meter] = {"wall": WALL, "cpu": CPU}

_UNITS = {
    "s": ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")),
    "B": ((1e6, "MB"), (1e3, "kB"), (1.0, "B")),
    "": ((1.0, ""),),
}


def shown(amount: float, unit: str, glue: str = " ") -> str:
    """Return an amount of seconds or bytes with three digits and a fitting unit."""
    scales = _UNITS[unit]
    scale, name = next((each for each in scales if amount >= each[0]), scales[-1])
    value = amount / scale
    digits = f"{value:.0f}" if value >= 99.95 else f"{value:#.3g}"
    return f"{digits}{glue}{name}".rstrip()
