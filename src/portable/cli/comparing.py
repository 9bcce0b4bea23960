"""`portable compare`: its options, its progress bar, its report and its JSON."""

from __future__ import annotations

import json
import shlex
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

from portable._backends import BACKENDS, get_backend
from portable.equivalence.comparing import Explored, Judged, Report, compare_programs
from portable.equivalence.declaring import read_declarations
from portable.equivalence.reading import STREAMS, Reading
from portable.equivalence.telling import ended, tell

from . import BAD_USE, DIFFERS, INTERRUPTED
from .arguments import named_backends, require_folder, seeds_of, write
from .display import Terminal
from .exploring import print_marked
from .progress import bar

SCHEMA = 1


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
        typer.Option("--arg", help="An argument for both; may be given more than once."),
    ] = None,
    backends: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME...]", help=f"Any of {', '.join(BACKENDS)}."),
    ] = None,
    time_limit: Annotated[
        float, typer.Option(min=0.1, help="Real seconds for each run.")
    ] = 10.0,
    normalize: Annotated[
        list[str] | None,
        typer.Option(metavar="REGEX", help="What it matches becomes '...' on both sides."),
    ] = None,
    ignore: Annotated[
        str, typer.Option(metavar="NAME[,NAME...]", help=f"Any of {', '.join(STREAMS)}.")
    ] = "",
    tolerance: Annotated[
        float, typer.Option(min=0, help="Seconds by which things may come at other times.")
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
        typer.Option(min=1, help="Run the port under so many orders of ready tasks, too."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="The first schedule's seed; alone: that schedule.")
    ] = None,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the results to a file too; '-': stdout."
        ),
    ] = None,
) -> None:
    """Run your own two programs on all backends and compare the port with its original.

    The port may still use asyncio in part: then asyncio's loop is up on trio as well.

    Exits with 1 if the port differs or fails, with 2 if a program cannot be loaded or a
    backend named here is not installed.
    """
    on = list(BACKENDS) if backends is None else named_backends(backends)
    seeds = seeds_of(schedules, seed)
    terminal = Terminal(stderr=json_file == "-")
    try:
        declared = read_declarations(declare or ())
    except ValueError as error:
        problem = str(error).removeprefix("--declare: ")
        raise typer.BadParameter(problem, param_hint="--declare") from None
    if json_file is not None:
        require_folder(json_file)
    total = len(on) * (len(seeds) + 1) + len({"asyncio", *on})
    with bar(total, wanted=bool(seeds)) as progress:
        try:
            report = compare_programs(
                original,
                port,
                args=arg or (),
                backends=on,
                declared=declared,
                reading=Reading(
                    normalize=tuple(normalize or ()),
                    ignore=tuple(name.strip() for name in ignore.split(",") if name.strip()),
                    tolerance=tolerance,
                    strict_order=strict_order,
                ),
                real_time=real_time,
                time_limit=time_limit,
                seeds=seeds,
                progress=progress.advance,
            )
        except ValueError as error:
            name, _, problem = str(error).partition(": ")
            raise typer.BadParameter(problem, param_hint=f"--{name}") from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    def again(backend: str, failing: int) -> str:
        return _again(sys.argv[1:], backend, failing)

    for mark, line in tell(report, width=min(terminal.width, 160) - 2, again=again):
        print_marked(terminal, mark, line)
    if json_file is not None:
        write(json_file, json.dumps(as_json(report), indent=2) + "\n")
    if not report.loadable:
        raise typer.Exit(BAD_USE)
    if not report.equivalent:
        raise typer.Exit(DIFFERS)
    if backends is not None and not all(get_backend(name).installed for name in on):
        raise typer.Exit(BAD_USE)


def _again(arguments: list[str], backend: str, seed: int) -> str:
    kept, skip = [], False
    for word in arguments:
        if skip:
            skip = False
        elif word in ("--schedules", "--seed", "--backends", "--json"):
            skip = True
        elif not word.startswith(("--schedules=", "--seed=", "--backends=", "--json=")):
            kept.append(word)
    return shlex.join(["portable", *kept, "--backends", backend, "--seed", str(seed)])


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as plain data; `docs/compare-json.md` tells what it means."""
    return {
        "schema": SCHEMA,
        "portable": metadata.version("portable-tasks"),
        "original": report.original,
        "port": report.port,
        "equivalent": report.equivalent,
        "results": [_row(row) for row in report.rows],
        "schedules": [_explored(found) for found in report.explored],
    }


def _row(row: Judged) -> dict[str, Any]:
    run, found = row.run, row.comparison
    return {
        "program": row.program,
        "backend": run.backend,
        "seed": run.seed,
        "verdict": row.verdict,
        "equivalent": row.equivalent,
        "note": row.note,
        "ended": None if run.trace is None else ended(run.trace),
        "duration": None if run.trace is None else run.trace.duration,
        "failure": None
        if run.failure is None
        else {
            "kind": run.failure.kind,
            "message": run.failure.message,
            "details": list(run.failure.details),
        },
        "compared_with": None if found is None else found.original.backend,
        "parts_at": None if found is None or found.parting is None else found.parting.time,
        "reasons": [] if found is None else list(found.reasons),
        "declared": []
        if found is None
        else [{"id": one.id, "reason": one.reason} for one in found.declared],
        "causes": [
            {
                "id": one.id,
                "sentence": one.sentence,
                "paragraph": one.paragraph,
                "remedy": one.remedy,
            }
            for one in row.causes
        ],
        "trace": None if run.trace is None else run.trace.as_dict(),
    }


def _explored(found: Explored) -> dict[str, Any]:
    return {
        "backend": found.backend,
        "schedules": found.schedules,
        "distinct_traces": found.distinct,
        "failing_seeds": [one.run.seed for one in found.failing],
        "shortest": _row(found.failing[0]) if found.failing else None,
    }
