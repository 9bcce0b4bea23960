"""`portable port`: its options, its diff, its report and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import BAD_USE, DIFFERS, INTERRUPTED
from .arguments import (
    listed,
    require_folder,
    require_known,
    require_named,
    require_target,
    write,
)
from .display import Terminal
from .progress import bar, planned_runs

if TYPE_CHECKING:
    from portable.porting.files import FileResult
    from portable.porting.report import Report

_FILES_SHOWN = 5


def port(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH[:FUNCTION]", help="Files and folders.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if anything of asyncio's is left.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what would change (the default).")
    ] = False,
    write_files: Annotated[bool, typer.Option("--write", help="Change the files.")] = False,
    rules: Annotated[
        str | None,
        typer.Option(metavar="NAME[,NAME...]", help="Apply these rules alone."),
    ] = None,
    assume: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME...]",
            help="Conditions you vouch for where they cannot be seen: what is awaited cleans "
            "up without waiting (calm), what is called does not raise (quiet), what is "
            "imported needs no loop of asyncio's (free), whoever else gets an event or a lock "
            "uses it as AnyIO's is used (plain).",
        ),
    ] = None,
    report_file: Annotated[
        str | None,
        typer.Option(
            "--report",
            metavar="FILE",
            help="Write what is left to a human to a file; '-': stdout; *.json: as JSON.",
        ),
    ] = None,
    todo: Annotated[
        bool, typer.Option("--todo", help="Put what is left into the code as comments, too.")
    ] = False,
    prove: Annotated[
        str | None,
        typer.Option(
            metavar="PROGRAM[:FUNCTION]|TESTS",
            help="Run it before and after the port on every backend; --write only if it holds.",
        ),
    ] = None,
    allow_dirty: Annotated[
        bool,
        typer.Option("--allow-dirty", help="Write although git has uncommitted changes."),
    ] = False,
) -> None:
    """Port asyncio's names to AnyIO's where it keeps the meaning.

    Without --write nothing is changed. What is left is told with what to write.

    Exits with 1 after --check if something is left, or if a file could not be ported; with 2
    after bad use, or if git has uncommitted changes.
    """
    if find_spec("libcst") is None:
        typer.echo(
            "portable: porting needs libcst; install it with: "
            "pip install 'portable-tasks[port]'",
            err=True,
        )
        raise typer.Exit(BAD_USE)
    if sum((check, diff, write_files)) > 1:
        raise typer.BadParameter("choose one of --check, --diff and --write")
    require_folder(report_file, "--report")
    # They need LibCST.
    from portable.porting.files import NothingToPort, find_targets, port_files
    from portable.porting.report import Report

    proof = None if prove is None else _proof(prove)
    chosen, assumed = _chosen(rules), _assumed(assume)
    try:
        targets = find_targets(paths)
    except NothingToPort as error:
        raise typer.BadParameter(str(error), param_hint="PATH") from None
    if write_files and not allow_dirty:
        _require_committed(target.path for target in targets)
    try:
        with bar(len(targets), wanted=len(targets) > 1) as progress:
            results = port_files(
                targets,
                rules=chosen,
                assumed=assumed,
                todo=todo,
                places_after=write_files,
                progress=progress.advance,
            )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    report = Report(results)
    terminal = Terminal(stderr=not (check or write_files))
    proved = proof is None or _prove(terminal, results, *proof)
    if write_files and not proved:
        terminal.line("nothing was written", "bold red")
    elif write_files:
        for result in results:
            if result.changed:
                result.path.write_bytes(result.after)
    elif not check:
        _print_diff(results)
    if report_file is not None:
        _write_report(report, report_file)
        if report_file != "-":
            _print_summary(terminal, report)
    elif check or write_files:
        for line in report.lines():
            terminal.line(line)
    else:
        _print_summary(terminal, report)
        if report.total > report.rewritten:
            terminal.line("--report - lists what is left, and what to write")
        if proved and report.rewritten:
            prove_first = "" if proof else ", --prove PROGRAM|TESTS runs both versions"
            terminal.line(f"nothing is written yet: --write does it{prove_first}")
    for line in _patched_elsewhere(results):
        terminal.line(line, "yellow")
    if not proved:
        raise typer.Exit(DIFFERS)
    left = report.total - (0 if check else report.rewritten)
    if (check and left) or report.errors:
        raise typer.Exit(DIFFERS)


def _chosen(rules: str | None) -> list[str] | None:
    """Return the rules that `--rules` names; `None`: all."""
    from portable.porting import RULES
    from portable.porting.patching import RULE as PATCHED

    if rules is None:
        return None
    known = [*(rule.name for rule in RULES), PATCHED]
    named = listed(rules)
    for name in named:
        require_known(name, known, "--rules")
    require_named(named, known, "rule", "--rules")
    return named


def _assumed(assume: str | None) -> frozenset[str]:
    """Return the conditions that `--assume` names."""
    from portable.porting import CONDITIONS

    if assume is None:
        return frozenset()
    named = listed(assume)
    for name in named:
        require_known(name, sorted(CONDITIONS), "--assume")
    require_named(named, sorted(CONDITIONS), "condition", "--assume")
    return frozenset(named)


def _require_committed(paths: Iterable[Path]) -> None:
    """Refuse to write files that git has uncommitted changes of."""
    from portable.porting.files import dirty_files

    dirty = dirty_files(paths)
    if dirty:
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise typer.BadParameter(
            f"git has uncommitted changes ({dirty[0]}{more}); commit or stash them, so that "
            "what is written can be told apart, or give --allow-dirty"
        )


def _print_diff(results: list[FileResult]) -> None:
    """Print what would change."""
    from portable.porting.report import unified_diff

    colours = {"+": "green", "-": "red", "@": "cyan"}
    terminal = Terminal()
    for line in unified_diff(results):
        terminal.line(line.removesuffix("\n"), colours.get(line[0], ""))


def _write_report(report: Report, file: str) -> None:
    """Write to a file what is left to a human, with what to write."""
    as_json = file.endswith(".json")
    text = json.dumps(report.as_json(), indent=2) if as_json else "\n".join(report.lines())
    write(file, text + "\n", "--report")


def _print_summary(terminal: Terminal, report: Report) -> None:
    """Print how much is ported, and the files that could not be."""
    terminal.line(report.summary())
    for result in report.errors:
        terminal.line(f"{result.path}: not ported: {result.error}")


def _proof(what: str) -> tuple[Path, str]:
    """Return the file and the function, or the tests, that are to prove the port."""
    from portable.porting.files import split_target
    from portable.porting.proving import is_test

    path, function = split_target(what)
    if not path.exists():
        raise typer.BadParameter(
            f"{what}: there is no such file or folder", param_hint="--prove"
        )
    if not is_test(path):
        require_target(what, "--prove")
    return path, function


def _prove(terminal: Terminal, results: list[FileResult], path: Path, function: str) -> bool:
    """Run a program, or tests, before and after the port; print and return whether it holds."""
    from portable.porting.proving import is_test

    if is_test(path):
        return _prove_by_tests(terminal, results, path)
    return _prove_by_program(terminal, results, path, function)


def _prove_by_program(
    terminal: Terminal, results: list[FileResult], path: Path, function: str
) -> bool:
    from portable._backends import installed_backends
    from portable.equivalence.rendering import render
    from portable.porting.proving import SCHEDULES, prove_program

    runs = planned_runs(installed_backends(), SCHEDULES)
    with bar(runs, wanted=True, isolated=True) as progress:
        found = prove_program(results, path, function, progress.advance)
    terminal.report(render(found.report, width=terminal.report_width))
    _print_unloaded(terminal, path, found.unloaded)
    return found.holds


def _prove_by_tests(terminal: Terminal, results: list[FileResult], path: Path) -> bool:
    from portable._backends import installed_backends
    from portable.porting.proving import prove_tests

    with bar(2 * len(installed_backends()), wanted=True, isolated=True) as progress:
        runs = prove_tests(results, path, progress.advance)
    for run in runs:
        if run.trouble and not run.before and not run.after:
            terminal.line(f"{run.backend}: no test ran, which proves nothing", "bold red")
            terminal.line(run.trouble)
            continue
        same = "NOT the same" if run.differing or run.trouble else "the same"
        tests = "1 test" if len(run.before) == 1 else f"{len(run.before)} tests"
        style = "green" if run.holds else "bold red"
        terminal.line(
            f"{run.backend}: {tests}, {run.passed} passed; {same} after the port",
            style,
        )
        if run.failed:
            terminal.line(
                f"  {run.failed} failed before the port, and prove nothing; options that your "
                "tests need belong into pytest's configuration, or into PYTEST_ADDOPTS",
                "yellow",
            )
        for name in run.unsteady:
            terminal.line(
                f"  {name}: passed once of two times; does it wait in real time?", "yellow"
            )
        for name in run.differing:
            was, now = run.before.get(name, "not run"), run.after.get(name, "not run")
            terminal.line(f"  {name}: {was} before, {now} after")
        if run.trouble:
            terminal.line(run.trouble)
    _print_unloaded(terminal, path, runs[0].unloaded)
    return all(run.holds for run in runs)


def _print_unloaded(terminal: Terminal, what: Path, unloaded: Sequence[Path]) -> None:
    """Say that a proof proves nothing, as it loads none of the files that were ported."""
    if unloaded:
        names = ", ".join(map(str, unloaded[:_FILES_SHOWN]))
        more = len(unloaded) - _FILES_SHOWN
        names += f" and {more} more" if more > 0 else ""
        terminal.line(
            f"{what} loads no file that was ported, which proves nothing: {names}", "bold red"
        )


def _patched_elsewhere(results: list[FileResult]) -> Iterator[str]:
    from portable.porting.patching import RENAMED, patched_elsewhere

    names = {site.name for result in results for site in result.sites if site.rewritten}
    paths = [result.path for result in results]
    lines: dict[tuple[Path, str], list[int]] = {}
    for path, line, name in patched_elsewhere(paths, names & set(RENAMED)):
        lines.setdefault((path, name), []).append(line)
    for (path, name), (first, *others) in lines.items():
        more = f" in {1 + len(others)} lines" if others else ""
        yield (
            f"{path}:{first}: patches {name}{more}, which was rewritten; port this file, too, "
            "or its tests wait for real and stay green"
        )
