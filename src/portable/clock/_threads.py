"""Threads: which of them keep virtual time from jumping.

If a pool's thread works for a task, it must be waited for in real time. But if that thread
itself waits for another one, mostly for the loop (`from_thread.run(sleep, 10)`), the loop must
go on. Python does not say what a thread is doing, but its stack shows it: a thread counts as
waiting once its stack has not changed for a while. It may also wait in C code, for a lock that
a sleeping thread or a task has, say; then time passes as in reality. Threads that the program
started by itself may call into the loop at any time, or never; they count like I/O.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from types import CellType, CodeType, FrameType, FunctionType, ModuleType
from typing import NamedTuple
from weakref import WeakSet

import anyio.to_thread

from ._stacks import module, waits_in

_POOLS = ("anyio", "concurrent", "trio")  # packages whose threads are lent to tasks

# Whose threads wait for one child process each, on Python 3.11.
_CHILD_WATCHER = "asyncio.unix_events"

# How far to follow references from a thread's variables, and over how many objects at most.
_DEPTH, _OBJECTS = 8, 3000
# A future leads to the loop of whoever awaits it, but those are counted by `ForeignFutures`.
_NOT_FOLLOWED = (type, ModuleType, CodeType, FrameType, Future, str, bytes, int, float)


class Standstill(NamedTuple):
    """Where the stacks of the threads at work stand; the same twice if none has moved.

    Attributes:
        places: each thread, its innermost frame and instruction, and its processor time.
        for_threads: whether each waits for another thread, as far as its stack shows it. What
            waits in C code does not show it: for a lock, or for I/O.
    """

    places: frozenset[tuple[int, ...]]
    for_threads: bool


class ThreadWatch:
    """The threads of the program: those started, or lent by a pool, since the run began.

    Args:
        asleep: the threads that wait for virtual time to move; it changes with time.
    """

    def __init__(self, asleep: Collection[int]) -> None:
        self._asleep = asleep
        self._before: WeakSet[threading.Thread] = WeakSet()
        self._lent: WeakSet[threading.Thread] = WeakSet()  # known to be a pool's
        lendable = [t for t, stack in self._stacks() if _idle(t, stack, _pool(stack))]
        self._before.update(set(threading.enumerate()) - set(lendable))

    def foreign(self) -> list[str]:
        """Return the names of the threads that run and belong to no pool."""
        foreign = []
        for thread, stack in self._stacks(without=self._lent):
            if _pool(stack) is not None:
                self._lent.add(thread)
            elif thread.ident not in self._asleep:
                foreign.append(thread.name)
        return foreign

    def at_work(self) -> bool:
        """Say whether a thread seems to work, and not to wait for another one."""
        # What sleeps in virtual time waits for the run, which is another thread.
        return any(
            not _idle(thread, stack, _pool(stack)) and not _waits_for_a_thread(stack)
            for thread, stack in self._stacks()
        )

    def all_asleep(self, working: int) -> bool:
        """Say whether as many threads of pools as are working wait for virtual time to move."""
        if not self._asleep:
            return False
        asleep = [thread for thread, stack in self._stacks() if _pool(stack) is not None]
        return sum(thread.ident in self._asleep for thread in asleep) >= working

    def anyone(self) -> bool:
        """Say whether any other thread of the process is at work, whoever started it."""
        return any(
            thread.ident not in self._asleep and not _idle(thread, stack, _pool(stack))
            for thread, stack in self._stacks(also=threading.enumerate())
        )

    def callers(self, home: object) -> set[threading.Thread]:
        """Return the threads at work that could call into the run.

        Args:
            home: the object that they need for it: the loop, or the run's trio token. AnyIO's
                portals and tokens refer to it.
        """
        found = set()
        for thread, stack in self._stacks():
            root = _pool(stack)
            if root is None:
                if any(module(frame) == _CHILD_WATCHER for frame in stack):
                    continue  # it waits for a child process; `children` counts those
            elif module(root).partition(".")[0] != "concurrent" or _idle(thread, stack, root):
                continue  # a pool's thread counts only while a task waits for it
            if thread.ident not in self._asleep and _holds(stack, home):
                found.add(thread)
        return found

    @staticmethod
    def main() -> set[threading.Thread]:
        """Return the main thread, if the run is in another one: mostly it has the portal."""
        main = threading.main_thread()
        return set() if main is threading.current_thread() else {main}

    def standstill(self, callers: Collection[threading.Thread] = ()) -> Standstill | None:
        """Return where the stacks of the threads at work stand; `None`: none is at work.

        Args:
            callers: threads to look at beside those of pools.
        """
        places: set[tuple[int, ...]] = set()
        for_threads = True
        for thread, stack in self._stacks(also=callers):
            root = _pool(stack)
            if thread not in callers and (root is None or _idle(thread, stack, root)):
                continue
            if thread.ident in self._asleep:
                places.add((thread.ident or 0,))
                continue
            for_threads = for_threads and _waits_for_a_thread(stack)
            place = (id(stack[0]), stack[0].f_lasti)
            places.add((thread.ident or 0, *place, _processor_time(thread.native_id)))
        return Standstill(frozenset(places), for_threads) if places else None

    def _stacks(
        self,
        *,
        without: Collection[threading.Thread] = (),
        also: Collection[threading.Thread] = (),
    ) -> Iterator[tuple[threading.Thread, list[FrameType]]]:
        """Yield the other threads that were started or lent since the run began, with stacks.

        Args:
            without: threads to leave out.
            also: older threads to yield as well.
        """
        wanted = [
            thread
            for thread in threading.enumerate()
            if thread in also or (thread not in self._before and thread not in without)
        ]
        me = threading.get_ident()
        if wanted:
            # The documented way to get the stack of another thread.
            frames = sys._current_frames()
            for thread in wanted:
                frame = frames.get(thread.ident or 0)
                if frame is not None and thread.ident != me:
                    yield thread, list(_walk(frame))


# Modules in whose functions threads wait for work, or for another thread.
_WAITS = ("threading", "queue", "concurrent.futures.thread", "selectors")
_WAITS_IN_TRIO = "trio._core._thread_cache"


def stands_still(thread: int, below: CodeType) -> bool:
    """Say whether a thread has ended, or waits in another function than that of the code."""
    stack = list(_walk(sys._current_frames().get(thread)))
    if not stack:
        return True
    if any(frame.f_code is below for frame in stack):
        return False
    return module(stack[0]) in (*_WAITS, _WAITS_IN_TRIO)


def is_spare_of_trio(thread: int) -> bool:
    """Say whether a thread is one that trio keeps for its next call, with nothing to do now."""
    frame = sys._current_frames().get(thread)
    # It waits in C code; a call that it makes has a frame of its own, or one above that.
    return frame is not None and (module(frame), frame.f_code.co_name) == (
        _WAITS_IN_TRIO,
        "_work",
    )


def _processor_time(native_id: int | None) -> int:
    """Return the processor time of a thread, in hundredths of a second; 0: it is not known.

    Its stack does not show that it computes: a loop gives way to other threads at one and the
    same instruction. Python has a clock of each thread (`time.pthread_getcpuclockid()`), but a
    thread that has just ended must not be asked for it.
    """
    try:
        with open(f"/proc/self/task/{native_id}/schedstat", "rb") as file:
            return int(file.read().split()[0]) // 10_000_000
    except (OSError, ValueError, IndexError):  # another system, or the thread has ended
        return 0


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
    """Say whether a thread belongs to a pool and has no work; its stack begins at `root`."""
    if root is None:
        return False
    if _is_anyio_worker(thread):
        return not _has_work(thread)
    return next((f for f in stack if module(f) not in ("threading", "queue")), root) is root


def _holds(stack: list[FrameType], home: object) -> bool:
    """Say whether the variables of a stack lead to an object, within a few steps."""
    seen: set[int] = set()
    found: list[object] = [
        value
        for frame in stack
        if module(frame) != "threading" or frame.f_code.co_name == "run"
        for value in list(frame.f_locals.values())
    ]
    for _ in range(_DEPTH):
        new = []
        for one in found:
            if one is home:
                return True
            if id(one) not in seen and not isinstance(one, _NOT_FOLLOWED):
                seen.add(id(one))
                new.append(one)
        if len(seen) > _OBJECTS:
            return False
        found = [thing for one in new for thing in _referents(one)]
    return False


def _referents(one: object) -> list[object]:
    if isinstance(one, FunctionType):  # its globals would lead to the whole module
        return [cell.cell_contents for cell in one.__closure__ or () if _is_full(cell)] + [
            *(one.__defaults__ or ())
        ]
    return gc.get_referents(one)


def _is_full(cell: CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


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


def anyio_threads_awaited(loop: asyncio.AbstractEventLoop) -> int:
    """Return how many of AnyIO's threads work for a waiting task of an asyncio loop.

    A call that was abandoned does not count: nobody waits for it.
    """
    busy = sum(
        _is_anyio_worker(thread) and thread.loop is loop and _has_work(thread)  # type: ignore[attr-defined]
        for thread in threading.enumerate()
    )
    code = anyio.to_thread.run_sync.__code__
    awaited = busy and any(waits_in(t.get_coro(), code) for t in asyncio.all_tasks(loop))
    return busy if awaited else 0


# In public AnyIO counts the calls of its *default* limiter only, not those with a limiter of
# their own. The queue of each worker thread counts both as unfinished; a worker reports its
# result before it lowers that count.
def _is_anyio_worker(thread: threading.Thread) -> bool:
    kind = type(thread)
    return kind.__module__.partition(".")[0] == "anyio" and kind.__name__ == "WorkerThread"


def _has_work(thread: threading.Thread) -> bool:
    return bool(thread.queue.unfinished_tasks)  # type: ignore[attr-defined]
