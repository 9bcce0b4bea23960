"""The surroundings of a run in a process of its own.

They are its descriptors, its working directory, its children and what it opens; how long it may
go on; and what becomes of the recording if the program never comes back. A recording inside
another process has no surroundings.
"""

from __future__ import annotations

import atexit
import os
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from .children import children_left
from .descriptors import Descriptors
from .exit_codes import ExitCodes
from .footprint import AddressLock, Footprint
from .run_folder import RunFolder
from .trace import Stream, Trace

T = TypeVar("T")
# Shorter ones may be anything.
_NUMBER = re.compile(r"(?<![\d.])\d{3,}(?![\d.])")


class Surroundings:
    """The process around a run.

    Args:
        folder: its working directory.
        written: the file for its stdout.
        output: the file for its stderr, and for its last words.
        lock: taken if it has a fixed address.
        until: virtual seconds after which it has gone on long enough; `None`: no limit.
        ended: called with the trace where the program does not come back; does not return.
        while_waiting: entered while the process waits for another run.
    """

    def __init__(
        self,
        folder: RunFolder,
        written: Path,
        output: Path,
        lock: AddressLock,
        *,
        until: float | None,
        ended: Callable[[Trace], object],
        while_waiting: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self.until = until
        self.ended = ended
        self._folder = folder
        self.descriptors: Descriptors = Descriptors(written, output)
        os.chdir(folder.place)
        self.footprint: Footprint = Footprint(folder.place, lock, while_waiting)
        self.exit_codes: ExitCodes = ExitCodes(self.footprint.child_made)
        self._ids = {str(os.getpid()), str(os.getppid())}
        self._at_exit: list[Callable[[], object]] = []
        # For good: the process ends with the run.
        atexit.register = self._register  # type: ignore[assignment]
        atexit.unregister = self._unregister

    def _register(self, call: Callable[..., T], *args: Any, **options: Any) -> Callable[..., T]:
        self._at_exit.append(partial(call, *args, **options))
        return call

    def _unregister(self, call: Callable[..., object]) -> None:
        kept = [one for one in self._at_exit if getattr(one, "func", None) != call]
        self._at_exit[:] = kept

    def neutral(self, text: str) -> str:
        """Return a text without what differs between two runs of the program.

        That is the ids of the process and of its children, and paths below the working
        directory, which become those of the directory that it is a copy of.
        """
        text = self._folder.outside(text)
        if self.footprint.has_children:
            self._ids.update(map(str, (*self.exit_codes.ids(), *(children_left() or ()))))
        if not any(one in text for one in self._ids):
            return text
        return _NUMBER.sub(lambda found: "..." if found[0] in self._ids else found[0], text)

    def at_exit(self) -> None:
        """Call what the program has asked Python to call at the end."""
        while self._at_exit:
            call = self._at_exit.pop()
            try:
                call()
            except BaseException as error:
                traceback.print_exception(error)
        self.descriptors.flush()

    def left(self) -> Iterator[tuple[Stream, str, tuple[str, ...]]]:
        """Yield what became of children and files, when the program has ended."""
        for one in self.exit_codes.ended():
            if one.code:
                yield "children", one.text, (str(one),)
        running = children_left()
        if running:
            yield "children", f"{len(running)} left running at the end", ()
        with suppress(OSError):
            for text, lines in self._folder.changes():
                yield "files", text, lines
