"""`portable check --schedules`: the ports of patterns under many orders of ready tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portable._backends import BACKENDS
from portable.equivalence import Report
from portable.equivalence.exploring import explore
from portable.equivalence.telling import told_schedules
from portable.patterns import Pattern

from .display import Terminal
from .progress import bar

_COLOURS = {"-": "red", "+": "green", "|": "yellow", "!": "bold red", "=": "green", "?": "cyan"}
# Marks that stand in the output too, for whoever sees no colours.
_SHOWN = "-+|"

Found = dict[tuple[str, str], Report]
"""What came out, by the names of the pattern and the program."""


def explored(chosen: Sequence[Pattern], backends: Sequence[str], seeds: range) -> Found:
    """Run the ports of patterns under each schedule on each backend that is installed."""
    on = [name for name in backends if BACKENDS[name].installed]
    ports = [(pattern, pattern.port) for pattern in chosen]
    found: Found = {}
    with bar(len(ports) * len(on) * (len(seeds) + 1), wanted=True) as progress:
        for pattern, port in ports:
            found[pattern.name, port.name] = explore(
                pattern.original,
                port,
                backends=on,
                seeds=seeds,
                declared=pattern.declared,
                progress=progress.advance,
            )
    return found


def print_marked(console: Terminal, mark: str, line: str) -> None:
    """Print a line of a report in the colour that its mark stands for."""
    console.line(f"{mark if mark in _SHOWN else ' '} {line}".rstrip(), _COLOURS.get(mark, ""))


def print_explored(console: Terminal, found: Found, seeds: range) -> None:
    """Print a line for each port, and in full what fails, with the command that repeats it."""
    console.line()
    first = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    console.line(f"{len(seeds)} schedules of each port ({first}), distinct traces:")
    width = max(len(" ".join(name)) for name in found)
    for (pattern, port), report in found.items():
        counts = ", ".join(f"{one.backend} {one.distinct}" for one in report.explored)
        failing = sum(len(one.failing) for one in report.explored)
        verdict = f"{failing} failing" if failing else "all equivalent"
        name = f"{pattern} {port}"
        print_marked(console, "!" if failing else "=", f"{name:<{width}}  {counts}; {verdict}")
    for (pattern, port), report in found.items():
        _print_failing(console, pattern, port, report)


def _print_failing(console: Terminal, pattern: str, port: str, report: Report) -> None:
    def again(backend: str, seed: int) -> str:
        return f"portable check {pattern} --backends {backend} --seed {seed}"

    shown: dict[object, str] = {}
    for one in report.explored:
        if one.failing:
            console.line(f"\n{pattern}: {port} under schedules", "bold")
            for mark, line in told_schedules(one, min(console.width, 160) - 2, again, shown):
                print_marked(console, mark, line)


def explored_as_json(found: Found) -> list[dict[str, Any]]:
    """Return what came out as plain data: an entry for each port and backend."""
    return [
        {
            "pattern": pattern,
            "program": port,
            "backend": one.backend,
            "schedules": one.schedules,
            "distinct_traces": one.distinct,
            "failing_seeds": [run.run.seed for run in one.failing],
        }
        for (pattern, port), report in found.items()
        for one in report.explored
    ]
