"""A time budget: what is measured first, where the rounds go, and what is said at the end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from portable.bench import (
    NATIVE,
    NO_TIME,
    SURE,
    Budget,
    Case,
    Effort,
    Meter,
    Operation,
    Prices,
    Row,
    Run,
    Sample,
    Unmeasured,
    Workload,
)

EFFORT = Effort("small", rounds=6, fewest=6, seconds=100.0, warm_up=1)


class Hand:
    """A clock that goes only when told to; a round of a program takes as long as it says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.begun: list[str] = []
        self.meter = Meter("hand", "s", self)

    def __call__(self) -> float:
        return self.now

    def operation(
        self, name: str, *takes: float, sizes: Sequence[int] = (1,), question: str | None = None
    ) -> Operation:
        """Return an operation of which each run takes as long as the next of these says."""
        workloads = tuple(Workload("noop", size) for size in sizes)
        operation = Operation(name, name, {"small": workloads}, question=question)
        turns = 0

        async def native(sample: Sample) -> None:
            sample.start()
            self.now += sample.size
            sample.results = range(sample.size)
            sample.stop()

        async def other(sample: Sample) -> None:
            nonlocal turns
            if not turns:
                self.begun.append(name)
            sample.start()
            self.now += takes[turns % len(takes)] * sample.size
            turns += 1
            sample.results = range(sample.size)
            sample.stop()

        operation.by(NATIVE, "asyncio")(native)
        operation.by("anyio", "asyncio")(other)
        return operation

    def spend(
        self, seconds: float, *operations: Operation, effort: Effort = EFFORT
    ) -> list[Row | Unmeasured]:
        """Measure AnyIO's way of each for so long."""
        cases = [
            Case(operation, workload, "asyncio", "anyio")
            for operation in operations
            for workload in operation.workloads["small"]
        ]
        budget = Budget(cases, effort, seconds, self.meter, clock=self)
        budget.spend()
        return [*budget.rows()]


@pytest.fixture
def clock() -> Hand:
    return Hand()


def rounds(rows: Sequence[Row | Unmeasured]) -> list[int]:
    return [row.rounds if isinstance(row, Row) else 0 for row in rows]


def test_sure(clock: Hand) -> None:
    """Where all rounds say the same nothing is measured again, however much time there is."""
    assert rounds(clock.spend(10_000, clock.operation("steady", 3.0))) == [EFFORT.fewest]
    assert clock.now < 100


def test_where_it_is_wide(clock: Hand) -> None:
    """The rounds go to what is unsure, until it is sure."""
    steady, wide = clock.operation("steady", 3.0), clock.operation("wide", 2.8, 3.0, 3.2)
    rows = clock.spend(100_000, steady, wide)
    assert rounds(rows)[0] == EFFORT.fewest
    assert rounds(rows)[1] > 2 * EFFORT.fewest
    assert max(Prices(rows).noise(row) for row in rows if isinstance(row, Row)) <= SURE


def test_not_for_ever(clock: Hand) -> None:
    """What never gets sure is given up after so many rounds."""
    rows = clock.spend(100_000_000, clock.operation("wild", 1.0, 3.0, 9.0))
    assert rounds(rows) == [EFFORT.most]


def test_in_time(clock: Hand) -> None:
    """No two rounds are begun that would not end in time."""
    clock.spend(1_000, clock.operation("wild", 1.0, 3.0, 9.0, sizes=[10]))
    assert 800 < clock.now <= 1_000


def test_questions_first(clock: Hand) -> None:
    """What answers a question is measured first, whatever comes first in the catalogue."""
    clock.spend(60, clock.operation("other", 3.0), clock.operation("asked", 3.0, question="?"))
    assert clock.begun == ["asked", "other"]


def test_no_time(clock: Hand) -> None:
    """What there was no time for is told of; a size is left out if a smaller one says so."""
    rows = clock.spend(30_000, clock.operation("growing", 3.0, sizes=[1_000, 100_000]))
    assert rounds(rows) == [EFFORT.fewest, 0]
    (missing,) = (row for row in rows if isinstance(row, Unmeasured))
    assert (missing.size, missing.reason) == (100_000, NO_TIME)
    assert clock.now < 30_000


@pytest.mark.parametrize(("spare", "begun"), [(-1, False), (1, True)], ids=["short", "enough"])
def test_all_of_the_first_look(clock: Hand, spare: int, begun: bool) -> None:
    """A size is begun if there is time for its warm-up and the rounds that a price needs."""
    effort = Effort("small", rounds=6, fewest=4, seconds=100.0, warm_up=1)
    first_look = (1 + EFFORT.fewest) * (1 + 3)
    rows = clock.spend(
        first_look * 3_000 + spare,
        clock.operation("growing", 3.0, sizes=[1_000, 2_000]),
        effort=effort,
    )
    assert (rounds(rows)[1] > 0) is begun


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT for one process")
def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C ends it early: what there is by then is shown and saved; the exit code is 130."""
    file = tmp_path / "run.json"
    words = ["bench", "--time=600", "--backends=asyncio", "--size=full", "--json", str(file)]
    script = (
        "import os, signal, portable.bench._budget as b, portable.cli as c\n"
        "first = b.Budget._first\n"
        "def interrupt(self, case):\n"
        "    first(self, case)\n"
        "    if len(self._measured) == 3: os.kill(os.getpid(), signal.SIGINT)\n"
        "b.Budget._first = interrupt\n"
        "c.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 128 + signal.SIGINT, done.stderr
    assert "Traceback" not in done.stderr
    assert "This is what there is:" in done.stdout
    assert "Start a task and collect its result (noop, one of 1,000)" in done.stdout
    assert "of 600 s left" in json.loads(file.read_text())["portable"]["about"]["interrupted"]
    assert Run.read(file).measured
