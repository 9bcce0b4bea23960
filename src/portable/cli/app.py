"""The commands of `portable`, their arguments and exit codes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated

import typer

from portable._backends import BACKENDS, get_backend
from portable.clock._taken import Seed
from portable.equivalence import Report, check
from portable.patterns import Pattern, UnknownPatternError, get_pattern, patterns

from . import BAD_USE, DIFFERS, INTERRUPTED
from .arguments import (
    BackendsOption,
    SeedOption,
    StretchOption,
    count_of,
    named_backends,
    require_folder,
    seeds_of,
    write,
    write_page,
)
from .as_json import as_json
from .comparing import compare
from .completion import complete_patterns
from .display import (
    Terminal,
    print_explored,
    print_patterns,
    print_programs,
    print_results,
    source_of,
)
from .docs import docs
from .plain import PlainCommand
from .porting import port
from .prices import bench_command, report_command
from .progress import bar, planned_runs

app: typer.Typer = typer.Typer(
    help="asyncio's own library on any event loop: run, ported, proved and priced.",
    epilog="New here? `portable docs tasks` is the tutorial; it ends with a proved port.",
    no_args_is_help=True,
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


@app.command("check", cls=PlainCommand)
def _check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATTERN",
            help="The patterns to check; none: all.",
            autocompletion=complete_patterns,
        ),
    ] = None,
    backends: BackendsOption = None,
    schedules: Annotated[
        int | None,
        typer.Option(
            parser=count_of("--schedules"),
            metavar="COUNT",
            help="Run the ports under so many orders of ready tasks, too.",
        ),
    ] = None,
    seed: SeedOption = None,
    stretch: StretchOption = 0.0,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json",
            metavar="FILE",
            help="Write the results to a file too; '-': to stdout, and the table to stderr.",
        ),
    ] = None,
) -> None:
    """Compare the patterns' ports with their originals.

    Exits with 1 if a program differs, with 2 if a backend named here is not installed.
    """
    chosen = [_pattern(name) for name in dict.fromkeys(names)] if names else patterns()
    on = list(BACKENDS) if backends is None else named_backends(backends)
    seeds = seeds_of(schedules, seed, stretch)
    require_folder(json_file)
    try:
        reports = _reports(chosen, on, seeds)
    except KeyboardInterrupt:
        # Older versions of Typer would turn it into exit code 1, which means: differs.
        raise typer.Exit(INTERRUPTED) from None
    terminal = Terminal(stderr=json_file == "-")
    print_results(terminal, reports, on)
    if seeds:
        print_explored(terminal, reports, seeds)
    if json_file is not None:
        write(json_file, json.dumps(as_json(reports.items()), indent=2) + "\n")
    if not all(report.equivalent and report.faithful for report in reports.values()):
        raise typer.Exit(DIFFERS)
    if backends is not None and not all(get_backend(name).installed for name in on):
        # A backend was asked for by name and not checked: a build must not pass.
        raise typer.Exit(BAD_USE)


app.command("compare", cls=PlainCommand)(compare)
app.command("port", cls=PlainCommand)(port)


@app.command("list", cls=PlainCommand)
def _list() -> None:
    """List the patterns."""
    print_patterns(Terminal(), patterns())


@app.command("show", cls=PlainCommand)
def _show(
    name: Annotated[
        str,
        typer.Argument(metavar="PATTERN", help="Its name.", autocompletion=complete_patterns),
    ],
    html_file: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page that shows them run, too."),
    ] = None,
) -> None:
    """Show a pattern: the asyncio original and its AnyIO port."""
    pattern = _pattern(name)
    require_folder(html_file, "--html")
    print_programs(Terminal(), pattern)
    if html_file is not None:
        report = check(*pattern.programs, declared=pattern.declared)
        write_page(
            html_file,
            report,
            title=pattern.title,
            sources=[(program.name, source_of(program)) for program in pattern.programs],
        )


app.command("docs", cls=PlainCommand)(docs)
app.command("bench", cls=PlainCommand)(bench_command)
app.command("bench-report", cls=PlainCommand)(report_command)


def _reports(
    chosen: Sequence[Pattern], on: Sequence[str], seeds: Sequence[Seed]
) -> dict[str, Report]:
    """Check patterns, with a progress bar; return their reports by name."""
    reports = {}
    total = len(chosen) * planned_runs(on, len(seeds))
    with bar(total, wanted=bool(seeds)) as progress:
        for pattern in chosen:
            reports[pattern.name] = check(
                *pattern.programs,
                backends=on,
                seeds=seeds,
                declared=pattern.declared,
                progress=progress.advance,
            )
    return reports


def _pattern(name: str) -> Pattern:
    try:
        return get_pattern(name)
    except UnknownPatternError as error:
        raise typer.BadParameter(str(error), param_hint="PATTERN") from None
