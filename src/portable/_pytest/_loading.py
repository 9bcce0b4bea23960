"""`-p portable._pytest._loading`: notes what a run of pytest loads, for the proof of a port.

Each file is written down when its code runs. A line says that there was a child process, as
what that one loads is not seen.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from portable._audit import STARTS, loaded_file

NOTES = "PORTABLE_LOADING"
"""The environment variable that names the file for the notes."""
CHILD = "a child process"
"""Stands in the notes if there was one."""
# What libraries and plugins ask for a version, or for what is installed; none runs Python.
_TOOLS = ("file", "git", "hg", "ldconfig", "uname")
# multiprocessing's own ways to start one raise no audit event, but are loaded first.
_SPAWNING = ("popen_forkserver.py", "popen_spawn_posix.py", "popen_spawn_win32.py")


def pytest_addoption() -> None:
    """Note what is loaded from now on; no conftest was before, nor a plugin without `-p`."""
    notes = os.open(os.environ[NOTES], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    noted: set[str] = set()

    def heard(event: str, args: tuple[Any, ...]) -> None:
        line = _line_of(event, args)
        if line is not None and line not in noted:
            noted.add(line)
            with suppress(OSError):  # a test may have closed it
                os.write(notes, os.fsencode(f"{line}\n"))

    sys.addaudithook(heard)


def _line_of(event: str, args: tuple[Any, ...]) -> str | None:
    if event in STARTS:
        named = event in ("subprocess.Popen", "os.posix_spawn")
        program = os.path.basename(os.fsdecode(args[0])) if named else ""
        return None if program in _TOOLS else CHILD
    file = loaded_file(event, args)
    return CHILD if os.path.basename(file or "") in _SPAWNING else file
