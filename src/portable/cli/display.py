"""The output of the commands, with colours on a terminal.

Every line is readable in 80 columns and in a pipe: nothing is cut off with an ellipsis. If the
encoding is not Unicode, tables are drawn in ASCII.
"""

from __future__ import annotations

import inspect
import shlex
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from portable._backends import BACKENDS
from portable.clock._taken import Seed
from portable.equivalence import Judged, Program, Report
from portable.equivalence.rendering import render_rows, render_schedules
from portable.patterns import Pattern

STYLES = {
    "same": "green",
    "reordered": "yellow",
    "declared": "cyan",
    "different": "bold red",
    "skipped": "magenta",
    "reference": "default",
}
_COLOURS = {"-": "red", "+": "green", "|": "yellow", "!": "bold red", "=": "green", "?": "cyan"}
# Marks that are also printed, for readers without colours.
_SHOWN = "-+|"
STARTED_BY = {
    "asyncio": "raw asyncio",
    "anyio": "the AnyIO way",
}


class Terminal(Console):
    """A console that prints reports, and raises an error if the pipe is closed."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)

    def on_broken_pipe(self) -> NoReturn:
        """Raise BrokenPipeError; Rich would exit with code 1, which means: differs."""
        raise BrokenPipeError

    def line(self, text: str = "", style: str = "") -> None:  # type: ignore[override]
        """Print text as it is: no markup, no wrapping."""
        self.print(Text(text, style=style), soft_wrap=True)

    def report(self, lines: Iterable[tuple[str, str]]) -> None:
        """Print the lines of a report, each with its mark and in the mark's colour."""
        for mark, line in lines:
            shown = mark if mark in _SHOWN else " "
            self.line(f"{shown} {line}".rstrip(), _COLOURS.get(mark, ""))

    @property
    def report_width(self) -> int:
        """How many characters a line of a report may have, without its mark."""
        return min(self.width, 160) - 2


def print_results(
    console: Terminal, reports: Mapping[str, Report], backends: Sequence[str]
) -> None:
    """Print the table, the differences below it, and a line that sums up."""
    console.print(_table(reports, backends))
    rows = [(name, row) for name, report in reports.items() for row in report.rows]
    rows = [(name, row) for name, row in rows if row.run.backend in backends]
    for name, report in reports.items():
        lines = list(render_rows(report.rows, console.report_width, {}))
        if lines:
            console.line(f"\n{name}", "bold")
        console.report(lines)
    for backend in dict.fromkeys(row.run.backend for _, row in rows if _skipped(row)):
        console.line(
            f"{backend}: skipped, as it is not installed; install it with: "
            f"{BACKENDS[backend].install_command}",
            STYLES["skipped"],
        )
    counts = Counter(row.verdict for _, row in rows)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict])
    noun = "pattern" if len(reports) == 1 else "patterns"
    console.line(f"{len(reports)} {noun}, {len(rows)} programs and backends: {summary}")


def _skipped(row: Judged) -> bool:
    return row.verdict == "skipped"


def _table(reports: Mapping[str, Report], backends: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("pattern, program", overflow="fold")
    for backend in backends:
        table.add_column(backend, overflow="fold")
    for pattern, report in reports.items():
        table.add_row(Text(pattern, style="bold"))
        for program in ("original", "port"):
            row = [report.row(program, backend) for backend in backends]
            table.add_row(f"  {program}", *map(_cell, row))
    return table


def _cell(row: Judged) -> Text:
    duration = "" if row.run.trace is None else f" {row.run.trace.duration:g} s"
    return Text.assemble((row.verdict, STYLES[row.verdict]), duration)


def print_explored(
    console: Terminal, reports: Mapping[str, Report], seeds: Sequence[Seed]
) -> None:
    """Print a line for each port, and each failure in full with the command to repeat it."""
    console.line()
    first = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    schedules = "1 schedule" if len(seeds) == 1 else f"{len(seeds)} schedules"
    console.line(f"{schedules} of each port ({first}), distinct traces:")
    width = max(map(len, reports))
    for name, report in reports.items():
        counts = ", ".join(f"{one.backend} {one.distinct}" for one in report.explored)
        failing = sum(len(one.failing) for one in report.explored)
        verdict = f"{failing} failing" if failing else "all equivalent"
        mark = "!" if failing else "="
        console.report([(mark, f"{name:<{width}}  {counts}; {verdict}")])
    for name, report in reports.items():
        _print_failing(console, name, report)


def _print_failing(console: Terminal, pattern: str, report: Report) -> None:
    def again(backend: str, seed: Seed) -> str:
        named = shlex.quote(str(seed))
        return f"portable check {pattern} --backends {backend} --seed {named}"

    shown: dict[object, str] = {}
    for one in report.explored:
        if one.failing:
            console.line(f"\n{pattern}: the port under schedules", "bold")
            console.report(render_schedules(one, console.report_width, again, shown))


def print_patterns(console: Terminal, patterns: Iterable[Pattern]) -> None:
    """Print the names and titles of patterns."""
    patterns = list(patterns)
    width = max(len(pattern.name) for pattern in patterns)
    for pattern in patterns:
        console.line(f"{pattern.name:<{width}}  {pattern.title}")


def print_programs(console: Terminal, pattern: Pattern) -> None:
    """Print the programs of a pattern, side by side where there is room."""
    sources = [source_of(program) for program in pattern.programs]
    headings = [
        f"{program.name}: {STARTED_BY[program.starter]}" for program in pattern.programs
    ]
    console.line(f"{pattern.name}: {pattern.title}", "bold")
    if not console.is_terminal:
        for heading, source in zip(headings, sources, strict=True):
            console.line(f"\n# {heading}\n{source}")
        return
    gap = 3
    widths = [max(map(len, source.splitlines())) for source in sources]
    if sum(widths) + gap * (len(widths) - 1) <= console.width:
        table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False)
        for heading in headings:
            table.add_column(heading, overflow="fold")
        table.add_row(*map(_highlighted, sources))
        console.print(table)
        return
    for heading, source in zip(headings, sources, strict=True):
        console.line(f"\n{heading}", "bold")
        console.print(_highlighted(source))


def source_of(program: Program) -> str:
    """Return the source of a program."""
    return textwrap.dedent(inspect.getsource(program.main)).rstrip()


def _highlighted(source: str) -> Syntax:
    return Syntax(
        source, "python", theme="ansi_dark", background_color="default", word_wrap=True
    )
