"""`portable compare`: its options, its progress bar and its report."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from portable._backends import BACKENDS, get_backend
from portable._command_line import without_options
from portable.clock._taken import Seed
from portable.equivalence import compare_programs
from portable.equivalence.declaring import read_declarations
from portable.equivalence.reading import STREAMS, Reading
from portable.equivalence.rendering import render

from . import BAD_USE, DIFFERS, INTERRUPTED
from .arguments import (
    BackendsOption,
    SeedOption,
    StretchOption,
    bad_option,
    count_of,
    listed,
    named_backends,
    require_folder,
    require_named,
    require_target,
    seconds_of,
    seeds_of,
    write,
    write_page,
)
from .as_json import as_json
from .display import Terminal
from .progress import bar, planned_runs


def compare(
    original: Annotated[
        str,
        typer.Argument(
            metavar="ORIGINAL", help="path/file.py[:function] or package.module[:function]."
        ),
    ],
    port: Annotated[str, typer.Argument(metavar="PORT", help="The same, for the port.")],
    arg: Annotated[
        list[str] | None,
        typer.Option(
            "--arg", metavar="VALUE", help="An argument for both; may be given more than once."
        ),
    ] = None,
    backends: BackendsOption = None,
    time_limit: Annotated[
        float,
        typer.Option(
            parser=seconds_of("--time-limit", 0.1),
            metavar="SECONDS",
            help="Real seconds for each run, 0.1 or more.",
        ),
    ] = 10.0,
    until: Annotated[
        float | None,
        typer.Option(
            parser=seconds_of("--until"),
            metavar="SECONDS",
            help="Leave a service that never ends at that time.",
        ),
    ] = None,
    stdin: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What both find on stdin.")
    ] = None,
    normalize: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="What it matches becomes '...' on both sides."),
    ] = None,
    ignore: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME...]", help=f"Any of {', '.join(STREAMS)}."),
    ] = None,
    tolerance: Annotated[
        float,
        typer.Option(
            parser=seconds_of("--tolerance", 0),
            metavar="SECONDS",
            help="Seconds by which things may come at other times.",
        ),
    ] = 0.0,
    strict_order: Annotated[
        bool, typer.Option("--strict-order", help="Another order within an instant counts.")
    ] = False,
    real_time: Annotated[
        bool, typer.Option("--real-time", help="For programs that do real I/O.")
    ] = False,
    declare: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE|{...}", help="Differences that are meant, in TOML."),
    ] = None,
    schedules: Annotated[
        int | None,
        typer.Option(
            parser=count_of("--schedules"),
            metavar="COUNT",
            help="Run the port under so many orders of ready tasks, too.",
        ),
    ] = None,
    seed: SeedOption = None,
    stretch: StretchOption = 0.0,
    html_file: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write the report as a page, too."),
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the results to a file too; '-': stdout."
        ),
    ] = None,
) -> None:
    """Compare your own program with its port, on all backends.

    The port may still use asyncio in part: then asyncio's loop is up on trio as well.

    Exits with 1 if the port differs or fails, with 2 if a program cannot be loaded or a
    backend named here is not installed.
    """
    require_target(original, "ORIGINAL")
    require_target(port, "PORT")
    on = list(BACKENDS) if backends is None else named_backends(backends)
    seeds = seeds_of(schedules, seed, stretch)
    terminal = Terminal(stderr=json_file == "-")
    try:
        declared = read_declarations(declare or ())
    except ValueError as error:
        problem = str(error).removeprefix("--declare: ")
        raise typer.BadParameter(problem, param_hint="--declare") from None
    require_folder(json_file)
    require_folder(html_file, "--html")
    runs = planned_runs(on, len(seeds))
    with bar(runs, wanted=bool(seeds), isolated=True) as progress:
        try:
            report = compare_programs(
                original,
                port,
                args=arg or (),
                backends=on,
                declared=declared,
                reading=Reading(
                    normalize=tuple(normalize or ()),
                    ignore=_ignored(ignore),
                    tolerance=tolerance,
                    strict_order=strict_order,
                ),
                real_time=real_time,
                time_limit=time_limit,
                stdin=stdin,
                until=until,
                seeds=seeds,
                progress=progress.advance,
            )
        except ValueError as error:
            raise bad_option(error) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    def again(backend: str, failing: Seed) -> str:
        return _again(sys.argv[1:], backend, failing)

    terminal.report(render(report, width=terminal.report_width, again=again))
    if json_file is not None:
        write(json_file, json.dumps(as_json([(None, report)]), indent=2) + "\n")
    if html_file is not None:
        write_page(html_file, report, title=f"{original} and {port}")
    if not report.loadable:
        raise typer.Exit(BAD_USE)
    if not report.equivalent:
        raise typer.Exit(DIFFERS)
    if backends is not None and not all(get_backend(name).installed for name in on):
        raise typer.Exit(BAD_USE)


def _ignored(ignore: str | None) -> tuple[str, ...]:
    """Return the streams that `--ignore` names."""
    if ignore is None:
        return ()
    named = listed(ignore)
    require_named(named, STREAMS, "stream", "--ignore")
    return tuple(named)


_ABOUT_THE_RUN = ("--schedules", "--seed", "--stretch", "--backends", "--json", "--html")


def _again(arguments: list[str], backend: str, seed: Seed) -> str:
    kept = without_options(arguments, _ABOUT_THE_RUN)
    return shlex.join(["portable", *kept, "--backends", backend, "--seed", str(seed)])
