"""What the commands print, with colours where there is a terminal.

Every line is made to be readable in 80 columns and in a pipe: nothing is cut off with an
ellipsis, and where the output's encoding is not Unicode, the table is drawn in ASCII.
"""

from __future__ import annotations

import inspect
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from portable.equivalence import Checked, Program, Verdict, explain
from portable.patterns import Pattern

STYLES = {
    "same": "green",
    "reordered": "yellow",
    "declared": "cyan",
    "different": "bold red",
    "skipped": "magenta",
    "reference": "default",
}
STARTED_BY = {
    "asyncio": "raw asyncio",
    "anyio": "the AnyIO way",
}


class Terminal(Console):
    """A console that leaves it to the caller what a closed pipe means."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False)

    def on_broken_pipe(self) -> NoReturn:
        """Pass on what went wrong; Rich would exit with code 1, which means: differs."""
        raise BrokenPipeError

    def line(self, text: str = "", style: str = "") -> None:  # type: ignore[override]
        """Print text as it is: no markup, no wrapping."""
        self.print(Text(text, style=style), soft_wrap=True)


def print_results(
    console: Terminal, results: Mapping[str, Sequence[Checked]], backends: Sequence[str]
) -> None:
    """Print the table, the differences below it, and what it all comes to."""
    console.print(_table(results, backends))
    for pattern, found in results.items():
        for one in found:
            _print_difference(console, pattern, one)
    everything = [one for found in results.values() for one in found]
    commands = {one.backend: one.install_command for one in everything if one.install_command}
    for backend, command in commands.items():
        console.line(
            f"{backend}: skipped, as it is not installed; install it with: {command}",
            STYLES["skipped"],
        )
    counts = Counter(one.verdict for one in everything)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in STYLES if counts[verdict])
    noun = "pattern" if len(results) == 1 else "patterns"
    console.line(f"{len(results)} {noun}, {len(everything)} programs and backends: {summary}")


def _table(results: Mapping[str, Sequence[Checked]], backends: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column("pattern, program", overflow="fold")
    for backend in backends:
        table.add_column(backend, overflow="fold")
    for pattern, found in results.items():
        table.add_row(Text(pattern, style="bold"))
        cells = {(one.program, one.backend): one for one in found}
        for program in dict.fromkeys(one.program for one in found):
            row = [cells.get((program, backend)) for backend in backends]
            table.add_row(f"  {program}", *map(_cell, row))
    return table


def _cell(one: Checked | None) -> Text:
    if one is None:
        return Text("-")
    duration = "" if one.trace is None else f" {one.trace.duration:g} s"
    return Text.assemble((one.verdict, STYLES[one.verdict]), duration)


def _print_difference(console: Terminal, pattern: str, one: Checked) -> None:
    if one.comparison is None or one.comparison.verdict is Verdict.SAME:
        return
    first, *rest = explain(one.comparison).split("\n")
    console.line()
    if one.comparison.verdict is Verdict.REORDERED:
        name = f"{pattern}: {one.program} on {one.backend}"
        console.line(f"{name}: another order within an instant", STYLES[one.verdict])
        return
    console.line(f"{pattern}: {first}", STYLES[one.verdict])
    for line in rest:
        mark = line[2:4]
        console.line(line, {"- ": "red", "+ ": "green"}.get(mark, ""))


def print_patterns(console: Terminal, patterns: Iterable[Pattern]) -> None:
    """Print the names and titles of patterns."""
    patterns = list(patterns)
    width = max(len(pattern.name) for pattern in patterns)
    for pattern in patterns:
        console.line(f"{pattern.name:<{width}}  {pattern.title}")


def print_programs(console: Terminal, pattern: Pattern) -> None:
    """Print the programs of a pattern, side by side where there is room."""
    sources = [_source(program) for program in pattern.programs]
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


def _source(program: Program) -> str:
    return textwrap.dedent(inspect.getsource(program.main)).rstrip()


def _highlighted(source: str) -> Syntax:
    return Syntax(
        source, "python", theme="ansi_dark", background_color="default", word_wrap=True
    )
