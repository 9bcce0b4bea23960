"""What audit events of Python's say of a process: the files it loads, the children it starts.

A file whose code runs is named by the code itself, however it was found: by an import, by its
path, or as a script. What child processes load is not heard; that there are any is.
"""

from __future__ import annotations

import os
from types import CodeType
from typing import Any

STARTS = frozenset(
    {"subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
)
"""The audit events of a child process."""


def loaded_file(event: str, args: tuple[Any, ...]) -> str | None:
    """Return the path of the file whose code an audit event is about; `None`: there is none."""
    if event != "exec" or not isinstance(args[0], CodeType):
        return None
    name = args[0].co_filename
    return None if name.startswith("<") else os.path.abspath(name)
