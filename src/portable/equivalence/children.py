"""The child processes of a run that have not ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

# Those that the standard library keeps for itself.
_MACHINERY = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


def children_left() -> list[int] | None:
    """Return the ids of the children that still run; `None`: this system does not tell."""
    threads = Path("/proc/self/task")
    if not threads.is_dir():
        return None
    found = []
    for thread in threads.iterdir():
        with suppress(OSError):
            found += [int(one) for one in (thread / "children").read_text().split()]
    return [one for one in sorted(set(found)) if _runs(one)]


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        command = Path(f"/proc/{process}/cmdline").read_text("utf-8", "replace")
    except OSError:
        return False
    return state != "Z" and not any(name in command for name in _MACHINERY)


def end_children() -> None:
    """End them at once: a run leaves nobody behind who could disturb the next one."""
    for process in children_left() or ():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(process, signal.SIGKILL)
