"""asyncio's names in plain trio tasks: three of them are replaced while a loop is open.

asyncio's library waits for futures that the loop makes, and those can wait in trio
(`futures.py`). Two things are not made by the loop: the future of `gather()` and the bare
`yield` of `sleep(0)`. Besides, `timeout()`, `wait_for()` and `TaskGroup` ask for asyncio's
current task; in a plain trio task there is none, and their message does not help somebody who
writes for trio.

All three can be reached in `asyncio.tasks` alone. As long as an `EventLoop` is open they are
replaced there by versions that behave differently in plain trio tasks. In an asyncio task, on
any loop, they behave as before.
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
                "here, or do it in asyncio.create_task(...) (`portable docs T5`)"
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
    """Put the replacements in place, if this is the first open loop."""
    global _open_loops
    with _lock:
        _open_loops += 1
        if _open_loops == 1:
            for name, ours in _OURS.items():
                _native[name] = getattr(_tasks, name)
                setattr(_tasks, name, ours)


def loop_closed() -> None:
    """Put asyncio's own back when the last loop has closed, unless others replaced ours."""
    global _open_loops
    with _lock:
        _open_loops -= 1
        if _open_loops == 0:
            for name, ours in _OURS.items():
                if getattr(_tasks, name) is ours:
                    setattr(_tasks, name, _native[name])
