"""The report: what is left to a human, grouped by what to do, and the share rewritten."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from .files import FileResult
from .site import Site

SCHEMA = 1


class Report:
    """What became of all sites of some files.

    Args:
        results: what became of each file.
    """

    def __init__(self, results: Iterable[FileResult]) -> None:
        self.results: tuple[FileResult, ...] = tuple(results)
        self._sites = [(result, site) for result in self.results for site in result.sites]

    @property
    def total(self) -> int:
        """How many sites there are."""
        return len(self._sites)

    @property
    def rewritten(self) -> int:
        """How many of them were rewritten."""
        return sum(site.rewritten for _, site in self._sites)

    @property
    def errors(self) -> list[FileResult]:
        """The files that could not be ported."""
        return [result for result in self.results if result.error]

    def left(self) -> list[tuple[str, list[tuple[FileResult, Site]]]]:
        """Return the sites that stay, by what to write, the most frequent first."""
        groups: dict[str, list[tuple[FileResult, Site]]] = {}
        for result, site in self._sites:
            if not site.rewritten:
                groups.setdefault(site.write, []).append((result, site))
        return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))

    def summary(self) -> str:
        """Return one line: how many sites, in how many files, and the share rewritten."""
        files = sum(result.changed for result in self.results)
        share = f" ({100 * self.rewritten / self.total:.0f} %)" if self.total else ""
        return (
            f"{_count(self.total, 'site')} of asyncio's names: {self.rewritten} "
            f"rewritten{share} in {_count(files, 'file')}, "
            f"{self.total - self.rewritten} left to a human"
        )

    def lines(self) -> Iterator[str]:
        """Return the report as lines of text."""
        yield self.summary()
        for result in self.errors:
            yield f"{result.path}: not ported: {result.error}"
        for write, group in self.left():
            yield ""
            names = Counter(site.name.removeprefix("asyncio.") for _, site in group)
            listed = ", ".join(f"{name} {count}" for name, count in names.most_common())
            yield f"{len(group)} x {write} ({listed})"
            for result, site in group:
                why = f": {site.why}" if site.why else ""
                yield f"  {result.path}:{site.line}: {site.name}{why}"

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain data."""
        return {
            "schema": SCHEMA,
            "sites": self.total,
            "rewritten": self.rewritten,
            "files": [
                {
                    "path": str(result.path),
                    "changed": result.changed,
                    "error": result.error or None,
                    "sites": [asdict(site) for site in result.sites],
                }
                for result in self.results
            ],
        }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def unified_diff(results: Sequence[FileResult]) -> Iterator[str]:
    """Return what changed as a unified diff, line by line."""
    for result in results:
        if result.changed:
            before, after = (
                text.decode("utf-8", "replace").splitlines(keepends=True)
                for text in (result.before, result.after)
            )
            name = str(result.path).lstrip("/")
            for line in difflib.unified_diff(before, after, f"a/{name}", f"b/{name}"):
                yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
