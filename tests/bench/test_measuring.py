"""How benchmarks measure: what is metered, beside what, and that no work is left out."""

from __future__ import annotations

import gc
import signal
import tracemalloc
import weakref

import anyio
import pytest
from pytest_benchmark.timers import compute_timer_precision

import portable
from portable.bench import (
    MEMORY,
    NO_LOOP,
    Effort,
    Meter,
    Pair,
    Pairing,
    Program,
    Sample,
    WorkNotDoneError,
    advance,
    in_loop_seconds,
    measure_pair,
    quiet_collector,
    shown,
)


class Hand:
    """A clock that goes only when told to, and the meter that reads it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.meter = Meter("hand", "s", self)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


def lasting(clock: Hand, seconds: float, *, around: float = 0.0) -> Program:
    """Return a program whose work takes so long, with so much before and after it."""

    async def program(sample: Sample) -> None:
        clock.now += around
        sample.start()
        clock.now += seconds
        sample.results = list(range(sample.size))
        sample.stop()
        clock.now += around

    return program


class TestSample:
    """The clock of one measured stretch of work, and its book of jobs."""

    def test_time(self, clock: Hand) -> None:
        """The time from start to stop is what counts."""
        sample = Sample(2, meter=clock.meter)
        sample.start()
        clock.now += 3
        sample.results = [1, 0]
        sample.stop()
        assert sample.amount == 3

    @pytest.mark.parametrize(
        "results", [[], [0], [0, 0], [1, 2], [0, 1, 2]], ids=lambda results: str(results)
    )
    def test_undone(self, results: list[int], clock: Hand) -> None:
        """Stopping before each job has given its result once is refused."""
        sample = Sample(2, meter=clock.meter)
        sample.start()
        sample.results = results
        with pytest.raises(WorkNotDoneError, match=f"{len(results)} results were in hand"):
            sample.stop()

    def test_start_once(self, clock: Hand) -> None:
        """A second start would hide the time before it."""
        sample = Sample(0, meter=clock.meter)
        sample.start()
        with pytest.raises(RuntimeError, match="started once"):
            sample.start()

    @pytest.mark.parametrize("started", [False, True], ids=["unstarted", "stopped"])
    def test_stop_once(self, started: bool, clock: Hand) -> None:
        """A stop belongs to one start."""
        sample = Sample(0, meter=clock.meter)
        if started:
            sample.start()
            sample.stop()
        with pytest.raises(RuntimeError, match="stopped once"):
            sample.stop()


class TestPairs:
    """A program and its control in one entry of the loop."""

    def test_per_job(self, clock: Hand, backend: str) -> None:
        """Each is timed by itself, per job, without what goes on around its work."""
        pair = measure_pair(
            lasting(clock, 30, around=7),
            lasting(clock, 10, around=5),
            backend=backend,
            size=5,
            meter=clock.meter,
        )
        assert pair == Pair(subject=6, control=2)
        assert pair.ratio == 3

    def test_order_swaps(self, clock: Hand, backend: str) -> None:
        """Round by round the other one goes first, and each keeps its own time."""
        order: list[str] = []

        def noting(name: str, seconds: float) -> Program:
            inner = lasting(clock, seconds)

            async def program(sample: Sample) -> None:
                order.append(name)
                await inner(sample)

            return program

        pairing = Pairing(
            noting("subject", 2),
            noting("control", 1),
            backend=backend,
            size=1,
            meter=clock.meter,
        )
        for _ in range(3):
            pairing()
        assert order == ["subject", "control", "control", "subject", "subject", "control"]
        assert pairing.pairs == [Pair(2, 1)] * 3

    def test_interrupt(self, clock: Hand, backend: str) -> None:
        """Ctrl-C gets through even where a program waits for nothing."""

        async def interrupted(sample: Sample) -> None:
            signal.raise_signal(signal.SIGINT)
            await lasting(clock, 1)(sample)

        with pytest.raises(KeyboardInterrupt):
            measure_pair(
                lasting(clock, 1), interrupted, backend=backend, size=1, meter=clock.meter
            )

    def test_across(self, clock: Hand, backend: str) -> None:
        """Where the control runs on another loop, each has an entry of its own."""
        loops: list[str] = []

        def on(seconds: float) -> Program:
            inner = lasting(clock, seconds)

            async def program(sample: Sample) -> None:
                loops.append(portable.current_backend())
                await inner(sample)

            return program

        pair = measure_pair(
            on(6),
            on(2),
            backend=backend,
            control_backend="asyncio",
            size=1,
            meter=clock.meter,
        )
        assert pair == Pair(6, 2)
        assert loops == [backend, "asyncio"]

    def test_one_entry(self, backend: str) -> None:
        """Both run in the same entry of the loop, which is not the next round's."""
        loops: list[object] = []

        async def program(sample: Sample) -> None:
            loops.append(anyio.lowlevel.current_token())
            sample.start()
            sample.results = [0]
            sample.stop()

        pairing = Pairing(program, program, backend=backend, size=1)
        pairing()
        pairing()
        assert loops[0] == loops[1] != loops[2] == loops[3]

    def test_own_state(self, clock: Hand, backend: str) -> None:
        """Each run gets a sample of its own, of the size and job asked for."""
        samples: list[Sample] = []

        async def program(sample: Sample) -> None:
            samples.append(sample)
            await lasting(clock, 1)(sample)

        measure_pair(program, program, backend=backend, size=3, job="nap", meter=clock.meter)
        assert [(sample.size, sample.job) for sample in samples] == [(3, "nap")] * 2
        assert samples[0] is not samples[1]

    @pytest.mark.parametrize("cheat", ["subject", "control"])
    def test_work_after_the_clock(self, cheat: str, clock: Hand, backend: str) -> None:
        """A program that stops its clock first and works afterwards is found out."""

        async def later(sample: Sample) -> None:
            sample.start()
            sample.stop()
            sample.results = list(range(sample.size))

        programs = {"subject": lasting(clock, 1), "control": lasting(clock, 1), cheat: later}
        with pytest.raises(WorkNotDoneError, match="0 results were in hand"):
            measure_pair(
                programs["subject"],
                programs["control"],
                backend=backend,
                size=2,
                meter=clock.meter,
            )

    def test_no_time(self, clock: Hand, backend: str) -> None:
        """A program that never stops its clock has not been measured."""

        async def idle(sample: Sample) -> None:
            sample.start()

        with pytest.raises(WorkNotDoneError, match="without stopping"):
            measure_pair(lasting(clock, 1), idle, backend=backend, size=1, meter=clock.meter)


