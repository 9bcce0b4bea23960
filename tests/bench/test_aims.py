"""The table of aims: what it asks for is measured, and a miss is to be seen."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portable.bench import LOOPS, OPERATIONS, Pair, Row, Run, about, cases, row_of

ROOT = Path(__file__).parents[2]
AIMS = ROOT / "benchmarks" / "aims.py"


def row(operation: str, job: str, size: int, backend: str, by: str, ratio: float) -> Row:
    return row_of(
        [Pair(ratio, 1.0)],
        operation=operation,
        job=job,
        size=size,
        backend=backend,
        implementation=by,
        unit="s",
    )


def made(tmp_path: Path, *words: str | Path, rows: tuple[Row, ...] = ()) -> str:
    file = tmp_path / "run.json"
    file.write_text(json.dumps(Run(rows, about("pytest", "small")).as_dict()), "utf-8")
    done = subprocess.run(
        [sys.executable, AIMS, file, *words],
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PYTHONPATH": str(ROOT / "src")},
        check=False,
    )
    return done.stdout + done.stderr


@pytest.fixture
def table(tmp_path: Path) -> list[list[str]]:
    """The table of a run in which each row that there can be has its ratio."""
    rows = tuple(
        row(
            case.operation.name,
            case.workload.job,
            case.workload.size,
            case.backend,
            case.implementation,
            {"portable": 4.0, "anyio": 5.0}.get(case.implementation, 1.0),
        )
        for operation in OPERATIONS.values()
        for effort in ("small", "full")
        for case in cases(operation, effort, LOOPS)
    )
    lines = made(tmp_path, rows=rows).splitlines()
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


@pytest.mark.slow
def test_each_aim_is_measured(table: list[list[str]]) -> None:
    """Each aim has a price, on trio or where there is no loop, and its row can be chosen."""
    for what, _, *prices, chosen in table[2:]:
        assert prices[-1] or prices[0], what
        assert chosen.strip("`").split(" and ")[0] in OPERATIONS
    assert {"spawn", "wait", "race", "map", "idle", "import"} <= {
        line[-1].strip("`").split(" and ")[0] for line in table[2:]
    }


@pytest.mark.slow
def test_misses(table: list[list[str]]) -> None:
    """What is dearer than its aim is bold; where names are asyncio's nothing is measured."""
    prices = {(what, chosen): cells for what, _, *cells, chosen in table[2:]}
    spawn = prices[
        "spawn, join, result, to AnyIO's `start_soon`: noop, 1,000", "`spawn and noop-1000-`"
    ]
    assert spawn == ["native", "native", "0.80"]
    cancel = prices[
        "cancel one task, to the native way: sleeper, 1,000", "`cancel_one and sleeper-1000-`"
    ]
    assert cancel == ["native", "native", "**4.00**"]


@pytest.mark.slow
def test_into(tmp_path: Path) -> None:
    """It goes between the marks of a page, and nowhere else."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- aims -->\nold\n<!-- end of aims -->\nafter\n", "utf-8")
    assert made(tmp_path, "--into", page) == ""
    text = page.read_text("utf-8")
    assert text.startswith("before\n<!-- aims -->\n\n| What | Aim |")
    assert text.endswith("|\n\n<!-- end of aims -->\nafter\n")
    assert "old" not in text
    page.write_text("nothing", "utf-8")
    assert "between <!-- aims -->" in made(tmp_path, "--into", page)
