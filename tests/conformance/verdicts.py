"""Reads the table of the tests that do not simply pass, and compares an outcome with it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from portable._backends import BACKENDS

from .judging import Case, Outcome

TABLE = Path(__file__).with_name("verdicts.md")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

PASSED = "passed"
DECLARED = "declared"
NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True)
class Verdict:
    """One line of the table.

    Attributes:
        test: `module.Class.method`; `module.Class.*` for all of a class.
        where: names of backends and versions of Python, `all` of a kind where none is named;
            `sometimes`: it may pass as well.
        ruling: a D-number, or `n/a`.
        sign: part of what the test is seen to do, so that it cannot fail otherwise.
        why: what it comes from.
    """

    test: str
    where: frozenset[str]
    ruling: str
    sign: str
    why: str

    def here(self, backend: str | None = None) -> bool:
        """Return whether it is about this Python, and the backend if there is one."""
        backends = self.where & BACKENDS.keys()
        pythons = {word for word in self.where if word[0].isdigit()}
        if pythons and PYTHON not in pythons:
            return False
        return backend is None or not backends or backend in backends

    def covers(self, case: Case, backend: str) -> bool:
        names = (str(case), f"{case.module}.{case.cls}.*")
        return self.test in names and self.here(backend)


def _rows(text: str, columns: int) -> Iterator[tuple[str, list[str]]]:
    """Read the Markdown tables of that many columns, each row with the heading above it."""
    heading = ""
    for line in text.splitlines():
        if line.startswith("## "):
            heading = line.removeprefix("## ")
        cells = [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == columns and cells[0] not in {"test", "class", "---"}:
            yield heading, cells


def read_verdicts(text: str) -> list[Verdict]:
    return [
        Verdict(f"{module}.{test}", frozenset(where.split()), ruling, sign, why)
        for module, (test, where, ruling, sign, why) in _rows(text, 5)
    ]


def read_not_run(text: str) -> dict[str, str]:
    """Return the classes that are not run, and why."""
    return {cls: why for _, (cls, why) in _rows(text, 2)}


def rule(case: Case, backend: str, outcome: Outcome, verdicts: list[Verdict]) -> str:
    """Return how the test is to be counted.

    Raises:
        AssertionError: it ended in a way that the table does not explain.
    """
    entries = [entry for entry in verdicts if entry.covers(case, backend)]
    assert len(entries) <= 1, f"{case}: the table has more than one line for this"
    if not entries:
        assert outcome.passed, f"{case} has no line in {TABLE.name}, and ends with: {outcome}"
        return PASSED
    (entry,) = entries
    if outcome.passed:
        free = backend == "trio" and "sometimes" in entry.where
        assert free, f"{case} passes: its line in {TABLE.name} is stale"
    else:
        assert entry.sign in str(outcome), (
            f"{case} ends otherwise than {TABLE.name} says ({entry.sign!r}): {outcome}"
        )
    if entry.ruling == "n/a":
        return NOT_APPLICABLE
    assert outcome.refused is None, f"{case} is not applicable: {outcome}"
    return DECLARED
