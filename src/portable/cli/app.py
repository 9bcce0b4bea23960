"""The commands of `portable`, their arguments and exit codes."""

from __future__ import annotations

import json
from importlib import metadata
from typing import Annotated

import typer

from portable._backends import BACKENDS, get_backend
from portable.equivalence import Checked, check
from portable.patterns import Pattern, UnknownPatternError, get_pattern, patterns

from . import BAD_USE, DIFFERS, INTERRUPTED
from .arguments import named_backends, seeds_of, write
from .as_json import as_json
from .comparing import compare
from .display import Terminal, print_patterns, print_programs, print_results
from .exploring import explored, explored_as_json, print_explored
from .prices import bench_command, report_command

app = typer.Typer(
    help="asyncio's own library on any event loop: run, ported, proved and priced.",
    no_args_is_help=True,
    add_completion=False,
    # Plain text: it reads the same in a pipe, and Rich's panels cut long messages into pieces.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"portable {metadata.version('portable-tasks')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None: ...


@app.command("check")
def _check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATTERN]...", help="The patterns to check; none: all."),
    ] = None,
    backends: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME...]", help=f"Any of {', '.join(BACKENDS)}."),
    ] = None,
    schedules: Annotated[
        int | None,
        typer.Option(min=1, help="Run the ports under so many orders of ready tasks, too."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The first schedule's seed; alone: that schedule.")
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the results to a file too; '-': to stdout, and the table to stderr.",
        ),
    ] = None,
) -> None:
    """Run patterns on all backends, and compare with the original on asyncio.

    Exits with 1 if a program differs, with 2 if a backend named here is not installed.
    """
    chosen = [_pattern(name) for name in dict.fromkeys(names)] if names else patterns()
    on = list(BACKENDS) if backends is None else named_backends(backends)
    seeds = seeds_of(schedules, seed)
    try:
        results = _results(chosen, on)
        under = explored(chosen, on, seeds) if seeds else {}
    except KeyboardInterrupt:
        # Said here, because older Typers make an exit code of 1 of it.
        raise typer.Exit(INTERRUPTED) from None
    terminal = Terminal(stderr=json_file == "-")
    print_results(terminal, results, on)
    if under:
        print_explored(terminal, under, seeds)
    data = as_json(results)
    data["schedules"] = explored_as_json(under)
    data["equivalent"] &= all(report.equivalent for report in under.values())
    if json_file is not None:
        write(json_file, json.dumps(data, indent=2) + "\n")
    if not data["equivalent"]:
        raise typer.Exit(DIFFERS)
    if backends is not None and not all(get_backend(name).installed for name in on):
        # Asked for by name and not done: a build that relies on it must not pass.
        raise typer.Exit(BAD_USE)


app.command("compare")(compare)


@app.command("list")
def _list() -> None:
    """List the patterns."""
    print_patterns(Terminal(), patterns())


@app.command("show")
def _show(name: Annotated[str, typer.Argument(metavar="PATTERN")]) -> None:
    """Show the two programs of a pattern: the asyncio original and its AnyIO port."""
    print_programs(Terminal(), _pattern(name))


app.command("bench")(bench_command)
app.command("bench-report")(report_command)


def _results(
    chosen: tuple[Pattern, ...] | list[Pattern], on: list[str]
) -> dict[str, list[Checked]]:
    return {
        pattern.name: check(*pattern.programs, backends=on, declared=pattern.declared)
        for pattern in chosen
    }


def _pattern(name: str) -> Pattern:
    try:
        return get_pattern(name)
    except UnknownPatternError as error:
        raise typer.BadParameter(str(error), param_hint="PATTERN") from None