class TestEffort:
    """How many rounds are measured."""

    @staticmethod
    def warmed_up(clock: Hand, seconds: float, meter: Meter | None = None) -> tuple[int, int]:
        """Return how many rounds warmed up, and how many are to be measured."""
        effort = Effort("test", rounds=16, fewest=6, seconds=1.0, warm_up=2, patience=4)
        started = 0

        async def program(sample: Sample) -> None:
            nonlocal started
            started += 1
            await lasting(clock, seconds / 2)(sample)

        pairing = Pairing(
            program, program, backend="asyncio", size=1, meter=meter or clock.meter
        )
        rounds = pairing.warm_up(effort, clock)
        return started // 2 - len(pairing.pairs), rounds

    @pytest.mark.parametrize(
        ("seconds", "rounds"),
        [(0.01, 16), (0.125, 8), (0.14, 8), (0.4, 6)],
        ids=["most", "some", "even", "fewest"],
    )
    def test_rounds(self, seconds: float, rounds: int, clock: Hand) -> None:
        """After two rounds, as many are measured as there is time for, within limits."""
        assert self.warmed_up(clock, seconds) == (2, rounds)

    def test_long(self, clock: Hand) -> None:
        """A round that takes all the time has warmed up by itself, and is one of those."""
        assert self.warmed_up(clock, 3.0) == (0, 5)

    def test_very_long(self, clock: Hand) -> None:
        """A round that takes more than anybody has patience for is measured twice."""
        assert self.warmed_up(clock, 5.0) == (0, 1)

    def test_timeless(self, clock: Hand) -> None:
        """Rounds too short for the clock are measured as often as can be."""
        assert self.warmed_up(clock, 0.0) == (2, 16)

    def test_steady(self, clock: Hand) -> None:
        """What reads the same each time is read twice, and needs no warming up."""
        meter = Meter("hand", "s", clock, steady=True)
        assert self.warmed_up(clock, 0.01, meter) == (0, 2)


