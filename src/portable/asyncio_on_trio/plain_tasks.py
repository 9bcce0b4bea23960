"""What plain tasks of trio's find when they use asyncio's names.

Everything that asyncio's library awaits is a future that the loop makes, and those can wait in
trio by themselves (`futures.py`), but for two: the future that `gather()` returns, and the bare
`yield` of `sleep(0)`. And `timeout()`, `wait_for()` and `TaskGroup` ask for the current task of
asyncio's; there is none, and what they say then helps nobody who writes for trio. All three are
reached in `asyncio.tasks` alone. While a loop of ours is open, and no longer, they are replaced
by ones that ask who calls. To tasks of asyncio's, on any loop, the answer makes no difference.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
import threading
import types
from collections.abc import Generator
from typing import Any

import trio

from .futures import in_plain_task, wait_in_trio

_GATHERING, _SLEEP0, _CURRENT = "_GatheringFuture", "__sleep0", "current_task"
_tasks: Any = asyncio.tasks
_native: dict[str, Any] = {
    name: getattr(_tasks, name) for name in (_GATHERING, _SLEEP0, _CURRENT)
}
_Native: Any = _native[_GATHERING]


class _GatheringFuture(_Native):  # type: ignore[misc]
    """The future of `gather()`, which plain trio tasks can await, too."""

    def __await__(self) -> Generator[Any, None, Any]:
        if in_plain_task(self.get_loop()):
            return wait_in_trio(self)
        result: Generator[Any, None, Any] = super().__await__()
        return result

    __iter__ = __await__


_GatheringFuture.__qualname__ = _GatheringFuture.__name__
_GatheringFuture.__module__ = asyncio.tasks.__name__


@types.coroutine
def _sleep0() -> Generator[Any, Any, None]:
    loop = asyncio._get_running_loop()
    if loop is not None and in_plain_task(loop):
        yield from trio.lowlevel.checkpoint().__await__()
    else:
        yield


_ANYIOS_WAY = {
    "asyncio.timeouts": (
        "asyncio.timeout() and wait_for() need",
        "anyio.fail_after() or anyio.move_on_after()",
    ),
    "asyncio.taskgroups": ("asyncio.TaskGroup needs", "anyio.create_task_group()"),
}


def _current_task(loop: Any = None) -> Any:
    task = _native[_CURRENT](loop)
    if task is None:
        running = asyncio._get_running_loop()
        caller = sys._getframe(1).f_globals.get("__name__")
        if caller in _ANYIOS_WAY and running is not None and in_plain_task(running):
            needs, way = _ANYIOS_WAY[caller]
            raise RuntimeError(
                f"{needs} a task of asyncio's, and this is a plain task of trio's; use {way} "
                "here, or do it in asyncio.create_task(...) (T5)"
            )
    return task


_OURS: dict[str, Any] = {
    _GATHERING: _GatheringFuture,
    _SLEEP0: _sleep0,
    _CURRENT: _current_task,
}
_lock = threading.Lock()
_open_loops = 0


def loop_opened() -> None:
    """Put ours in their places, as a loop of ours has come up."""
    global _open_loops
    with _lock:
        _open_loops += 1
        if _open_loops == 1:
            for name, ours in _OURS.items():
                _native[name] = getattr(_tasks, name)
                setattr(_tasks, name, ours)


def loop_closed() -> None:
    """Put back what was there when the last loop of ours is gone, unless others came since."""
    global _open_loops
    with _lock:
        _open_loops -= 1
        if _open_loops == 0:
            for name, ours in _OURS.items():
                if getattr(_tasks, name) is ours:
                    setattr(_tasks, name, _native[name])
