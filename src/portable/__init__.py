"""asyncio's task patterns on any event loop.

Every public name stands for asyncio's name or meaning and behaves the same on asyncio,
uvloop and trio. Names are loaded when they are first used, so that `import portable` costs
what `import anyio` costs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._ambient import create_task
    from ._backends import current_backend
    from ._cancelled import CancelledError
    from ._completing import as_completed
    from ._errors import (
        BackendNotInstalledError,
        DeadlockError,
        InvalidStateError,
        MissingDependencyError,
        TaskCancelled,
        UnknownBackendError,
    )
    from ._gathering import gather, race
    from ._groups import Supervisor, TaskGroup
    from ._mapping import amap, amap_unordered
    from ._running import run
    from ._shielding import shield
    from ._tasks import Task, current_task
    from ._threads import to_thread
    from ._timeouts import Timeout, current_time, sleep, timeout, timeout_at, wait_for
    from ._waiting import ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION, wait

__all__ = [
    "ALL_COMPLETED",
    "FIRST_COMPLETED",
    "FIRST_EXCEPTION",
    "BackendNotInstalledError",
    "CancelledError",
    "DeadlockError",
    "InvalidStateError",
    "MissingDependencyError",
    "Supervisor",
    "Task",
    "TaskCancelled",
    "TaskGroup",
    "Timeout",
    "UnknownBackendError",
    "amap",
    "amap_unordered",
    "as_completed",
    "create_task",
    "current_backend",
    "current_task",
    "current_time",
    "gather",
    "race",
    "run",
    "shield",
    "sleep",
    "timeout",
    "timeout_at",
    "to_thread",
    "wait",
    "wait_for",
]

_MODULES = {
    "_ambient": ("create_task",),
    "_backends": ("current_backend",),
    "_cancelled": ("CancelledError",),
    "_completing": ("as_completed",),
    "_errors": (
        "BackendNotInstalledError",
        "DeadlockError",
        "InvalidStateError",
        "MissingDependencyError",
        "TaskCancelled",
        "UnknownBackendError",
    ),
    "_gathering": ("gather", "race"),
    "_groups": ("Supervisor", "TaskGroup"),
    "_mapping": ("amap", "amap_unordered"),
    "_running": ("run",),
    "_shielding": ("shield",),
    "_tasks": ("Task", "current_task"),
    "_threads": ("to_thread",),
    "_timeouts": ("Timeout", "current_time", "sleep", "timeout", "timeout_at", "wait_for"),
    "_waiting": ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION", "wait"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
