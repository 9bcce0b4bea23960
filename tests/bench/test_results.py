"""What benchmarks say: ratios and rows, tables, and runs in files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

from portable.bench import (
    LOOPS,
    NATIVE,
    NATIVE_AGAIN,
    OPERATIONS,
    NoRunError,
    Pair,
    Ratio,
    Row,
    Run,
    Unmeasured,
    about,
    row_of,
    tables,
)

PLAIN = str.maketrans({"\N{EN DASH}": "-"})


def pairs(*times: tuple[float, float]) -> list[Pair]:
    return [Pair(*each) for each in times]


class TestRows:
    """From the rounds to what is said of them."""

    def test_quartiles(self) -> None:
        """A ratio is the middle of the rounds' ratios, with the quartiles beside it."""
        ratio = Ratio.of(pairs((1, 1), (5, 1), (2, 1), (4, 1), (3, 1)))
        assert ratio == Ratio(median=3, lower=2, upper=4)

    def test_within_rounds(self) -> None:
        """A machine that grows slower changes both sides of a round, and not the ratio."""
        drifting = pairs((2, 1), (4, 2), (8, 4), (80, 40), (800, 400))
        assert Ratio.of(drifting) == Ratio(2, 2, 2)

    def test_one_round(self) -> None:
        """One round has a ratio, and no spread."""
        assert Ratio.of(pairs((3, 2))) == Ratio(1.5, 1.5, 1.5)

    def test_no_round(self) -> None:
        """Without a round there is nothing to say."""
        with pytest.raises(ValueError, match="at least one"):
            Ratio.of([])

    def test_json(self) -> None:
        """A row comes back from JSON as it went."""
        row = make_row("portable", "trio", 1.25)
        assert Row.from_dict(json.loads(json.dumps(row.as_dict()))) == row

    @pytest.mark.parametrize(
        ("implementation", "ratio", "noisy"),
        [
            (NATIVE_AGAIN, 1.06, True),
            (NATIVE_AGAIN, 0.94, True),
            (NATIVE_AGAIN, 1.04, False),
            ("anyio", 4.0, False),
        ],
    )
    def test_noisy(self, implementation: str, ratio: float, noisy: bool) -> None:
        """Only the native way against itself tells of noise, from five per cent on."""
        assert make_row(implementation, "asyncio", ratio).noisy is noisy


def make_row(implementation: str, backend: str, ratio: float, operation: str = "spawn") -> Row:
    return row_of(
        pairs((ratio * 1e-6, 1e-6)),
        operation=operation,
        job="noop",
        size=1000,
        backend=backend,
        implementation=implementation,
        unit="s",
    )


