"""`pytest benchmarks/`: what is run and shown, and what a limit does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portable.bench import OPERATIONS, Run

ROOT = Path(__file__).parents[2]


class TestSuite:
    """`pytest benchmarks/`."""

    @staticmethod
    def run_pytest(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, arguments)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )

    @pytest.mark.slow
    def test_run(self, tmp_path: Path) -> None:
        """One case goes through to pytest-benchmark's table, its JSON and the table beneath."""
        file = tmp_path / "bench.json"
        done = self.run_pytest(
            "benchmarks/",
            "--benchmark-only",
            "--bench-size=smoke",
            "-k",
            "test_supervisor and asyncio-portable",
            "--benchmark-json",
            file,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
        assert "test_supervisor[noop-100-asyncio-portable]" in done.stdout
        assert (
            "Spawn, join, collect the result, against asyncio.TaskGroup (noop, N=100)"
            in done.stdout
        )
        (saved,) = json.loads(file.read_text())["benchmarks"]
        (row,) = Run.read(file).measured
        assert (row.backend, row.implementation, row.size) == ("asyncio", "portable", 100)
        assert row.amount == pytest.approx(saved["stats"]["median"])
        assert row.rounds == saved["stats"]["rounds"] == 6
        assert saved["params"]["backend"] == "asyncio"
        assert saved["options"]["timer"] == "in_loop_seconds"

    @pytest.mark.slow
    def test_each_operation(self) -> None:
        """Each operation of the catalogue has its benchmark, on the backends asked for."""
        done = self.run_pytest(
            "benchmarks/",
            "--collect-only",
            "-q",
            "--bench-size=full",
            "--anyio-backends=asyncio",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        collected = [line for line in done.stdout.splitlines() if "::" in line]
        names = {line.partition("::test_")[2].partition("[")[0] for line in collected}
        assert names == set(OPERATIONS)
        # What is there on trio alone has an empty set of cases, which pytest calls NOTSET.
        on = ("-asyncio-", "-python-", "[NOTSET]")
        assert all(any(each in line for each in on) for line in collected)

    @pytest.mark.slow
    @pytest.mark.parametrize("chosen", [[], ["--bench-peers"]], ids=["without", "with"])
    def test_peers(self, chosen: list[str]) -> None:
        """Other libraries are measured if one asks for them, as by the command."""
        done = self.run_pytest(
            "benchmarks/", "--collect-only", "-q", "-k", "test_supervisor or echo", *chosen
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert ("python-trio-asyncio]" in done.stdout) == bool(chosen)
        assert "python-uvloop]" in done.stdout

    @pytest.mark.slow
    def test_disabled(self) -> None:
        """`--benchmark-disable` runs each case once, and prints no prices."""
        done = self.run_pytest(
            "benchmarks/",
            "--benchmark-disable",
            "--bench-size=smoke",
            "-k",
            "test_cancel_one and asyncio-anyio and not (anyioutils or awaited)",
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "1 passed" in done.stdout
        assert "relative to the native way" not in done.stdout

    @pytest.mark.slow
    def test_without_the_extra(self) -> None:
        """Without pytest-benchmark the command says what to install, and nothing else."""
        script = (
            "import importlib.util as util, sys\n"
            "find = util.find_spec\n"
            "util.find_spec = lambda name, *words: (\n"
            "    None if name == 'pytest_benchmark' else find(name, *words)\n"
            ")\n"
            "import pytest\n"
            "sys.exit(pytest.main(sys.argv[1:]))"
        )
        words = ["-p", "no:benchmark", "benchmarks/", "--benchmark-only"]
        done = subprocess.run(
            [sys.executable, "-c", script, *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 4
        assert done.stderr.strip() == (
            "ERROR: the benchmarks need pytest-benchmark: pip install 'portable-tasks[bench]'"
        )

    def test_not_by_default(self, pytestconfig: pytest.Config) -> None:
        """`pytest` alone runs none of them."""
        assert pytestconfig.getini("testpaths") == ["tests"]
