"""How one price is measured: inside the loop, beside its control, with the work counted.

Entering an event loop costs more than most of what is priced here, so a round enters the
loop once and reads the meter inside it, around the work alone. In that same entry it runs
the program that is measured and its control (the native way on the same backend), in an
order that is swapped from round to round. What a round says is the ratio of the two: what
disturbs the machine for longer than a round disturbs both alike. A program hands in the
results of its jobs before its meter is read for the last time, and they are checked, so
that no program can be fast by leaving work undone.
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

#: In place of a backend, for what has nothing to do with one.
NO_LOOP = "python"


#: How many rounds are measured with a meter that always reads the same.
STEADY_ROUNDS = 2


class WorkNotDoneError(AssertionError):
    """A measured program stopped its meter before all of its jobs had ended."""


class Sample:
    """One measured stretch of work, handed to the program that does it.

    The program prepares what is not to be priced, calls `start()`, lets `size` jobs run,
    puts what each returned into `results` (its index, in any order), and calls `stop()`.

    Attributes:
        size: how many jobs there are to run.
        job: which kind of job, by its name in the workload's module.
        results: what the jobs returned.
        amount: what the meter counted from `start()` to `stop()`; `None` before that.
    """

    __slots__ = ("_meter", "_started", "amount", "job", "results", "size")

    def __init__(self, size: int, job: str = "noop", *, meter: Meter = WALL):
        self.size = size
        self.job = job
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
        """Take what was measured elsewhere, in place of `start()` and `stop()`.

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
    """What one round measured, per job.

    Attributes:
        subject: the program that is priced.
        control: the native way, in the same loop, just before or just after.
    """

    subject: float
    control: float

    @property
    def ratio(self) -> float:
        """How many times as much as the control the subject took."""
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
) -> Pair:
    """Run a program and its control in one entry of the loop, and measure both.

    Args:
        subject: the program to price.
        control: the program to compare it with.
        backend: `asyncio`, `uvloop` or `trio`; `python` where the loop does not matter.
        size: how many jobs each of them runs.
        job: which kind of job.
        control_first: whether the control runs before the subject.
        meter: what is read before and after the work.

    Raises:
        WorkNotDoneError: one of them did not do its work, or did not measure it.
    """

    async def price(program: Program) -> float:
        # What the program before has left is collected off the meter; the collector stays
        # on during the work, since objects that it has to walk are part of the price.
        gc.collect()
        sample = Sample(size, job, meter=meter)
        await program(sample)
        if sample.amount is None:
            raise WorkNotDoneError("the program ended without stopping its sample's meter")
        return sample.amount / size

    order = (control, subject) if control_first else (subject, control)

    async def both() -> list[float]:
        return [await price(program) for program in order]

    loop: Any = "asyncio" if backend == NO_LOOP else backend
    with meter.active():
        if meter.own_loop:
            first, second = (run(price, program, backend=loop) for program in order)
        else:
            first, second = run(both, backend=loop)
    return Pair(second, first) if control_first else Pair(first, second)


@contextmanager
def quiet_collector() -> Iterator[None]:
    """Collect once, and then keep the garbage collector away from what is there already.

    Else each sample would pay for walking the objects of whatever measures it, and so would
    each collection between two samples.
    """
    gc.collect()
    with heap_set_aside():
        yield


@dataclass(frozen=True, slots=True)
class Effort:
    """How thorough a run is.

    Attributes:
        name: what a user calls it.
        rounds: how many rounds are measured at most.
        fewest: how many are measured however long they take.
        seconds: how long the rounds of one case may take, beyond the fewest.
        warm_up: how many rounds go before them, unmeasured; the first is far too slow.
        patience: a round that takes more seconds than this is measured but twice: it is
            so long that little can disturb its ratio.
    """

    name: str
    rounds: int
    fewest: int
    seconds: float
    warm_up: int = 2
    patience: float = math.inf


class Pairing:
    """A program and its control, measured round after round.

    Calling it measures one round, alternately with the subject and with the control first,
    and keeps what it measured.

    Attributes:
        pairs: what each round measured.
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
    ) -> None:
        self.pairs: list[Pair] = []
        self._subject = subject
        self._control = control
        self._backend = backend
        self._size = size
        self._job = job
        self._meter = meter

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
        )
        self.pairs.append(pair)
        return pair

    def warm_up(self, effort: Effort, clock: Callable[[], float] = time.perf_counter) -> int:
        """Run the rounds that do not count; return how many to measure after them.

        Together with what is measured then, the number is even: who goes first has an easier
        or a harder time than who goes second, so both have to go first equally often for the
        median to lie between. A round that takes longer than all of them should has warmed
        up within itself, and counts.
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
