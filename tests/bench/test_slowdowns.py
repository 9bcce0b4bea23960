"""A slowdown of 30 % in spawning or in cancelling is caught, and none where there is none.

It is planted in the loop on trio: what asyncio's tasks cost there is portable's to answer for.
What is called noise is what the benchmarks themselves say it is. A machine that others use too
can slow one of two equal runs, so the price is counted in calls of functions, which no
neighbour changes; before a release it is counted in CPU time, too.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from portable.bench import (
    CPU,
    EFFORTS,
    NATIVE,
    OPERATIONS,
    PORTABLE,
    Budget,
    Case,
    Changes,
    Meter,
    Prices,
    changes,
    quiet_collector,
)

pytestmark = pytest.mark.slow
pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")

#: Of what a task costs, as `bench-report` has to find it.
PLANTED = 0.3


class Calls:
    """How many functions, of Python and of C, this thread has called."""

    count = 0

    @classmethod
    def read(cls) -> float:
        return float(cls.count)

    @classmethod
    @contextmanager
    def counted(cls) -> Iterator[None]:
        def count(frame: object, event: str, argument: object) -> None:
            if event.endswith("call"):
                cls.count += 1

        before = sys.getprofile()
        sys.setprofile(count)
        try:
            yield
        finally:
            sys.setprofile(before)


CALLS = Meter("calls", "", Calls.read, Calls.counted, steady=True)


def measured(operation: str, meter: Meter, seconds: float) -> Prices:
    """Return the prices of an operation on trio: portable's, and the native way's."""
    case = OPERATIONS[operation].headline("small")
    cases = [Case(OPERATIONS[operation], case, "trio", by) for by in (NATIVE, PORTABLE)]
    budget = Budget(cases, EFFORTS["small"], seconds, meter)
    with quiet_collector():
        budget.spend()
    return Prices(budget.rows())


def call() -> None:
    pass


def compute(steps: int) -> None:
    for _ in range(steps):
        call()


def slowed(method: Callable[..., Any], amount: float, meter: Meter) -> Callable[..., Any]:
    """Return a method that works so much, by the meter, before it does what it did."""
    trial = 1_000_000
    with meter.active():
        before = meter.read()
        compute(trial)
        steps = round(trial * amount / (meter.read() - before))

    def slow(self: Any, *args: Any, **options: Any) -> Any:
        compute(steps)
        return method(self, *args, **options)

    return slow


def planted(
    operation: str, amount: float, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Make what portable runs on trio slower by so much a task."""
    way = OPERATIONS[operation].ways[PORTABLE, "trio"]
    program = way.program

    async def on_a_slow_loop(sample: Any) -> None:
        task = type(asyncio.current_task())
        with monkeypatch.context() as patch:
            if operation == "spawn":
                group = asyncio.TaskGroup
                patch.setattr(group, "create_task", slowed(group.create_task, amount, meter))
            else:
                patch.setattr(task, "cancel", slowed(task.cancel, amount, meter))
            await program(sample)

    monkeypatch.setitem(
        OPERATIONS[operation].ways, (PORTABLE, "trio"), type(way)(on_a_slow_loop, driven=True)
    )


@pytest.mark.parametrize("operation", ["spawn", "cancel_one"])
@pytest.mark.parametrize(
    ("meter", "seconds"),
    [
        pytest.param(CALLS, 60.0, id="calls"),
        pytest.param(CPU, 12.0, id="cpu", marks=pytest.mark.thorough),
    ],
)
def test_caught(
    operation: str, meter: Meter, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A third more a task is told as slower; the same again is not."""
    old = measured(operation, meter, seconds)
    assert compared(measured(operation, meter, seconds), old).slower == ()
    (row,) = (row for row in old if row.implementation == PORTABLE)
    planted(operation, PLANTED * row.amount, meter, monkeypatch)
    (change,) = compared(measured(operation, meter, seconds), old).slower
    assert change.row.implementation == PORTABLE
    assert change.factor == pytest.approx(1 + PLANTED, abs=0.15)


def compared(new: Prices, old: Prices) -> Changes:
    found = changes(new, old)
    assert (found.compared, found.unclear) == (1, 0)
    return found
