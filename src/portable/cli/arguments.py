"""Arguments that several commands share: lists, backends, seeds, programs, files to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from portable._backends import BACKENDS, get_backend
from portable._errors import UnknownBackendError
from portable.clock._taken import Seed, schedules
from portable.equivalence import Report
from portable.equivalence.target import Target, TargetError


def message_of(error: Exception) -> str:
    """Return an error's message without the name of the Python parameter at its start."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return re.sub(r"^\w+: ", "", str(error))


def bad_option(error: ValueError) -> typer.BadParameter:
    """Return the error for an option, with which an error's message begins: `seed: …`."""
    name, _, problem = str(error).partition(": ")
    return typer.BadParameter(problem, param_hint=f"--{name.replace('_', '-')}")


def listed(text: str) -> list[str]:
    """Return the names in a comma-separated list, each once."""
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def require_named(names: Collection[str], known: Iterable[str], kind: str, hint: str) -> None:
    """Refuse a list without a name; the error lists the known ones."""
    if not names:
        raise typer.BadParameter(
            f"no {kind} is named; known are: {', '.join(known)}", param_hint=hint
        )


def require_known(name: str, known: Iterable[str], hint: str) -> None:
    """Refuse an unknown name; the error lists the known ones."""
    known = list(known)
    if name not in known:
        raise typer.BadParameter(
            f"{name!r} is unknown; there are: {', '.join(known)}", param_hint=hint
        )


def named_backends(text: str) -> list[str]:
    """Return the backends of a comma-separated list; an error lists the known ones."""
    try:
        names = [get_backend(name).name for name in listed(text)]
    except UnknownBackendError as error:
        raise typer.BadParameter(message_of(error), param_hint="--backends") from None
    require_named(names, BACKENDS, "backend", "--backends")
    return names


def count_of(option: str) -> Callable[[str], int]:
    """Return the parser of an option that takes an integer from 1 on."""
    return _number(int, option, "an integer from 1 on", 1)


def seconds_of(option: str, least: float | None = None) -> Callable[[str], float]:
    """Return the parser of an option that takes seconds, `least` or more.

    Args:
        option: its name, for the error.
        least: the smallest number of seconds; `None`: the command itself checks them.
    """
    more = "" if least is None else f", {least:g} or more"
    return _number(float, option, f"seconds{more}", least)


N = TypeVar("N", int, float)


def _number(kind: type[N], option: str, wanted: str, least: float | None) -> Callable[[str], N]:
    """Return a parser whose error has the value as it was typed; Typer's own leaves it out."""

    def parsed(text: str) -> N:
        try:
            value = kind(text)
        except ValueError:
            value = None
        # NaN is neither smaller nor larger.
        if value is None or not (least is None or value >= least):
            raise typer.BadParameter(
                f"{text!r} does not fit; write {wanted}", param_hint=option
            )
        return value

    return parsed


BackendsOption = Annotated[
    str | None,
    typer.Option(metavar="NAME[,NAME...]", help=f"Any of {', '.join(BACKENDS)}."),
]
SeedOption = Annotated[
    str | None,
    typer.Option(
        metavar="SEED",
        help="The first schedule's seed; alone: that schedule, 'walk 17', or a report's "
        "replay string.",
    ),
]
StretchOption = Annotated[
    float,
    typer.Option(
        parser=seconds_of("--stretch", 0),
        metavar="SECONDS",
        help="Seconds by which sleeps may take longer under schedules.",
    ),
]


def seeds_of(count: int | None, seed: str | None, stretch: float) -> tuple[Seed, ...]:
    """Return the seeds that the options ask for: `count` from the first on, or that alone."""
    try:
        return schedules(count, seed, stretch)
    except ValueError as error:
        raise bad_option(error) from None


def require_target(target: str, hint: str) -> None:
    """Refuse a missing program at once, instead of once for each backend."""
    try:
        Target.find(target)
    except TargetError as error:
        raise typer.BadParameter(str(error), param_hint=hint) from None


def require_folder(file: str | None, option: str = "--json") -> None:
    """Refuse a file that cannot be written, before any work begins."""
    if file is None or file == "-":
        return
    if Path(file).is_dir() or not Path(file).parent.is_dir():
        raise typer.BadParameter(
            f"cannot write to {file!r}: it is a folder, or in one that does not exist",
            param_hint=option,
        )


def write_page(
    file: str, report: Report, *, title: str, sources: Iterable[tuple[str, str]] = ()
) -> None:
    """Write a report to a file as a page."""
    try:
        from portable.equivalence.page import page
    except ModuleNotFoundError as error:
        raise typer.BadParameter(
            f"a page needs {error.name}; install it with: pip install 'portable-tasks[cli]'",
            param_hint="--html",
        ) from None
    write(file, page(report, title=title, sources=sources), "--html")


def write(file: str, text: str, option: str = "--json") -> None:
    """Write to a file; `-` is standard output."""
    if file == "-":
        typer.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(
            f"cannot write to {file!r}: {error.strerror}", param_hint=option
        ) from None
