"""Threads: which of them keep virtual time from jumping.

A pool's thread that works for a task must be waited for in real time. But one that itself
waits for another thread, in most cases for the loop (`from_thread.run(sleep, 10)`), would
be waited for in vain: the loop must go on. Python does not say what a thread is doing;
its stack does, and a thread counts as waiting once it has stood at the very same place
for a while. Threads that the program started by itself may call into the loop at any
time, or never: they count as I/O does.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Collection, Iterator
from types import FrameType
from weakref import WeakSet

import anyio.to_thread

from ._stacks import module, waits_in

_POOLS = ("anyio", "concurrent", "trio")  # packages whose threads are lent to tasks

Standstill = frozenset[tuple[int, int, int]]


class ThreadWatch:
    """The threads that were started, or lent by a pool, since the run began."""

    def __init__(self) -> None:
        self._before: WeakSet[threading.Thread] = WeakSet()
        self._lent: WeakSet[threading.Thread] = WeakSet()  # known to be a pool's
        lendable = [t for t, stack in self._stacks() if _idle(t, stack, _pool(stack))]
        self._before.update(set(threading.enumerate()) - set(lendable))

    def foreign(self) -> bool:
        """Say whether a thread runs that is no pool's."""
        foreign = False
        for thread, stack in self._stacks(self._lent):
            if _pool(stack) is None:
                foreign = True
            else:
                self._lent.add(thread)
        return foreign

    def standstill(self) -> Standstill | None:
        """Return where the pools' threads stand, if each one waits for another thread."""
        places = set()
        for thread, stack in self._stacks():
            root = _pool(stack)
            if root is None or _idle(thread, stack, root):
                continue
            if not _waits_for_a_thread(stack):
                return None
            places.add((thread.ident or 0, id(stack[0]), stack[0].f_lasti))
        return frozenset(places) or None

    def _stacks(
        self, known: Collection[threading.Thread] = ()
    ) -> Iterator[tuple[threading.Thread, list[FrameType]]]:
        threads = threading.enumerate()
        new = [t for t in threads if t not in self._before and t not in known]
        me = threading.get_ident()
        if new:
            # The documented way to see what another thread is doing.
            frames = sys._current_frames()
            for thread in new:
                frame = frames.get(thread.ident or 0)
                if frame is not None and thread.ident != me:
                    yield thread, list(_walk(frame))


def _walk(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _pool(stack: list[FrameType]) -> FrameType | None:
    """Return the frame in which a pool's thread begins; `None` for any other thread."""
    for frame in reversed(stack):
        if module(frame) != "threading":
            return frame if module(frame).partition(".")[0] in _POOLS else None
    return stack[-1]  # it is still starting


def _idle(thread: threading.Thread, stack: list[FrameType], root: FrameType | None) -> bool:
    """Say whether a thread is a pool's, which begins at `root`, and has nothing to do."""
    if root is None:
        return False
    if _is_anyio_worker(thread):
        return not _has_work(thread)
    return next((f for f in stack if module(f) not in ("threading", "queue")), root) is root


def _waits_for_a_thread(stack: list[FrameType]) -> bool:
    if module(stack[0]) == "threading":  # Event.wait, Future.result, Queue.get, join ...
        return True
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    # trio waits in C code, called from a function of from_thread's own file.
    codes = (trio.from_thread.run.__code__, trio.from_thread.run_sync.__code__)
    for frame in stack:
        if frame.f_code in codes:
            return True
        if frame.f_code.co_filename != codes[0].co_filename:
            return False
    return False


def anyio_threads_awaited(loop: asyncio.AbstractEventLoop) -> bool:
    """Say whether a task of an asyncio loop waits for a call in one of AnyIO's threads.

    A call that was abandoned does not count: nobody waits for it.
    """
    busy = any(
        _is_anyio_worker(thread) and thread.loop is loop and _has_work(thread)  # type: ignore[attr-defined]
        for thread in threading.enumerate()
    )
    code = anyio.to_thread.run_sync.__code__
    return busy and any(waits_in(t.get_coro(), code) for t in asyncio.all_tasks(loop))


# AnyIO tells publicly how many calls its *default* limiter has under way, but nothing of
# those with a limiter of their own. Its worker threads carry a queue whose count of
# unfinished calls includes both; a worker reports its result before it lowers the count.
def _is_anyio_worker(thread: threading.Thread) -> bool:
    kind = type(thread)
    return kind.__module__.partition(".")[0] == "anyio" and kind.__name__ == "WorkerThread"


def _has_work(thread: threading.Thread) -> bool:
    return bool(thread.queue.unfinished_tasks)  # type: ignore[attr-defined]
