"""Leaks of a test: tasks, threads and coroutines that it leaves behind.

While the test runs, each new task, thread and coroutine is noted with the stack that started
it. The test fails if any is left at its end. Idle threads of a pool are no leak, nor is a
coroutine that has ended.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import anyio.lowlevel
import pytest

from portable._backends import current_backend

from ._coroutines import Heap, unawaited_coroutines
from ._stacks import Trail, caller, position

if TYPE_CHECKING:
    import asyncio

    import trio

# A test that does not use it need not pay for its import.
_ASYNCIO_ON_TRIO = "portable.asyncio_on_trio"

# A task that was cancelled, or is about to end, gets so many checkpoints before it is a leak.
_GRACE = 10

# A thread that is about to end, or to become idle, is waited for so often, each time so long.
_LOOKS, _SECONDS = 20, 0.01

# The function at the bottom of a pool thread's stack, and the function that it calls to do some
# work. `None`: AnyIO's thread calls the work directly, and a queue while it is idle.
# No library says which of its threads are idle; the stacks show it in all three.
_POOLS = {
    ("anyio._backends._asyncio", "WorkerThread.run"): None,
    ("concurrent.futures.thread", "_worker"): "_WorkItem.run",
    ("trio._core._thread_cache", "WorkerThread._work"): "WorkerThread._handle_job",
}


class Leaks:
    """Looks for what one test leaves behind.

    Args:
        heap: sets aside what was there before the test.

    Attributes:
        found: the leaks, a text for each.
    """

    def __init__(self, heap: Heap) -> None:
        self.found: list[str] = []
        self._heap = heap

    @asynccontextmanager
    async def tasks(self) -> AsyncIterator[None]:
        """Look for tasks that the block leaves; to be entered inside the event loop."""
        watch = _trio_tasks if current_backend() == "trio" else _asyncio_tasks
        with watch() as left:
            yield
            for _ in range(_GRACE):
                if not left():
                    break
                await anyio.lowlevel.checkpoint()
            for name, started in left():
                self.found.append(f"task {name!r}, started at\n{started.render()}")

    @contextmanager
    def threads_and_coroutines(self) -> Iterator[None]:
        """Look for threads and coroutines that the block leaves; outside the event loop."""
        working = {thread for thread in threading.enumerate() if _is_working(thread)}
        with _threads() as started, unawaited_coroutines(self.found, self._heap):
            yield

        def busy(thread: threading.Thread) -> bool:
            return _is_working(thread) or (thread in started and not _is_pooled(thread))

        for look in range(_LOOKS):
            left = [thread for thread in set(threading.enumerate()) - working if busy(thread)]
            if not left:
                break
            if look == 1:
                gc.collect(1)  # a thread may end as soon as its owner is gone
            left[0].join(_SECONDS)
        for thread in left:
            frame = _frame(thread)
            if thread in started and not _is_pooled(thread):
                where = started[thread].render()
                self.found.append(f"thread {thread.name!r}, started at\n{where}")
            elif frame is not None:
                where = position(frame)
                self.found.append(f"thread {thread.name!r}, still at work at\n{where}")

    def report(self) -> None:
        """Fail the test if there are leaks."""
        if self.found:
            pytest.fail("left behind by the test:\n" + "\n".join(self.found), pytrace=False)


@contextmanager
def _asyncio_tasks() -> Iterator[Callable[[], list[tuple[str, Trail]]]]:
    import asyncio

    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()
    started: WeakKeyDictionary[asyncio.Task[Any], Trail] = WeakKeyDictionary()
    factory = loop.get_task_factory()

    def noted(make: Callable[..., Any]) -> Callable[..., Any]:
        return _noting(make, started)

    def plain(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> Any:
        return asyncio.Task(coro, loop=loop, **kwargs)

    loop.set_task_factory(_eager(factory, noted) or noted(factory or plain))
    try:
        yield lambda: _left(asyncio.all_tasks() - before, started)
    finally:
        loop.set_task_factory(factory)


def _noting(
    make: Callable[..., Any], started: MutableMapping[asyncio.Task[Any], Trail]
) -> Callable[..., Any]:
    """Return a function that makes a task, and notes who has called it."""

    def noting(*args: Any, **kwargs: Any) -> Any:
        task = make(*args, **kwargs)
        started[task] = caller()
        return task

    return noting


def _left(
    tasks: set[asyncio.Task[Any]], started: Mapping[asyncio.Task[Any], Trail]
) -> list[tuple[str, Trail]]:
    """Return each task's name and where it was started; the noted tasks first, in order."""
    noted = [task for task in list(started) if task in tasks]
    return [
        (_asyncio_name(task), started.get(task) or Trail(text=repr(task.get_coro())))
        for task in [*noted, *tasks.difference(noted)]
    ]


