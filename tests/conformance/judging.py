"""Runs CPython's tests in child processes, on asyncio's own loop and on ours.

Each module runs in a process of its own. After a test that fails, takes too long or takes the
process down with it a new process goes on with the next test.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

ROOT = Path(__file__).parents[2]
#: Seconds for one test; the longest takes 2 on a quiet machine.
LIMIT = 40.0
#: Seconds for a process to import what it needs.
LIMIT_TO_START = 60.0

Kind = Literal["asyncio", "trio"]


@dataclass(frozen=True)
class Outcome:
    """How one test ended on one loop.

    Attributes:
        verdict: `passed`, `failed` or `skipped`.
        detail: the error, or why it was skipped.
        loops: how many loops of ours it made.
    """

    verdict: str
    detail: str = ""
    loops: int = 0


class Child:
    """A process that runs tests of one module."""

    def __init__(self, kind: Kind, module: str, tests: Iterable[str], log: IO[str] | int):
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHONASYNCIO")}
        env["CONFORMANCE_LIMIT"] = str(LIMIT)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.conformance.child", kind, module],
            cwd=ROOT,
            env=env,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join(tests))
        self.process.stdin.close()
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")

    def report(self, timeout: float) -> dict[str, Any] | None:
        """Return the next report; `None`: the process has ended.

        Raises:
            queue.Empty: it took too long.
        """
        line = self._lines.get(timeout=timeout)
        return json.loads(line) if line else None

    def end(self) -> None:
        """End it, and the processes that its tests have started."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()


def list_tests(module: str) -> list[str]:
    """Return the names of the tests of a module, `Class.method`."""
    child = Child("asyncio", module, [], subprocess.DEVNULL)
    try:
        report = child.report(LIMIT_TO_START)
    finally:
        child.end()
    if report is None:
        raise RuntimeError(f"{module} cannot be loaded")
    return list(report["tests"])


def run_tests(
    kind: Kind, module: str, tests: list[str], log: IO[str] | int = subprocess.DEVNULL
) -> dict[str, Outcome]:
    """Run these tests of one module on one kind of loop."""
    outcomes: dict[str, Outcome] = {}
    left = list(tests)
    while left:
        child = Child(kind, module, left, log)
        current = last = None
        fixture = ""
        try:
            if child.report(LIMIT_TO_START) is None:
                raise RuntimeError(f"{module} cannot be run on {kind}")
            while (report := child.report(LIMIT)) is not None:
                if "start" in report:
                    current = report["start"]
                elif "end" in report:
                    current, last = None, report["end"]
                    outcomes[last] = Outcome(
                        report["verdict"], report["detail"], report["loops"]
                    )
                else:
                    fixture = f"{report['fixture']}: {report['detail']}"
            detail = f"the process ended with {child.process.wait()}"
        except queue.Empty:
            detail = f"still running after {LIMIT:g} seconds"
        finally:
            child.end()
        left = [test for test in left if test not in outcomes]
        if current is not None:
            outcomes[current] = Outcome("failed", detail, 1)
            left.remove(current)
        elif left and (last is None or outcomes[last].verdict != "failed"):
            outcomes[left.pop(0)] = Outcome("failed", f"did not start: {fixture or detail}", 1)
    return outcomes
