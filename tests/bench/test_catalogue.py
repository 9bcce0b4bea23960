"""The catalogue of benchmarks: which operations there are, by whom, and that each works."""

from __future__ import annotations

import asyncio
import sys

import anyio
import pytest

import portable
from portable.bench import (
    ACROSS,
    CPU,
    EFFORTS,
    LOOPS,
    NATIVE,
    NO_LOOP,
    OPERATIONS,
    Case,
    Meter,
    Operation,
    Sample,
    Way,
    Workload,
    cases,
)
from portable.bench._results import PORTABLE
from portable.bench.workloads.async_tree import BRANCHES

IN_LOOPS = [operation for operation in OPERATIONS.values() if operation.loops]


async def returned(sample: Sample, *needed: object) -> None:
    """Do nothing at all."""


class TestCatalogue:
    """Which operations there are, and who does them."""

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    def test_complete(self, operation: Operation) -> None:
        """Where there is a native way, AnyIO's is beside it."""
        own = {NATIVE} | ({"anyio"} if operation.loops else {PORTABLE})
        on = {backend for _, backend in operation.ways}
        for implementation in own:
            assert {backend for by, backend in operation.ways if by == implementation} == on
        assert on <= set(LOOPS if operation.loops else [NO_LOOP])
        assert (PORTABLE, "trio") in operation.ways or not operation.loops
        assert set(operation.workloads) == set(EFFORTS)

    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    def test_no_row_against_itself(self, operation: Operation) -> None:
        """Nothing but the native way is measured against itself.

        asyncio's names are one and the same in portable, so on asyncio and uvloop what is made
        of them is the native way, and has no other row.
        """
        for backend in {backend for _, backend in operation.ways}:
            programs = [
                way.program
                for (by, on), way in operation.ways.items()
                if on == backend and by != ACROSS
            ]
            assert len(set(programs)) == len(programs)
        if (PORTABLE, "asyncio") not in operation.ways and operation.loops:
            for backend in {"asyncio", "uvloop"} & {backend for _, backend in operation.ways}:
                native = operation.ways[NATIVE, backend].program
                assert native is operation.ways[PORTABLE, "trio"].program

    def test_the_very_objects(self) -> None:
        """Each name of asyncio's is asyncio's object in portable: it costs what that costs."""
        for name in set(asyncio.__all__) - {"run"}:
            assert getattr(portable, name) is getattr(asyncio, name), name

    @pytest.mark.parametrize("size", EFFORTS)
    @pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
    def test_cases(self, operation: Operation, size: str) -> None:
        """The cases have names of their own, and a group has one native way to compare with."""
        found = list(cases(operation, size, LOOPS))
        assert len({case.name for case in found}) == len(found)
        natives = [case.group for case in found if case.implementation == NATIVE]
        assert sorted(natives) == sorted({case.group for case in found})

    def test_backends(self) -> None:
        """Only the backends asked for are measured."""
        found = cases(OPERATIONS["spawn"], "small", ["trio"])
        assert {case.backend for case in found} == {"trio"}

    def test_no_loop(self) -> None:
        """What has nothing to do with a loop is measured whatever backends are asked for."""
        found = cases(OPERATIONS["import"], "small", ["trio"])
        assert {case.backend for case in found} == {NO_LOOP}

    def test_peers(self) -> None:
        """A workload can be left out for peers, but for nobody else."""
        full = list(cases(OPERATIONS["spawn"], "full", ["trio"]))
        without = [case for case in full if not case.workload.peers]
        assert {case.workload.size for case in without} == {10_000, 100_000}
        assert not any(case.way.peer for case in without)
        assert any(case.way.peer for case in full)

    def test_across(self) -> None:
        """Where loops are compared, the control is asyncio's way on asyncio's own loop."""
        found = list(cases(OPERATIONS["spawn"], "small", LOOPS))
        across = [case for case in found if case.implementation == ACROSS]
        assert {case.backend for case in across} == {"uvloop", "trio"}
        assert {case.workload.size for case in across} == {1_000}
        for case in across:
            assert case.control_backend == "asyncio"
            assert case.control is case.operation.ways[NATIVE, "asyncio"]
        assert not any(
            case.implementation == ACROSS
            for case in cases(OPERATIONS["spawn"], "small", ["uvloop", "trio"])
        )

    def test_obstacle(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A backend that is not installed is told with the command that installs it."""
        case = Case(OPERATIONS["spawn"], Workload("noop", 1), "uvloop", NATIVE)
        monkeypatch.setitem(sys.modules, "uvloop", None)
        assert case.obstacle == (
            "uvloop is not installed: pip install 'portable-tasks[uvloop]'"
        )

    @pytest.mark.parametrize(
        ("needs", "obstacle"),
        [
            (None, None),
            ("anyio", None),
            ("anyio:sleep", None),
            ("anyio:doze", "this anyio has no doze()"),
            ("aniyo", "aniyo is not installed: pip install 'portable-tasks[bench]'"),
            ("aniyo:sleep", "aniyo is not installed: pip install 'portable-tasks[bench]'"),
        ],
    )
    def test_needs(self, needs: str | None, obstacle: str | None) -> None:
        """What an implementation needs and lacks is told, with the command that helps."""
        assert Way(returned, needs).obstacle == obstacle

    def test_handed(self) -> None:
        """A program is handed what it needs."""
        seen: list[object] = []

        async def program(sample: Sample, *needed: object) -> None:
            seen.append(needed)

        for needs in (None, "anyio", "anyio:sleep"):
            anyio.run(Way(program, needs).ready(), Sample(1))
        assert seen == [(), (anyio,), (anyio.sleep,)]

    @pytest.mark.parametrize("name", ["spawn", "import", "memory"])
    def test_clock(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """The CPU's clock takes the wall clock's place where the loop's thread does it all."""
        operation = OPERATIONS[name]
        read: list[Meter] = []
        monkeypatch.setattr(
            "portable.bench._operations.Pairing",
            lambda *_, **given: read.append(given["meter"]),
        )
        backend = "asyncio" if operation.loops else NO_LOOP
        case = Case(operation, Workload("noop", 1), backend, NATIVE)
        case.pairing()
        case.pairing(CPU)
        assert read == [operation.meter, CPU if name == "spawn" else operation.meter]

    @pytest.mark.parametrize(
        "driven", [pytest.param(True, id="driven"), pytest.param(False, id="plain")]
    )
    def test_tasks(self, driven: bool) -> None:
        """On trio a program runs in a task of asyncio's only if it is to."""
        pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")
        seen: list[bool] = []

        async def program(sample: Sample) -> None:
            seen.append(asyncio.current_task() is not None)

        portable.run(Way(program, driven=driven).ready("trio"), Sample(1), backend="trio")
        assert seen == [driven]

    def test_plain_errors(self) -> None:
        """What a program raises in a plain task of trio's comes out as it is."""
        pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")

        async def program(sample: Sample) -> None:
            raise OSError("out of order")

        with pytest.raises(OSError, match="out of order"):
            portable.run(Way(program).ready("trio"), Sample(1), backend="trio")

    def test_control_in_the_way(self) -> None:
        """A row whose control cannot be used here is not measured, for the control's reason."""
        operation = Operation("made_up", "Made up", {"smoke": (Workload("noop", 1),)})
        operation.by(NATIVE, "asyncio", check=lambda: "no such thing")(returned)
        operation.by(PORTABLE, "asyncio")(returned)
        case = Case(operation, Workload("noop", 1), "asyncio", PORTABLE)
        assert case.obstacle == "no such thing"

    @pytest.mark.parametrize("operation", IN_LOOPS, ids=lambda operation: operation.name)
    def test_work(self, operation: Operation, backend: str) -> None:
        """Each program that can be used here does its work, whatever kind of job."""
        if (NATIVE, backend) in operation.ways:
            obstacle = Case(operation, Workload("", 1), backend, NATIVE).obstacle
            if obstacle is not None:
                pytest.skip(obstacle)
        expected = {NATIVE, "anyio"} if (NATIVE, backend) in operation.ways else set()
        assert done_by(operation, backend) >= expected

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["import", "against_trio_asyncio"])
    def test_work_without_loop(self, name: str) -> None:
        """The same holds for programs that have nothing to do with a loop of this process."""
        obstacle = Case(OPERATIONS[name], Workload("", 1), NO_LOOP, PORTABLE).obstacle
        if obstacle is not None:
            pytest.skip(obstacle)
        assert done_by(OPERATIONS[name], NO_LOOP) >= {PORTABLE}


def done_by(operation: Operation, backend: str) -> set[str]:
    """Let everyone who can do an operation; return who did."""
    size = min(operation.workloads["smoke"][0].size, BRANCHES)
    jobs = {each.job for effort in EFFORTS for each in operation.workloads[effort]}
    done = set()
    for implementation, on in operation.ways:
        case = Case(operation, Workload("", size), on, implementation)
        if on != backend or case.obstacle is not None:
            continue
        for job in jobs:
            sample = Sample(size, job, meter=operation.meter)
            with operation.meter.active():
                loop = "asyncio" if on == NO_LOOP else on
                portable.run(case.way.ready(on), sample, backend=loop)
            assert sample.amount is not None
            done.add(implementation)
    return done
