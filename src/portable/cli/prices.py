"""The commands that price: `bench` measures on this machine, `bench-report` shows results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from portable._backends import BACKENDS
from portable._errors import (
    BackendNotInstalledError,
    MissingDependencyError,
    UnknownBackendError,
)
from portable.bench import (
    CLOCKS,
    EFFORTS,
    OPERATIONS,
    NoPlaceError,
    NoRunError,
    UnknownOperationError,
    bench,
    write_readme,
    write_report,
)


def bench_command(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[OPERATION]...", help=f"Any of {', '.join(OPERATIONS)}."),
    ] = None,
    size: Annotated[
        str, typer.Option(metavar="SIZE", help=f"How thorough: any of {', '.join(EFFORTS)}.")
    ] = "small",
    backends: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME...]", help=f"Any of {', '.join(BACKENDS)}."),
    ] = None,
    peers: Annotated[bool, typer.Option("--peers", help="Price other libraries too.")] = False,
    clock: Annotated[
        str,
        typer.Option(
            metavar="CLOCK",
            help=f"{' or '.join(CLOCKS)}: the time that passes, or that which the loop's own "
            "thread computes and which holds on a busy machine.",
        ),
    ] = "wall",
    json_file: Annotated[
        Path | None,
        typer.Option("--json", metavar="FILE", help="Write the results to a file too."),
    ] = None,
) -> None:
    """Say what a task costs on each event loop here, and what portable adds."""
    if json_file is not None and not json_file.parent.is_dir():
        raise typer.BadParameter(
            f"there is no directory {str(json_file.parent)!r}", param_hint="--json"
        )
    loops = [name.strip() for name in (backends or "").split(",") if name.strip()]
    try:
        run = bench(names or (), effort=size, backends=loops, peers=peers, clock=clock)
    except UnknownOperationError as error:
        raise typer.BadParameter(str(error), param_hint="OPERATION") from None
    except (UnknownBackendError, BackendNotInstalledError) as error:
        raise typer.BadParameter(str(error), param_hint="--backends") from None
    except ValueError as error:
        hint = "clock" if str(error).startswith("clock") else "size"
        raise typer.BadParameter(str(error), param_hint=f"--{hint}") from None
    if json_file is not None:
        json_file.write_text(json.dumps(run.as_dict(), indent=2) + "\n", encoding="utf-8")


def report_command(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Results, from --benchmark-json or --json.")
    ],
    older: Annotated[
        Path | None, typer.Argument(metavar="[OLDER]", help="Others, to compare them with.")
    ] = None,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--to", metavar="DIRECTORY", help="Where to write; by default beside FILE."
        ),
    ] = None,
    readme: Annotated[
        Path | None,
        typer.Option(metavar="README", help="Put a table and pictures into this file instead."),
    ] = None,
) -> None:
    """Write results as Markdown and as an HTML page, or into a README."""
    try:
        if readme is None:
            written = [*write_report(file, older, directory=directory)]
        else:
            written = write_readme(
                file, readme, directory or readme.parent / "docs" / "pictures"
            )
    except (NoRunError, NoPlaceError, MissingDependencyError, OSError) as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from None
    for each in written:
        typer.echo(str(each))
