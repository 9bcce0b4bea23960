"""What is written past Python: to the descriptors of stdout and stderr, also by children."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from .trace import Written


class Descriptors:
    """Leads descriptors 1 and 2 into files, for good, and reads what has come in.

    Files and no pipes: who writes never waits, and what was written is there at once.

    Args:
        out: the file for stdout.
        err: the file for stderr.
    """

    def __init__(self, out: Path, err: Path) -> None:
        self._files: list[tuple[Written, int]] = []
        places: tuple[tuple[int, Written, Path], ...] = ((1, "stdout", out), (2, "stderr", err))
        for number, name, path in places:
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            os.dup2(file, number)
            self._files.append((name, file))
        self._read = {file: 0 for _, file in self._files}

    def poll(self) -> Iterator[tuple[Written, bytes]]:
        """Yield what has come in since the last time."""
        for stream, file in self._files:
            more = os.fstat(file).st_size - self._read[file]
            if more > 0:
                data = os.pread(file, more, self._read[file])
                self._read[file] += len(data)
                yield stream, data

    @staticmethod
    def flush() -> None:
        """Write out what Python's own streams hold for the descriptors."""
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None and not stream.closed:
                stream.flush()
