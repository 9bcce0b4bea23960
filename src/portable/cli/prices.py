"""The commands `portable bench`, which measures, and `portable bench-report`."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from portable._errors import BackendNotInstalledError, MissingDependencyError
from portable.bench import (
    CLOCKS,
    DEFAULT_CLOCK,
    EFFORTS,
    OPERATIONS,
    NoPlaceError,
    NoRunError,
    Run,
    UnknownOperationError,
    bench,
    compare,
    limits_of,
    write_readme,
    write_report,
)

from . import BAD_USE, DIFFERS, INTERRUPTED
from .arguments import (
    BackendsOption,
    message_of,
    named_backends,
    require_folder,
    require_known,
    seconds_of,
    write,
)
from .completion import complete_operations


def bench_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="OPERATION",
            help=f"Any of {', '.join(OPERATIONS)}; none: all.",
            autocompletion=complete_operations,
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(
            "--time",
            metavar="SECONDS",
            parser=seconds_of("--time", 1),
            help="How long to measure. What is still noisy then is marked.",
        ),
    ] = 60,
    size: Annotated[
        str,
        typer.Option(metavar="SIZE", help=f"How big the work is: any of {', '.join(EFFORTS)}."),
    ] = "small",
    backends: BackendsOption = None,
    peers: Annotated[bool, typer.Option("--peers", help="Price other libraries too.")] = False,
    clock: Annotated[
        str,
        typer.Option(
            metavar="CLOCK",
            help=f"{' or '.join(CLOCKS)}: the time that passes, or that which the loop's own "
            "thread computes and which holds on a busy machine.",
        ),
    ] = DEFAULT_CLOCK,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the results to a file too; '-': stdout."
        ),
    ] = None,
) -> None:
    """Say what a task costs on each loop here, and which to take.

    Ctrl-C ends it early, and shows what there is by then.
    """
    require_folder(json_file)
    require_known(size, EFFORTS, "--size")
    require_known(clock, CLOCKS, "--clock")
    loops = () if backends is None else named_backends(backends)
    try:
        run = bench(
            names or (),
            effort=size,
            backends=loops,
            peers=peers,
            clock=clock,
            seconds=seconds,
            command=_command(json_file),
            console=Console(stderr=json_file == "-", highlight=False),
        )
    except UnknownOperationError as error:
        raise typer.BadParameter(str(error), param_hint="OPERATION") from None
    except BackendNotInstalledError as error:
        raise typer.BadParameter(message_of(error), param_hint="--backends") from None
    if json_file is not None:
        write(json_file, json.dumps(run.as_dict(), indent=2) + "\n")
    if "interrupted" in run.about:
        raise typer.Exit(INTERRUPTED)


def _command(json_file: str | None) -> str:
    """Return the command as typed, with the file's name in place of its path."""
    words = sys.argv[1:]
    if json_file is not None:
        name = Path(json_file).name
        paths = {json_file: name, f"--json={json_file}": f"--json={name}"}
        words = [paths.get(word, word) for word in words]
    return f"portable {shlex.join(words)}"


def report_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Results, from --benchmark-json or --json.")
    ],
    older: Annotated[
        Path | None, typer.Argument(metavar="OLDER", help="Others, to compare them with.")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="DIRECTORY", help="Where to write; by default beside FILE."
        ),
    ] = None,
    fail_on_slower: Annotated[
        bool,
        typer.Option(
            "--fail-on-slower",
            help="Exit with 1 if anything is slower than in OLDER by more than the noise.",
        ),
    ] = False,
    readme: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Put a table and pictures into this file instead."),
    ] = None,
    limits: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Make a file for --bench-max-ratio of the results instead."
        ),
    ] = None,
) -> None:
    """Write results as Markdown and HTML; say what got slower."""
    if fail_on_slower and older is None:
        raise typer.BadParameter("slower than what? Name OLDER.", param_hint="--fail-on-slower")
    if readme is not None and limits is not None:
        raise typer.BadParameter("either this or --readme, not both", param_hint="--limits")
    if limits is not None and directory is not None:
        raise typer.BadParameter("--limits writes one file alone", param_hint="--to")
    require_folder(None if readme is None else str(readme), "--readme")
    require_folder(None if limits is None else str(limits), "--limits")
    for results, hint in ((file, "FILE"), (older, "OLDER")):
        if results is not None:
            _require_run(results, hint)
    try:
        changes = compare(file, older) if older else None
        if readme is not None:
            written = write_readme(
                file, readme, directory or readme.parent / "docs" / "pictures"
            )
        elif limits is not None:
            limits.write_text(limits_of(Run.read(file).measured), encoding="utf-8")
            written = [limits]
        else:
            written = [*write_report(file, older, directory=directory)]
    except MissingDependencyError as error:
        typer.echo(f"portable: {error}", err=True)
        raise typer.Exit(BAD_USE) from None
    except NoPlaceError as error:
        raise typer.BadParameter(str(error), param_hint="--readme") from None
    except OSError as error:
        option = "--readme" if readme else "--limits" if limits else "--to"
        raise typer.BadParameter(message_of(error), param_hint=option) from None
    for each in written:
        typer.echo(str(each))
    for line in changes.lines if changes else ():
        typer.echo(line)
    if fail_on_slower and changes and changes.slower:
        raise typer.Exit(DIFFERS)


def _require_run(file: Path, hint: str) -> None:
    try:
        Run.read(file)
    except NoRunError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None
