"""The measurement of one price: inside the loop, beside a control, with the work counted.

Starting an event loop costs more than most of what is priced here. So a round starts the loop
once and reads the meter inside it, around the work alone. In the same loop it runs the program
and its control, which is the native way on the same backend; their order is swapped from round
to round. The result of a round is the ratio of the two, because a disturbance that lasts longer
than a round affects both. A program hands in the results of its jobs before the meter is read
again. They are checked, so no program can be fast by leaving work undone.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

from portable._heap import heap_set_aside
from portable._running import run

from ._meters import WALL, Meter

#: The backend of operations that need none.
NO_LOOP = "python"
#: How many rounds are measured if the meter is steady.
STEADY_ROUNDS = 2


class WorkNotDoneError(AssertionError):
    """A measured program stopped its meter before all of its jobs had ended."""


class Sample:
    """The meter of one run of a program, which the program starts and stops.

    The program prepares what is not to be priced, calls `start()`, runs `size` jobs, sets
    `results` to what they returned (each its index, in any order), and calls `stop()`.

    Attributes:
        size: how many jobs to run.
        job: the kind of job, by its name in the workload's module.
        results: what the jobs returned.
        amount: what the meter counted from `start()` to `stop()`; `None` until then.
    """

    __slots__ = ("_meter", "_started", "amount", "job", "results", "size")

    def __init__(self, size: int, job: str = "noop", *, meter: Meter = WALL):
        self.size: int = size
        self.job: str = job
        self.results: Sequence[int] = []
        self.amount: float | None = None
        self._meter = meter
        self._started: float | None = None

    def start(self) -> None:
        """Start the meter."""
        if self._started is not None:
            raise RuntimeError("a sample's meter can be started once; make a new Sample")
        self._started = self._meter.read()

    def stop(self) -> None:
        """Stop the meter.

        Raises:
            WorkNotDoneError: the results are not those of `size` jobs.
        """
        now = self._meter.read()
        if self._started is None or self.amount is not None:
            raise RuntimeError("a sample's meter is stopped once, after it was started")
        self.record(now - self._started)

    def record(self, amount: float) -> None:
        """Take an amount that was measured elsewhere, in place of `start()` and `stop()`.

        Raises:
            WorkNotDoneError: the results are not those of `size` jobs.
        """
        if sorted(self.results) != list(range(self.size)):
            raise WorkNotDoneError(
                f"{len(self.results)} results were in hand when the meter stopped; "
                f"they should have been those of {self.size} jobs, each once"
            )
        self.amount = amount


Program: TypeAlias = Callable[[Sample], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pair:
    """The result of one round, per job.

    Attributes:
        subject: the price of the program.
        control: the price of the native way, in the same loop, just before or after.
    """

    subject: float
    control: float

    @property
    def ratio(self) -> float:
        """The price of the subject, divided by that of the control."""
        return self.subject / self.control


def measure_pair(
    subject: Program,
    control: Program,
    *,
    backend: str,
    size: int,
    job: str = "noop",
    control_first: bool = False,
    meter: Meter = WALL,
    control_backend: str | None = None,
) -> Pair:
    """Run a program and its control in one run of the loop, and measure both.

    If they run on different loops, each has a run of its own, one right after the other.

    Args:
        subject: the program to price.
        control: the program to compare it with.
        backend: `asyncio`, `uvloop` or `trio`; `python` where the loop does not matter.
        size: how many jobs each of them runs.
        job: which kind of job.
        control_first: whether the control runs before the subject.
        meter: what is read before and after the work.
        control_backend: the loop that the control runs on, if it is another.

    Raises:
        WorkNotDoneError: one of them did not do its work, or did not measure it.
    """

    async def price(program: Program) -> float:
        # The garbage of the program before is collected now, off the meter. The collector
        # stays on during the work: the objects that it has to walk are part of the price.
        gc.collect()
        sample = Sample(size, job, meter=meter)
        await program(sample)
        if sample.amount is None:
            raise WorkNotDoneError("the program ended without stopping its sample's meter")
        return sample.amount / size

    on = (backend, control_backend or backend)
    loops: list[Any] = ["asyncio" if name == NO_LOOP else name for name in on]
    order = [*zip((subject, control), loops, strict=True)]
    if control_first:
        order.reverse()

    async def both() -> list[float]:
        return [await price(program) for program, _ in order]

    with meter.active():
        if meter.own_loop or len(set(loops)) > 1:
            first, second = (run(price, program, backend=loop) for program, loop in order)
        else:
            first, second = run(both, backend=loops[0])
    return Pair(second, first) if control_first else Pair(first, second)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect once, then hide the objects that exist already from the garbage collector.

    Otherwise each sample, and each collection between two samples, would pay for walking
    through the objects of pytest or of the command line.
    """
    gc.collect()
    with heap_set_aside(always=True):
        yield


@dataclass(frozen=True, slots=True)
class Effort:
    """How thorough a run is.

    Attributes:
        name: the name that a user gives it.
        rounds: how many rounds are measured at most.
        fewest: how many are measured even if they take longer than `seconds`.
        seconds: how long the rounds of one case may take.
        warm_up: how many rounds go before them and do not count; the first is far too slow.
        patience: a round that takes more seconds than this is measured only twice: it is so
            long that little can disturb its ratio.
        most: how many rounds of a case a time budget spends at most.
    """

    name: str
    rounds: int
    fewest: int
    seconds: float
    warm_up: int = 2
    patience: float = math.inf
    most: int = 100


class Pairing:
    """A program and its control, measured round after round.

    A call measures one round, alternately with the subject and with the control first, and
    keeps the result.

    Attributes:
        pairs: the results of the rounds.
    """

    def __init__(
        self,
        subject: Program,
        control: Program,
        *,
        backend: str,
        size: int,
        job: str = "noop",
        meter: Meter = WALL,
        control_backend: str | None = None,
    ) -> None:
        self.pairs: list[Pair] = []
        self._subject = subject
        self._control = control
        self._backend = backend
        self._size = size
        self._job = job
        self._meter = meter
        self._control_backend = control_backend

    def __call__(self) -> Pair:
        """Measure one round."""
        pair = measure_pair(
            self._subject,
            self._control,
            backend=self._backend,
            size=self._size,
            job=self._job,
            control_first=len(self.pairs) % 2 == 1,
            meter=self._meter,
            control_backend=self._control_backend,
        )
        self.pairs.append(pair)
        return pair

    def warm_up(self, effort: Effort, clock: Callable[[], float] = time.perf_counter) -> int:
        """Run the rounds that do not count; return how many to measure after them.

        The number of rounds that count is even. The program that runs first may have an
        advantage, so subject and control must run first equally often. A single round that
        takes longer than all rounds should take has warmed up within itself, and counts.
        """
        if self._meter.steady:
            return STEADY_ROUNDS
        spent = 0.0
        for _ in range(effort.warm_up):
            begin = clock()
            self()
            spent = clock() - begin
            if spent > effort.seconds:
                fewest = effort.fewest if spent < effort.patience else 2
                return fewest - len(self.pairs)
            self.pairs.clear()
        affordable = int(effort.seconds / spent) if spent else effort.rounds
        rounds = max(effort.fewest, min(effort.rounds, affordable))
        return rounds + rounds % 2