class TestMeters:
    """What is read before and after the work."""

    def test_memory(self, backend: str) -> None:
        """Memory is counted exactly, without what is there already or left behind."""
        kept = []

        def keeping(size: int) -> Program:
            async def program(sample: Sample) -> None:
                sample.start()
                kept.append(bytes(size))
                sample.results = [0]
                sample.stop()

            return program

        pair = measure_pair(
            keeping(300_000), keeping(100_000), backend=backend, size=1, meter=MEMORY
        )
        assert 300_000 <= pair.subject < 302_000
        assert 100_000 <= pair.control < 102_000
        assert not tracemalloc.is_tracing()

    def test_own_loop(self, backend: str, clock: Hand) -> None:
        """Where a meter would count what a loop keeps, each program has one for itself."""
        loops: list[object] = []

        async def program(sample: Sample) -> None:
            loops.append(anyio.lowlevel.current_token())
            await lasting(clock, 1)(sample)

        meter = Meter("hand", "s", clock, own_loop=True)
        measure_pair(program, program, backend=backend, size=1, meter=meter)
        first, second = loops
        assert first != second

    def test_no_loop(self, clock: Hand) -> None:
        """What has nothing to do with a loop is measured all the same."""
        program = lasting(clock, 1)
        pair = measure_pair(program, program, backend=NO_LOOP, size=1, meter=clock.meter)
        assert pair.ratio == 1

    def test_recorded(self) -> None:
        """What was measured elsewhere can be recorded, once the work is done."""
        sample = Sample(1)
        with pytest.raises(WorkNotDoneError):
            sample.record(0.5)
        sample.results = [0]
        sample.record(0.5)
        assert sample.amount == 0.5

    @pytest.mark.parametrize(
        ("amount", "unit", "text"),
        [
            (2.5, "s", "2.50 s"),
            (0.0123, "s", "12.3 ms"),
            (4e-6, "s", "4.00 µs"),
            (999.6e-6, "s", "1000 µs"),
            (2e-7, "s", "200 ns"),
            (1e-12, "s", "0.00100 ns"),
            (1528, "B", "1.53 kB"),
            (17, "B", "17.0 B"),
            (2_500_000, "B", "2.50 MB"),
        ],
    )
    def test_shown(self, amount: float, unit: str, text: str) -> None:
        """An amount is shown with three digits and a unit that fits."""
        assert shown(amount, unit) == text

    def test_quiet_collector(self) -> None:
        """What is garbage already is collected first; the rest is kept from the collector."""
        before = gc.get_freeze_count()
        garbage: list[object] = [Hand()]
        garbage.append(garbage)
        gone = weakref.ref(garbage[0])
        del garbage
        with quiet_collector():
            assert gone() is None
            assert gc.get_freeze_count() > before


class TestTimer:
    """The clock that pytest-benchmark reads."""

    def test_advance(self) -> None:
        """Between two readings lies what was measured, to the float's precision."""
        before = in_loop_seconds()
        advance(0.25)
        advance(0.5)
        assert in_loop_seconds() - before == pytest.approx(0.75, abs=1e-12)

    def test_ticks(self) -> None:
        """It always moves a little, so that asking for its precision ends."""
        precision = compute_timer_precision(in_loop_seconds)  # type: ignore[no-untyped-call]
        assert 0 < precision < 2e-9
