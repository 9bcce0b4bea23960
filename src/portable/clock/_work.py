"""Work outside of the loop's thread that tasks await: child processes, other threads' futures.

The stacks of the tasks show who awaits a child process. A future of another thread is noticed
when `asyncio.wrap_future()` asks the loop for a future of its own.
"""

from __future__ import annotations

import asyncio
import asyncio.subprocess
import concurrent.futures
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

import anyio.abc
import anyio.to_process

from ._stacks import await_frames, module

_WRAP_FUTURE = asyncio.wrap_future.__code__
_METHODS = ("wait", "communicate")  # of AnyIO's processes, asyncio's and trio's


class ForeignFutures:
    """The futures of other threads that the tasks of a loop await."""

    def __init__(self) -> None:
        self._futures: set[concurrent.futures.Future[Any]] = set()

    def look(self, caller: FrameType) -> None:
        """Note another thread's future, if the caller of `create_future()` wraps one."""
        if caller.f_code is _WRAP_FUTURE:
            future: concurrent.futures.Future[Any] = caller.f_locals["future"]
            self._futures.add(future)
            future.add_done_callback(self._futures.discard)

    def __bool__(self) -> bool:
        return bool(self._futures)


def await_child_process(coros: Iterable[object]) -> bool:
    """Say whether a suspended coroutine waits for a child process to end or to answer."""
    return any(_is_for_a_child(frame) for coro in coros for frame in await_frames(coro))


def _is_for_a_child(frame: FrameType) -> bool:
    code = frame.f_code
    if code.co_name not in _METHODS:
        return code is anyio.to_process.run_sync.__code__
    trio = sys.modules.get("trio")
    kinds = (anyio.abc.Process, asyncio.subprocess.Process) + ((trio.Process,) if trio else ())
    return isinstance(frame.f_locals.get("self"), kinds)


def await_calls(coros: Iterable[object]) -> bool:
    """Say whether a suspended coroutine waits for calls from other threads, in a portal."""
    return any(
        module(frame) == "anyio.from_thread" for coro in coros for frame in await_frames(coro)
    )


def starts_pool_process(caller: FrameType | None) -> bool:
    """Say whether the caller starts a process of AnyIO's pool, which outlives its work."""
    while caller is not None:
        if module(caller) == anyio.to_process.__name__:
            return True
        caller = caller.f_back
    return False
