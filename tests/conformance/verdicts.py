"""The committed table of the tests that do not pass on trio, and how a result is held to it.

`verdicts.toml` says which modules are judged, which tests are not run and why, which are not
applicable and which fail and why. Names of tests are `module.Class.method` and may be shell
patterns; an entry may be about some Pythons only.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from .judging import Outcome

TABLE = Path(__file__).with_name("verdicts.toml")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")

PASSED = "passed"
FAILED = "failed"
NOT_APPLICABLE = "not applicable"
#: No loop of ours was made in it, so it says nothing about ours.
NO_LOOP = "no loop"
#: It does not pass on asyncio's own loop here, or is skipped there.
NOT_HERE = "not here"
COUNTS = (PASSED, FAILED, NOT_APPLICABLE, NO_LOOP, NOT_HERE)


@dataclass(frozen=True)
class Entry:
    """Some tests that do not pass for one reason.

    Attributes:
        kind: `left_out`, `not_applicable` or `fails`.
        tests: their names or patterns.
        pythons: where the entry holds.
        reason: why.
    """

    kind: str
    tests: tuple[str, ...]
    pythons: tuple[str, ...]
    reason: str

    def covers(self, test: str) -> bool:
        return any(fnmatchcase(test, pattern) for pattern in self.tests)


@dataclass(frozen=True)
class Table:
    """What `verdicts.toml` says of one Python.

    Attributes:
        judged: the modules about tasks and the loop that are run.
        network: those about sockets, streams and subprocesses.
        beside: those outside of CPython's package of asyncio's tests.
        ignored: the other modules of CPython's package, and why they are not.
        entries: the entries that hold on this Python.
    """

    judged: tuple[str, ...]
    network: tuple[str, ...]
    beside: tuple[str, ...]
    ignored: Mapping[str, str]
    entries: tuple[Entry, ...]

    def entries_for(self, test: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.covers(test)]

    def left_out(self, test: str) -> bool:
        return any(entry.kind == "left_out" for entry in self.entries_for(test))


def _entries(data: Mapping[str, Any]) -> Iterator[Entry]:
    for kind in ("left_out", "not_applicable", "fails"):
        for item in data.get(kind, []):
            pythons = tuple(item.get("pythons", PYTHONS))
            yield Entry(kind, tuple(item["tests"]), pythons, item["reason"])


def read(text: str | None = None, python: str = PYTHON) -> Table:
    """Read the table, for one Python."""
    data = tomllib.loads(TABLE.read_text("utf-8") if text is None else text)
    return Table(
        judged=tuple(data["judged"]),
        network=tuple(data["network"]),
        beside=tuple(data["beside"]),
        ignored=data["ignored"],
        entries=tuple(entry for entry in _entries(data) if python in entry.pythons),
    )


def count(test: str, control: Outcome, trio: Outcome, table: Table) -> str:
    """Return how a test is to be counted."""
    if control.verdict != "passed":
        return NOT_HERE
    if trio.verdict == "passed":
        return PASSED if trio.loops else NO_LOOP
    kinds = {entry.kind for entry in table.entries_for(test)}
    return NOT_APPLICABLE if "not_applicable" in kinds else FAILED


def faults(
    controls: Mapping[str, Outcome], trios: Mapping[str, Outcome], table: Table
) -> list[str]:
    """Return what the table does not explain, and what it explains that is not so."""
    found = []
    for test, outcome in trios.items():
        if controls[test].verdict != "passed":
            continue
        entries = table.entries_for(test)
        if len(entries) > 1:
            found.append(f"{test}: more than one entry is about it")
        if outcome.verdict == "passed":
            found += [f"{test} passes: its entry is stale" for _ in entries]
        elif not entries:
            found.append(f"{test} {outcome.verdict}: {outcome.detail}")
    return found


def idle_entries(tests: Iterable[str], table: Table) -> list[str]:
    """Return the names and patterns of the table that match no test of these modules."""
    names = list(tests)
    return [
        f"{pattern}: no test has this name on Python {PYTHON}"
        for entry in table.entries
        for pattern in entry.tests
        if not any(fnmatchcase(name, pattern) for name in names)
    ]
