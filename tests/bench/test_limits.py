"""The guard: limits in a file, and rows that exceed them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portable.bench import (
    NO_LOOP,
    OPERATIONS,
    Excess,
    LimitsError,
    Pair,
    Row,
    exceeded,
    limits_of,
    read_limits,
    row_of,
)

ROOT = Path(__file__).parents[2]
LIMITS = ROOT / "benchmarks" / "limits.toml"

# Loaded into the benchmarks' own pytest: what the meter reads there is what tasks are said to
# cost, so that a task twice as dear is twice as dear exactly.
PRICES = """
import asyncio
import portable
from portable.bench import WALL

now = 0.0

def set_price(group, price):
    create_task = group.create_task

    def create_at_a_price(self, coro, **options):
        global now
        now += price
        return create_task(self, coro, **options)

    group.create_task = create_at_a_price

set_price(asyncio.TaskGroup, 1.0)
set_price(portable.Supervisor, {price})
object.__setattr__(WALL, "read", lambda: now)
"""


def row(best: float, implementation: str = "portable", backend: str = "trio") -> Row:
    pairs = [Pair(best * 2e-6, 2e-6), Pair(best * 5e-6, 1e-6), Pair(best * 1e-6, 1e-6)]
    return row_of(
        pairs,
        operation="spawn",
        job="noop",
        size=1000,
        backend=backend,
        implementation=implementation,
        unit="s",
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "limits.toml"


def test_excess(file: Path) -> None:
    """A row exceeds its limit when its best rounds do; it is told in full."""
    file.write_text("[spawn.noop.portable]\ntrio = 4.0\n")
    limits = read_limits(file, OPERATIONS)
    rows = [row(4.1), row(3.9), row(9, "anyio"), row(9, backend="asyncio")]
    assert exceeded(rows, limits) == [Excess(rows[0], 4.0)]
    assert str(Excess(rows[0], 4.0)) == (
        "spawn (noop, N=1,000) by portable on trio: 4.10 times native at best "
        "(median 4.10), limit 4.00"
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[spawn", "limits.toml: "),
        ("[spwan.noop.portable]\ntrio = 4", "no operation 'spwan'; there are: spawn,"),
        ("[spawn.snooze.portable]\ntrio = 4", "spawn has no job 'snooze'; it has: checkpoint"),
        ("[spawn.noop.nobody]\ntrio = 4", "spawn is not done by 'nobody' on 'trio'"),
        ("[spawn.noop.portable]\ntiro = 4", "spawn is not done by 'portable' on 'tiro'"),
        ("[spawn.noop]\ntrio = 4", r"spawn.noop.trio: write \[operation.job.implementation\]"),
        ("[spawn.noop.portable]\ntrio = 0", "a ratio above 0, not 0"),
        ("[spawn.noop.portable]\ntrio = true", "a ratio above 0, not True"),
        ("[spawn.noop.portable]\ntrio = 'four'", "a ratio above 0, not 'four'"),
    ],
    ids=["toml", "operation", "job", "by", "backend", "short", "zero", "bool", "text"],
)
def test_wrong_file(content: str, problem: str, file: Path) -> None:
    """A limit on what is not measured would never be exceeded: it is refused."""
    file.write_text(content)
    with pytest.raises(LimitsError, match=problem):
        read_limits(file, OPERATIONS)


def test_no_file(file: Path) -> None:
    """A file that is missing is told by its name."""
    with pytest.raises(LimitsError, match=r"limits\.toml"):
        read_limits(file, OPERATIONS)


def test_made(file: Path) -> None:
    """A file made of a run allows half as much again, for what portable answers for."""
    rows = [row(4.0), row(6.0), row(9.0, "anyio"), row(0.123, "portable Supervisor")]
    file.write_text(limits_of(rows[:3]))
    assert read_limits(file, OPERATIONS) == {("spawn", "noop", "portable", "trio"): 9.0}
    assert '[spawn.noop."portable Supervisor"]\ntrio = 0.19\n' in limits_of(rows)
    assert "\npython = 8.0\n" in limits_of([row(4.0, backend=NO_LOOP)])


def benchmarks(*arguments: str | Path, plugins: Path) -> subprocess.CompletedProcess[str]:
    words = ["benchmarks/", "--benchmark-only", "--bench-size=smoke", "-p", "no:cacheprovider"]
    words.append("--bench-clock=wall")
    return subprocess.run(
        [sys.executable, "-m", "pytest", *words, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(plugins)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_projects_limits() -> None:
    """The file of limits speaks of what is measured, and of nothing else."""
    assert len(read_limits(LIMITS, OPERATIONS)) > 20


@pytest.mark.slow
@pytest.mark.parametrize(("price", "caught"), [(3.0, False), (6.0, True)], ids=str)
def test_guard(price: float, caught: bool, file: Path, tmp_path: Path) -> None:
    """A limit half as much again as what tasks cost catches that they cost twice as much."""
    (tmp_path / "prices.py").write_text(PRICES.format(price=price))
    file.write_text("[supervisor.noop.portable]\nasyncio = 4.5")
    done = benchmarks(
        *("-p", "prices", f"--bench-max-ratio={file}"),
        *("-k", "test_supervisor and asyncio-portable"),
        plugins=tmp_path,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert done.returncode == int(caught)
    told = "by portable on asyncio: 6.00 times native at best (median 6.00), limit 4.50"
    assert (told in done.stdout) is caught
    assert f"{int(not caught)} rows within their limits" in done.stdout


@pytest.mark.slow
def test_guard_refuses(file: Path, tmp_path: Path) -> None:
    """A wrong file is refused before anything is measured."""
    file.write_text("[spwan.noop.portable]\ntrio = 4")
    done = benchmarks(f"--bench-max-ratio={file}", plugins=tmp_path)
    assert done.returncode == 4
    assert "no operation 'spwan'" in done.stderr