def _eager(factory: Any, noted: Callable[..., Any]) -> Any:
    """Return asyncio's eager task factory with a constructor that notes its tasks.

    `None`: the factory is not asyncio's eager one. AnyIO recognises that one by its code object
    and then starts no task of its own eagerly, so a wrapper in its place would change AnyIO.
    """
    if sys.version_info >= (3, 12):
        import asyncio

        if getattr(factory, "__code__", None) is asyncio.eager_task_factory.__code__:
            constructor = factory.__closure__[0].cell_contents
            return asyncio.create_eager_task_factory(noted(constructor))
    return None


def _asyncio_name(task: asyncio.Task[Any]) -> str:
    """Return the name of a task; Python 3.13.0 to 3.13.2 calls those of a factory 'None'."""
    name = task.get_name()
    return getattr(task.get_coro(), "__qualname__", name) if name == "None" else name


@contextmanager
def _trio_tasks() -> Iterator[Callable[[], list[tuple[str, Trail]]]]:
    import trio

    started: dict[trio.lowlevel.Task, Trail] = {}

    class Noting(trio.abc.Instrument):
        def task_spawned(self, task: trio.lowlevel.Task) -> None:
            if not _is_portables_own(task):
                started[task] = caller()

        def task_exited(self, task: trio.lowlevel.Task) -> None:
            started.pop(task, None)

    instrument = Noting()
    trio.lowlevel.add_instrument(instrument)
    try:
        with _tasks_of_asyncios_on_trio() as left:
            yield lambda: [*left(), *((task.name, where) for task, where in started.items())]
    finally:
        trio.lowlevel.remove_instrument(instrument)


def _is_portables_own(task: trio.lowlevel.Task) -> bool:
    """Say whether a trio task only serves asyncio's loop on trio."""
    if _ASYNCIO_ON_TRIO not in sys.modules:
        return False
    from portable.clock._trio_tasks import is_worker_or_pump

    return is_worker_or_pump(task)


@contextmanager
def _tasks_of_asyncios_on_trio() -> Iterator[Callable[[], list[tuple[str, Trail]]]]:
    loop: Any = None
    if _ASYNCIO_ON_TRIO in sys.modules:
        from portable.asyncio_on_trio import current_loop

        loop = current_loop()
    if loop is None:
        yield list
        return
    import asyncio

    before = asyncio.all_tasks(loop)
    started: WeakKeyDictionary[asyncio.Task[Any], Trail] = WeakKeyDictionary()
    # A task factory, as on asyncio, would have to make tasks of this loop's own class.
    loop.create_task = _noting(loop.create_task, started)
    try:
        yield lambda: _left(asyncio.all_tasks(loop) - before, started)
    finally:
        del loop.create_task


@contextmanager
def _threads() -> Iterator[Mapping[threading.Thread, Trail]]:
    """Note the threads that the block starts, and where; the notes keep no thread alive."""
    started: WeakKeyDictionary[threading.Thread, Trail] = WeakKeyDictionary()
    start = threading.Thread.start

    def noting(thread: threading.Thread) -> None:
        started[thread] = caller()
        start(thread)

    patched: Any = threading.Thread
    patched.start = noting
    try:
        yield started
    finally:
        patched.start = start


def _frame(thread: threading.Thread) -> FrameType | None:
    return sys._current_frames().get(thread.ident or 0)


def _is_pooled(thread: threading.Thread) -> bool:
    """Say whether a thread belongs to a pool, idle or not."""
    frame = _frame(thread)
    while frame is not None and _place(frame) not in _POOLS:
        frame = frame.f_back
    return frame is not None


def _is_working(thread: threading.Thread) -> bool:
    """Say whether a thread of a pool is at work."""
    frame = _frame(thread)
    callee: FrameType | None = None
    while frame is not None and _place(frame) not in _POOLS:
        callee, frame = frame, frame.f_back
    if frame is None:
        return False
    work = _POOLS[_place(frame)]
    if work is None:
        return callee is None or callee.f_globals.get("__name__") != "queue"
    return callee is not None and callee.f_code.co_qualname == work


def _place(frame: FrameType) -> tuple[str, str]:
    return frame.f_globals.get("__name__", ""), frame.f_code.co_qualname