class TestTables:
    """What stands beneath pytest-benchmark's own table."""

    @staticmethod
    def shown(rows: Sequence[Row | Unmeasured], width: int = 110) -> str:
        console = Console(width=width, color_system=None)
        with console.capture() as captured:
            console.print(*tables(rows, OPERATIONS))
        return captured.get().translate(PLAIN)

    def test_cells(self) -> None:
        """A row is an implementation, a column a backend; natives show no ratio."""
        text = self.shown(
            [
                make_row(NATIVE, "trio", 1),
                make_row("anyio", "trio", 3),
                make_row("anyio", "asyncio", 4),
            ]
        )
        assert "Spawn, join, collect the result (noop, N=1,000)" in text
        header, native, anyio_row = (
            [cell.strip() for cell in line.split(line[0])[1:-1]]
            for line in text.splitlines()
            if line.startswith(("┃", "│"))
        )
        assert header == ["", "asyncio", "trio"]
        assert native == ["native", "", "1 1.00µs"]
        assert anyio_row == ["anyio", "4.00 (4.00-4.00) 4.00µs", "3.00 (3.00-3.00) 3.00µs"]

    def test_same(self) -> None:
        """Where portable's names are the native ones, that is said in place of a price."""
        text = self.shown(
            [
                make_row(NATIVE, "asyncio", 1),
                make_row(NATIVE, "trio", 1),
                make_row("portable", "trio", 2),
            ]
        )
        line = next(line for line in text.splitlines() if line.startswith("│ portable"))
        assert [cell.strip() for cell in line.split("│")[1:-1]] == [
            "portable",
            "native",
            "2.00 (2.00-2.00) 2.00µs",
        ]

    @pytest.mark.parametrize(
        ("ratio", "shown"), [(0.314, "0.31"), (9.996, "10.0"), (12.34, "12.3"), (99.96, "100")]
    )
    def test_figures(self, ratio: float, shown: str) -> None:
        """A ratio has three digits at most, and two behind the point at most."""
        assert f"{shown} ({shown}-{shown})" in self.shown([make_row("anyio", "trio", ratio)])

    def test_noise_mark(self) -> None:
        """A backend whose control strays from itself is marked, the other is not."""
        text = self.shown(
            [make_row(NATIVE_AGAIN, "asyncio", 1.2), make_row(NATIVE_AGAIN, "trio", 1.01)]
        )
        header = text.splitlines()[2]
        assert "asyncio ?" in header
        assert "trio ?" not in header

    @pytest.mark.parametrize("width", [80, 90, 100, 110])
    def test_narrow(self, width: int) -> None:
        """On 80 columns no figure is cut off, nor parted from its unit."""
        rows = [make_row(NATIVE_AGAIN, backend, 12.34) for backend in LOOPS]
        text = self.shown(rows, width=width)
        assert text.count("12.3 (12.3-12.3)") == 3
        assert text.count("12.3µs") == 3
        assert "…" not in text

    def test_missing(self) -> None:
        """A row that is missing is told from one that failed, and the reason is given once."""
        gone = [missing("aiometer", backend, "get it") for backend in ("asyncio", "trio")]
        broken = missing("aiotools", "trio", "it broke", failed=True)
        text = self.shown([make_row(NATIVE, "trio", 1), *gone, broken])
        assert text.count("not here") == 2
        assert text.count("get it") == 1
        assert text.count("fails") == text.count("it broke") == 1

    def test_order(self) -> None:
        """Tables come in the order of the catalogue, whatever was measured first."""
        text = self.shown([make_row("anyio", "trio", 2, "race"), make_row("anyio", "trio", 3)])
        assert text.index("Spawn") < text.index("first of many")


def missing(by: str, backend: str, reason: str, *, failed: bool = False) -> Unmeasured:
    return Unmeasured("spawn", "noop", 1000, backend, by, reason, failed)


class TestRun:
    """A run in a file."""

    def test_file(self, tmp_path: Path) -> None:
        """A run comes back from its file as it went, with what is missing."""
        rows = (make_row("anyio", "trio", 2), missing("aiometer", "trio", "get it"))
        run = Run(rows, about("pytest benchmarks/", "small"))
        file = tmp_path / "run.json"
        file.write_text(json.dumps(run.as_dict()), encoding="utf-8")
        assert Run.read(file) == run
        assert run.measured == rows[:1]

    def test_about(self) -> None:
        """A run tells its machine, versions, command, size and date."""
        told = about("pytest benchmarks/ -k spawn", "small")
        assert told["command"] == "pytest benchmarks/ -k spawn"
        assert told["size"] == "small"
        assert "anyio 4." in told["packages"]
        assert "CPython" in told["python"]
        assert {"date", "machine"} <= set(told)

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (None, "No such file"),
            ("{", "Expecting"),
            ("[]", "--benchmark-json"),
            ('{"benchmarks": []}', "--benchmark-json"),
            ('{"benchmarks": [{"extra_info": {}}]}', "--benchmark-json"),
        ],
        ids=["no-file", "no-json", "no-object", "foreign", "foreign-rows"],
    )
    def test_no_run(self, content: str | None, problem: str, tmp_path: Path) -> None:
        """A file of another kind is refused by its name, with the way to make one."""
        file = tmp_path / "run.json"
        if content is not None:
            file.write_text(content, encoding="utf-8")
        with pytest.raises(NoRunError, match=problem) as refused:
            Run.read(file)
        assert str(file) in str(refused.value)
