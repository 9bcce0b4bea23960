"""A slowdown of 30 % in spawning or in cancelling is caught, and none where there is none.

It is planted in the loop on trio: what asyncio's tasks cost there is portable's to answer for.
The planted work is counted in CPU time by the clock that measures, and what is called noise is
what the benchmarks themselves say it is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
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
    Prices,
    changes,
    quiet_collector,
)

pytestmark = pytest.mark.slow
pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")

#: Of what a task costs, as `bench-report` has to find it.
PLANTED = 0.3


def measured(operation: str, seconds: float) -> Prices:
    """Return the prices of an operation on trio: portable's, and the native way's."""
    case = OPERATIONS[operation].headline("small")
    cases = [Case(OPERATIONS[operation], case, "trio", by) for by in (NATIVE, PORTABLE)]
    budget = Budget(cases, EFFORTS["small"], seconds, CPU)
    with quiet_collector():
        budget.spend()
    return Prices(budget.rows())


def compute(steps: int) -> None:
    for _ in range(steps):
        pass


def slowed(method: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Return a method that computes for about so long before it does what it did."""
    trial = 1_000_000
    before = time.thread_time()
    compute(trial)
    steps = int(trial * seconds / (time.thread_time() - before))

    def slow(self: Any, *args: Any, **options: Any) -> Any:
        compute(steps)
        return method(self, *args, **options)

    return slow


def planted(operation: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make what portable runs on trio slower by so much a task."""
    way = OPERATIONS[operation].ways[PORTABLE, "trio"]
    program = way.program

    async def on_a_slow_loop(sample: Any) -> None:
        task = type(asyncio.current_task())
        with monkeypatch.context() as patch:
            if operation == "spawn":
                group = asyncio.TaskGroup
                patch.setattr(group, "create_task", slowed(group.create_task, seconds))
            else:
                patch.setattr(task, "cancel", slowed(task.cancel, seconds))
            await program(sample)

    monkeypatch.setitem(
        OPERATIONS[operation].ways, (PORTABLE, "trio"), type(way)(on_a_slow_loop, driven=True)
    )


@pytest.mark.parametrize("operation", ["spawn", "cancel_one"])
def test_caught(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A third more a task is told as slower; the same again is not."""
    old = measured(operation, 12.0)
    assert compared(measured(operation, 12.0), old).slower == ()
    (row,) = (row for row in old if row.implementation == PORTABLE)
    planted(operation, PLANTED * row.amount, monkeypatch)
    (change,) = compared(measured(operation, 12.0), old).slower
    assert change.row.implementation == PORTABLE


def compared(new: Prices, old: Prices) -> Changes:
    found = changes(new, old)
    assert (found.compared, found.unclear) == (1, 0)
    return found
