"""What several commands take and do: names of backends, seeds, and files to write to."""

from __future__ import annotations

from pathlib import Path

import typer

from portable._backends import BACKENDS, get_backend
from portable._errors import UnknownBackendError


def named_backends(text: str) -> list[str]:
    """Return the backends of a comma-separated list, or say which are known."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    try:
        if names:
            return list(dict.fromkeys(get_backend(name).name for name in names))
    except UnknownBackendError as error:
        raise typer.BadParameter(str(error), param_hint="--backends") from None
    known = ", ".join(BACKENDS)
    raise typer.BadParameter(
        f"no backend is named; known are: {known}", param_hint="--backends"
    )


def seeds_of(schedules: int | None, seed: int | None) -> range:
    """Return the seeds that are asked for: so many from the first, or that one alone."""
    first = seed or 0
    if schedules is None:
        return range(first, first) if seed is None else range(first, first + 1)
    return range(first, first + schedules)


def require_folder(file: str) -> None:
    """Refuse a file that could not be written, before hours go into what it is to hold."""
    if file != "-" and (Path(file).is_dir() or not Path(file).parent.is_dir()):
        raise typer.BadParameter(
            f"cannot write to {file!r}: it is a folder, or in one that does not exist",
            param_hint="--json",
        )


def write(file: str, text: str) -> None:
    """Write to a file; to standard output if it is called `-`."""
    if file == "-":
        typer.echo(text, nl=False)
        return
    try:
        Path(file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(
            f"cannot write to {file!r}: {error.strerror}", param_hint="--json"
        ) from None
