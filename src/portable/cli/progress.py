"""A progress bar on a terminal; nothing in a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn


class Bar(Protocol):
    """Something that is told of progress."""

    def advance(self) -> object:
        """Take note of one more run."""


class _NoBar:
    def advance(self) -> None:
        pass


class _RichBar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("runs", total=total)

    def advance(self) -> None:
        self._progress.advance(self._task)


@contextmanager
def bar(total: int, *, wanted: bool) -> Iterator[Bar]:
    """Show a bar on standard error while the block runs, if it is wanted and a terminal."""
    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        yield _NoBar()
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # The programs' own output is none of the bar's business, and recorded elsewhere.
    with Progress(
        *columns,
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        yield _RichBar(progress, total)
