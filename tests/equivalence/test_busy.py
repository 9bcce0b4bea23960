"""Computing that keeps all else from running."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from portable.clock._strategies import Shuffle, Step
from portable.equivalence import Program, Trace, busy, check
from portable.equivalence.busy import BusyWatch, with_computing
from portable.equivalence.recording import record

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


async def quick() -> None:
    print("begin")
    await asyncio.sleep(1)
    print("middle")
    await asyncio.sleep(1)
    print("end")


@pytest.fixture(scope="module")
def trace() -> Trace:
    return record(Program("quick", quick, "asyncio"))


@pytest.mark.parametrize(
    ("original", "port", "told"),
    [
        (0.01, 0.4, False),  # too short to be sure of
        (0.01, 0.6, True),
        (0.5, 4.0, False),  # the original computes as well
        (0.5, 6.0, True),
        (6.0, 0.01, False),  # a port may do better
    ],
)
def test_it_counts_where_there_is_no_doubt(
    trace: Trace, original: float, port: float, told: bool
) -> None:
    """A port differs if it computes for half a second and ten times as long."""
    right, judged = (replace(trace, busy=(1.0, seconds)) for seconds in (original, port))
    assert with_computing(right, right) is right
    found = with_computing(right, judged)
    assert (found != trace) == told


def test_it_has_a_place(trace: Trace) -> None:
    """It stands at the end of the instant in which the port computed, and says how long."""
    found = with_computing(trace, replace(trace, busy=(1.0, 1.234)))
    told = [(seen.stream, seen.text) for seen in found.observations]
    text = "nothing else could run for about 1 s of real time, for it computed"
    assert told[:3] == [("stdout", "begin"), ("stdout", "middle"), ("blocking", text)]
    last = with_computing(trace, replace(trace, busy=(2.0, 1.234)))
    assert [seen.stream for seen in last.observations[-2:]] == ["blocking", "outcome"]


def compute() -> None:
    total = 0
    for number in range(25_000_000):
        total += number


@pytest.mark.slow
def test_an_endless_sum_is_told(backend: str) -> None:
    """A port that computes where its original does so in a thread differs, on every backend."""

    async def beside() -> None:
        await asyncio.to_thread(compute)
        print("done")

    async def inside() -> None:
        compute()
        print("done")

    report = check(
        Program("beside", beside, "asyncio"), Program("inside", inside), backends=[backend]
    )
    row = report.row("port", backend)
    assert row.verdict == "different"
    assert row.comparison is not None
    assert any("for it computed" in seen.text for seen in row.comparison.port.observations)


def test_what_other_threads_compute_is_not_counted() -> None:
    """An instant is measured in the thread that it began in."""
    watch = BusyWatch()
    watch.end(0.0)  # nothing has begun
    assert watch.longest == (0.0, 0.0)


@pytest.mark.slow
def test_what_a_schedule_takes_to_choose_is_not_counted(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of what a schedule computes, to choose among many tasks, is the program's."""
    choose, computed = Shuffle.choose, []
    thread_time = busy.thread_time  # the real one, also in a run

    def choosing(self: Shuffle, free: Sequence[Step], ready: Sequence[Step]) -> Step:
        until = thread_time() + 2
        while not computed and thread_time() < until:
            pass
        computed.append(until)
        return choose(self, free, ready)

    monkeypatch.setattr(Shuffle, "choose", choosing)
    trace = record(Program("quick", quick, "asyncio"), backend, seed=0)
    assert trace.lines("stdout") == ["begin", "middle", "end"]
    assert computed
    assert trace.busy[1] < 2
