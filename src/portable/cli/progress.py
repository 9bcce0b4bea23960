"""A progress bar on a terminal; in a pipe a line now and then, if it takes long."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from time import monotonic
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from portable._backends import get_backend

_TELL_AFTER = 30.0


class Bar(Protocol):
    """A progress bar, or what is in its place."""

    def advance(self) -> object:
        """Count one more run."""


class _Lines:
    """Tells in a line how far it is, if half a minute has passed since the last one."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._began = self._told = monotonic()
        self._over = threading.Event()

    def advance(self) -> None:
        self._done += 1
        now = monotonic()
        if now - self._told >= _TELL_AFTER:
            self._tell(now)

    @contextmanager
    def told_beside(self) -> Iterator[None]:
        """Tell from a thread, also while a single run takes long."""
        thread = threading.Thread(target=self._keep_telling, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _keep_telling(self) -> None:
        while not self._over.wait(_TELL_AFTER):
            self._tell(monotonic())

    def _tell(self, now: float) -> None:
        self._told = now
        done = f"{self._done} of {self._total} done"
        if self._done > self._total:
            done = f"{self._done} done, more than planned,"
        typer.echo(f"portable: {done} after {now - self._began:.0f} s", err=True)


class _RichBar:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._task = progress.add_task("runs", total=total)

    def advance(self) -> None:
        self._done += 1
        # Where a port differs, the original is run more often than was planned.
        total = max(self._total, self._done)
        self._progress.update(self._task, completed=self._done, total=total, refresh=True)


def planned_runs(backends: Iterable[str], schedules: int) -> int:
    """Return how many runs a comparison takes where nothing differs.

    The original runs on asyncio in any case, and twice: to see what of it is noise.
    """
    on = {name for name in backends if get_backend(name).installed}
    return len({"asyncio", *on}) + 1 + len(on) * (schedules + 1)


@contextmanager
def bar(total: int, *, wanted: bool, isolated: bool = False) -> Iterator[Bar]:
    """Show on standard error during the block how far it is: with a bar, if it is wanted.

    Args:
        total: how many runs there will be.
        wanted: whether to draw a bar on a terminal.
        isolated: whether the runs are in other processes, and a thread may write meanwhile.
    """
    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        lines = _Lines(total)
        with lines.told_beside() if isolated else nullcontext():
            yield lines
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        # A thread of Rich's would draw in the midst of a run, and so into what is recorded.
        auto_refresh=False,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as progress:
        yield _RichBar(progress, total)
