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
    NoRunError,
    Pair,
    Prices,
    Ratio,
    Row,
    Run,
    Unmeasured,
    about,
    as_rich,
    detail_tables,
    row_of,
)

from .helpers import plain


def pairs(*times: tuple[float, float]) -> list[Pair]:
    return [Pair(*each) for each in times]


class TestRows:
    """From the rounds to what is said of them."""

    def test_quartiles(self) -> None:
        """A ratio is the middle of the rounds' ratios, with the quartiles beside it."""
        ratio = Ratio.of(pairs(*((each, 1) for each in (1, 1, 5, 5, 2, 2, 4, 4, 3, 3))))
        assert ratio == Ratio(median=3, lower=2, upper=4)

    def test_swapped(self) -> None:
        """That the first, or the second, has an easier time each round, is levelled out."""
        assert Ratio.of(pairs((1, 1), (4, 1)) * 3) == Ratio(2, 2, 2)

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
        ("native", "spread", "noisy"),
        [(1.06, 0.0, True), (0.94, 0.0, True), (1.04, 0.0, False), (1.0, 0.3, True)],
        ids=["above", "below", "within", "spread"],
    )
    def test_noisy(self, native: float, spread: float, noisy: bool) -> None:
        """A row is noisy where the native way strays from itself, or its own rounds differ."""
        row = row_of(
            pairs(*((2 + sign * spread, 1) for sign in (-1, -1, 1, 1) * 2)),
            **{**PLACE, "implementation": "anyio", "backend": "asyncio"},
        )
        prices = Prices([make_row(NATIVE, "asyncio", native), row])
        assert prices.noisy(row) is noisy

    def test_uncertainty(self) -> None:
        """The more rounds agree, the surer is their median."""
        few, many = (
            row_of(pairs((1.9, 1), (1.9, 1), (2.1, 1), (2.1, 1)) * times, **PLACE).uncertainty
            for times in (2, 32)
        )
        assert few == pytest.approx(many * 4)
        assert few == pytest.approx(1.57 * 0.2 / 2 / 2)


PLACE = {
    "operation": "spawn",
    "job": "noop",
    "size": 1000,
    "backend": "trio",
    "implementation": "portable",
    "unit": "s",
}


def make_row(implementation: str, backend: str, ratio: float, operation: str = "spawn") -> Row:
    return row_of(
        pairs((ratio * 1e-6, 1e-6)),
        **{
            **PLACE,
            "operation": operation,
            "backend": backend,
            "implementation": implementation,
        },
    )


STRAYS = {"asyncio": 1.2, "trio": 1.01}


class TestTables:
    """What stands beneath pytest-benchmark's own table."""

    @staticmethod
    def shown(rows: Sequence[Row | Unmeasured], width: int = 110) -> str:
        console = Console(width=width, color_system=None)
        with console.capture() as captured:
            for tables in detail_tables(rows).values():
                console.print(*map(as_rich, tables))
        return plain(captured.get())

    def test_cells(self) -> None:
        """A row is an implementation, a column a backend."""
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
        assert native == ["native", "", "x1.00 (1.00-1.00) 1.00µs"]
        assert anyio_row == ["anyio", "x4.00 (4.00-4.00) 4.00µs", "x3.00 (3.00-3.00) 3.00µs"]

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
            "= native",
            "x2.00 (2.00-2.00) 2.00µs",
        ]

    @pytest.mark.parametrize(
        ("ratio", "shown"), [(0.314, "0.31"), (9.996, "10.0"), (12.34, "12.3"), (99.96, "100")]
    )
    def test_figures(self, ratio: float, shown: str) -> None:
        """A ratio has three digits at most, and two behind the point at most."""
        assert f"{shown} ({shown}-{shown})" in self.shown([make_row("anyio", "trio", ratio)])

    def test_noise_mark(self) -> None:
        """A price beside a control that strays from itself is marked, another is not."""
        text = self.shown(
            [
                *(make_row(NATIVE, backend, ratio) for backend, ratio in STRAYS.items()),
                *(make_row("anyio", backend, 4.0) for backend in STRAYS),
            ]
        )
        line = next(line for line in text.splitlines() if line.startswith("│ anyio"))
        noisy, quiet = line.split("│")[2:4]
        assert " ? " in noisy
        assert "?" not in quiet

    @pytest.mark.parametrize("width", [80, 90, 100, 110])
    def test_narrow(self, width: int) -> None:
        """On 80 columns no figure is cut off, nor parted from its unit."""
        rows = [make_row("anyio", backend, 12.34) for backend in LOOPS]
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
            ("{", "--benchmark-json"),
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
