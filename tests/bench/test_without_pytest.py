"""The benchmarks for whoever has the package alone: what is measured, shown and said."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import StringIO

import pytest
from rich.console import Console

from portable import BackendNotInstalledError, UnknownBackendError
from portable._backends import BACKENDS
from portable.bench import (
    CPU,
    EFFORTS,
    LOOPS,
    NATIVE,
    NO_LOOP,
    OPERATIONS,
    Budget,
    Case,
    Operation,
    Sample,
    UnknownOperationError,
    Unmeasured,
    Way,
    Workload,
    bench,
    measure,
    obstacles,
    suite,
)
from portable.bench._results import PORTABLE

from .helpers import plain


def names(chosen: Sequence[Case]) -> set[str]:
    return {case.implementation for case in chosen}


class TestSuite:
    """The choice of what is measured."""

    def test_all(self) -> None:
        """Unless told otherwise: each operation on each loop, without peers."""
        chosen = suite()
        assert {case.operation.name for case in chosen} == set(OPERATIONS)
        assert {case.backend for case in chosen} == {*LOOPS, NO_LOOP}
        assert not any(case.way.peer for case in chosen)

    def test_some(self) -> None:
        """Operations and backends can be chosen by name."""
        chosen = suite(["spawn", "race"], backends=["asyncio"], effort="smoke")
        assert {case.operation.name for case in chosen} == {"spawn", "race"}
        assert {case.backend for case in chosen} == {"asyncio"}
        assert {case.workload.size for case in chosen} == {100, 20}

    def test_names_that_are_given_twice(self) -> None:
        """Each case is measured and listed once."""
        once = suite(["spawn"], backends=["asyncio"])
        assert suite(["spawn", "spawn"], backends=["asyncio", "asyncio"]) == once

    def test_peers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Peers are measured if asked for; one that is not there is told of."""
        ways = OPERATIONS["spawn"].ways
        monkeypatch.setitem(ways, ("there", "asyncio"), Way(nothing, "anyio", peer=True))
        monkeypatch.setitem(ways, ("gone", "asyncio"), Way(nothing, "aniyo", peer=True))
        assert not {"there", "gone"} & names(suite(["spawn"]))
        chosen = suite(["spawn"], peers=True)
        assert {"there", "gone"} <= names(chosen)
        (gone,) = (case for case in chosen if case.implementation == "gone")
        found = measure(gone, "smoke")
        assert isinstance(found, Unmeasured)
        assert found.reason == "aniyo is not installed: pip install 'portable-tasks[bench]'"

    def test_unknown(self) -> None:
        """What is unknown is refused, with what there is."""
        with pytest.raises(UnknownOperationError, match=r"there are: spawn, .*mean 'race'\?"):
            suite(["rase"])
        with pytest.raises(UnknownBackendError, match="known are: asyncio, uvloop, trio"):
            suite(backends=["tiro"])
        with pytest.raises(ValueError, match="there are: smoke, small, full"):
            suite(effort="tiny")
        with pytest.raises(ValueError, match="unknown clock 'sun'; there are: wall, cpu"):
            bench(clock="sun")

    def test_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A backend that was named has to be there."""
        monkeypatch.setitem(sys.modules, "uvloop", None)
        with pytest.raises(BackendNotInstalledError, match="pip install"):
            suite(backends=["uvloop"])


async def nothing(sample: Sample, *needed: object) -> None:
    """Be done at once."""
    sample.results = range(sample.size)
    sample.record(1.0)


async def failing(sample: Sample, *needed: object) -> None:
    """Fail."""
    raise OSError("out of order")


def made_up(*, peer: bool) -> Case:
    operation = Operation("made_up", "Made up", {"smoke": (Workload("noop", 1),)})
    operation.by(NATIVE, "asyncio")(nothing)
    operation.by("other", "asyncio", peer=peer)(failing)
    return Case(operation, Workload("noop", 1), "asyncio", "other")


def test_peer_fails() -> None:
    """A peer that fails is told of; the others are measured nevertheless."""
    budget = Budget([made_up(peer=True)], EFFORTS["smoke"], 60, CPU)
    budget.spend()
    (found,) = budget.rows()
    reason = "other fails on asyncio: OSError('out of order')"
    assert found == Unmeasured("made_up", "noop", 1, "asyncio", "other", reason, failed=True)


def test_own_failure() -> None:
    """A failure of what the project itself answers for is not hidden."""
    with pytest.raises(OSError, match="out of order"):
        Budget([made_up(peer=False)], EFFORTS["smoke"], 60, CPU).spend()


def test_missing_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that is not installed is told of, with the command that installs it."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    case = Case(OPERATIONS["spawn"], Workload("noop", 1), "uvloop", NATIVE)
    found = measure(case, "smoke")
    assert isinstance(found, Unmeasured)
    assert BACKENDS["uvloop"].install_command in found.reason
    assert obstacles([case, case]) == [found.reason]


def test_bench(backend: str) -> None:
    """It measures, prints the tables, and ends in words."""
    out = StringIO()
    run = bench(
        ["spawn"],
        effort="smoke",
        backends=[backend],
        command="portable bench spawn",
        console=Console(file=out, width=110),
    )
    expected = {NATIVE, "anyio"} | ({PORTABLE} if backend == "trio" else set())
    assert {row.implementation for row in run.measured} >= expected
    assert run.about["command"] == "portable bench spawn"
    assert run.about["size"] == "smoke"
    text = plain(out.getvalue()).lstrip()
    assert text.startswith(
        "What a task costs\n\nStart a task and collect its result (noop, one of"
    )
    assert "Spawn, join, collect the result (noop, N=100)" in text
    assert text.index("x is how many times") < text.index("Which loop to take\n")
