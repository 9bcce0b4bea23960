"""The folder of a run: a working directory of its own, and what the run left there.

It is a copy of the directory in which the comparison was started, so that a program finds what
it reads, and two runs do not meet in what they write. What would be too much to copy is linked:
a run that writes into those files writes into the real ones.

One run after another of a program has the same copy, as copying takes longer than most programs
do. Where a run leaves anything behind the next one gets a new copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from .noise import normalised

_FILES_COPIED = 500
_BYTES_COPIED = 16 * 2**20
_LINKED = {".git", ".hg", ".tox", ".venv", "venv", "node_modules", ".mypy_cache", ".ruff_cache"}
_CACHES = {"__pycache__", ".pytest_cache"}
JOBS = "portable-run-"
"""The beginning of the names of folders for temporary files that have copies in them."""
_LINES_SHOWN = 5

_Stamp = tuple[int, ...]


class RunFolder:
    """A copy of a directory.

    Args:
        source: what it is a copy of.
        place: where it is to be; made here.
    """

    def __init__(self, source: Path, place: Path) -> None:
        self.place: Path = place
        self._source = source
        self._make()

    def _make(self) -> None:
        self._copied = 0
        self._room = _BYTES_COPIED
        self.place.mkdir()
        folders = deque([(str(self._source), str(self.place))])
        while folders:
            found, copy = folders.popleft()
            try:
                entries = sorted(os.scandir(found), key=lambda entry: entry.name)
            except OSError:  # it may not be read
                continue
            for entry in entries:
                there = os.path.join(copy, entry.name)
                if entry.name in _CACHES or entry.name.startswith(JOBS):
                    continue  # a copy in the folder that is copied would never end
                if self._take(entry, there):
                    folders.append((entry.path, there))
        self._before = dict(self._entries())

    def outside(self, text: str) -> str:
        """Return a text with paths below this folder replaced by those of its source."""
        for place in (os.path.realpath(self.place), os.fspath(self.place)):
            text = text.replace(place, os.fspath(self._source))
        return text

    def renew(self) -> None:
        """Make a new copy if the run has changed anything."""
        try:
            intact = self.place.is_dir() and dict(self._entries()) == self._before
        except OSError:
            intact = False
        if not intact:
            shutil.rmtree(self.place, ignore_errors=True)
            if self.place.exists():  # it may not be removed
                self.place = self.place.with_name(f"{self.place.name}-")
            self._make()

    def _take(self, entry: os.DirEntry[str], copy: str) -> bool:
        """Copy a file or link it; say whether it is a directory whose entries are to follow."""
        try:
            full = self._copied >= _FILES_COPIED
            if entry.is_dir() and not (full or entry.is_symlink() or entry.name in _LINKED):
                os.mkdir(copy)
                return True
            if entry.is_file(follow_symlinks=False) and not full:
                size = entry.stat().st_size
                if size <= self._room:
                    shutil.copy2(entry.path, copy)
                    self._room -= size
                    self._copied += 1
                    return False
            if entry.is_file() or entry.is_dir():
                os.symlink(os.path.abspath(entry.path), copy)
        except OSError:
            pass  # it may not be read, or no longer be there
        return False

    def changes(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield what a run left: each file that is new, changed or gone, and how it begins."""
        before = {name: stamp[:2] for name, stamp in self._before.items() if stamp}
        after = {name: stamp[:2] for name, stamp in self._entries() if stamp}
        for name in sorted({*before, *after}):
            if name not in after:
                yield f"{name}: deleted", ()
            elif before.get(name) != after[name]:
                yield self._described(name)

    def _described(self, name: str) -> tuple[str, tuple[str, ...]]:
        try:
            data = (self.place / name).read_bytes()
        except OSError as error:
            return f"{name}: {type(error).__name__}", ()
        lines: tuple[str, ...] = ()
        try:
            text = normalised(self.outside(data.decode()))
        except UnicodeDecodeError:
            pass
        else:  # addresses and the like are made equal here as well
            data = text.encode()
            lines = tuple(text.splitlines()[:_LINES_SHOWN])
        digest = hashlib.sha256(data).hexdigest()[:16]
        return f"{name}: {len(data)} bytes, sha256 {digest}", lines

    def _entries(self) -> Iterator[tuple[str, _Stamp]]:
        """Yield what is there: files with their stamps, all else without."""
        folders = [("", os.fspath(self.place))]
        while folders:
            prefix, folder = folders.pop()
            if not os.path.isdir(folder):
                continue  # the run has removed it
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = prefix + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _CACHES:
                            folders.append((f"{name}/", entry.path))
                            yield f"{name}/", ()
                    elif entry.is_file(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        when = status.st_mtime_ns, status.st_ctime_ns
                        yield name, (status.st_size, *when, status.st_mode)
                    else:
                        yield name, ()
