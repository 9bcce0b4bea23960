"""What a test left behind: tasks, threads, coroutines that nobody awaited.

While the test runs, each task, thread and coroutine that comes to be is noted with the lines
that started it. What of it is left when the test has passed makes the test fail. Threads of
a pool that wait for work do not count, nor do coroutines that ended.
"""

from __future__ import annotations

import gc
import inspect
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from types import CoroutineType, FrameType
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import anyio.lowlevel
import pytest

from portable._backends import current_backend

from ._stacks import DEPTH, caller, origin, position, told_again

if TYPE_CHECKING:
    import asyncio

# How often a task that was cancelled, or is about to end, may go on before it counts as left.
_GRACE = 10
_NEVER_AWAITED = "coroutine .* was never awaited"

# A thread that is about to end, or has just done its work, is waited for so often, so long.
_LOOKS, _SECONDS = 20, 0.01

# The functions that the threads of a pool run, and what they call to do some work. AnyIO's
# call it at once; when they have none, they call a queue.
# None of the three libraries tells which of its threads has work; all the stack shows it.
_POOLS = {
    ("anyio._backends._asyncio", "WorkerThread.run"): None,
    ("concurrent.futures.thread", "_worker"): "_WorkItem.run",
    ("trio._core._thread_cache", "WorkerThread._work"): "WorkerThread._handle_job",
}


class Leaks:
    """What one test has left behind.

    Attributes:
        found: a text for each.
    """

    def __init__(self) -> None:
        self.found: list[str] = []

    @asynccontextmanager
    async def tasks(self) -> AsyncIterator[None]:
        """Look for tasks, from inside the event loop."""
        watch = _trio_tasks if current_backend() == "trio" else _asyncio_tasks
        with watch() as left:
            yield
            for _ in range(_GRACE):
                if not left():
                    break
                await anyio.lowlevel.checkpoint()
            for name, started in left():
                self.found.append(f"task {name!r}, started at\n{started}")

    @contextmanager
    def threads_and_coroutines(self) -> Iterator[None]:
        """Look for the rest, from outside."""
        working = {thread for thread in threading.enumerate() if _is_working(thread)}
        with _threads() as started, _coroutines(self.found):
            yield

        def busy(thread: threading.Thread) -> bool:
            return _is_working(thread) or (thread in started and not _is_pooled(thread))

        for _ in range(_LOOKS):
            left = [thread for thread in set(threading.enumerate()) - working if busy(thread)]
            if not left:
                break
            left[0].join(_SECONDS)
        for thread in left:
            frame = _frame(thread)
            if thread in started and not _is_pooled(thread):
                self.found.append(f"thread {thread.name!r}, started at\n{started[thread]}")
            elif frame is not None:
                where = position(frame)
                self.found.append(f"thread {thread.name!r}, still at work at\n{where}")

    def report(self) -> None:
        """Fail the test if there is anything."""
        if self.found:
            pytest.fail("left behind by the test:\n" + "\n".join(self.found), pytrace=False)


@contextmanager
def _asyncio_tasks() -> Iterator[Callable[[], list[tuple[str, str]]]]:
    import asyncio

    loop = asyncio.get_running_loop()
    before = asyncio.all_tasks()
    started: WeakKeyDictionary[asyncio.Task[Any], str] = WeakKeyDictionary()
    factory = loop.get_task_factory()

    def noted(make: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any, **kwargs: Any) -> Any:
            task = make(*args, **kwargs)
            started[task] = caller()
            return task

        return noting

    def plain(loop: asyncio.AbstractEventLoop, coro: Any, **kwargs: Any) -> Any:
        return asyncio.Task(coro, loop=loop, **kwargs)

    loop.set_task_factory(_eager(factory, noted) or noted(factory or plain))
    try:
        yield lambda: _left(asyncio.all_tasks() - before, started)
    finally:
        loop.set_task_factory(factory)


def _left(
    tasks: set[asyncio.Task[Any]], started: Mapping[asyncio.Task[Any], str]
) -> list[tuple[str, str]]:
    """Return each task's name and where it was started, those that were noted in order."""
    noted = [task for task in list(started) if task in tasks]
    return [
        (_asyncio_name(task), started.get(task, repr(task.get_coro())))
        for task in [*noted, *tasks.difference(noted)]
    ]


def _eager(factory: Any, noted: Callable[..., Any]) -> Any:
    """Return an eager factory that notes its tasks in place of one that does not.

    AnyIO knows a factory that is asyncio's own by its code, and has it start no task eagerly.
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
def _trio_tasks() -> Iterator[Callable[[], list[tuple[str, str]]]]:
    import trio

    from portable.clock._trio_tasks import is_worker_or_pump

    started: dict[trio.lowlevel.Task, str] = {}

    class Noting(trio.abc.Instrument):
        def task_spawned(self, task: trio.lowlevel.Task) -> None:
            if not is_worker_or_pump(task):
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


@contextmanager
def _tasks_of_asyncios_on_trio() -> Iterator[Callable[[], list[tuple[str, str]]]]:
    import asyncio

    from portable.asyncio_on_trio import current_loop

    loop: Any = current_loop()
    if loop is None:
        yield list
        return
    before = asyncio.all_tasks(loop)
    started: WeakKeyDictionary[asyncio.Task[Any], str] = WeakKeyDictionary()
    create_task = loop.create_task

    def noting(*args: Any, **kwargs: Any) -> Any:
        task = create_task(*args, **kwargs)
        started[task] = caller()
        return task

    # Not by a factory, as on asyncio: it would have to make this loop's own kind of tasks.
    loop.create_task = noting
    try:
        yield lambda: _left(asyncio.all_tasks(loop) - before, started)
    finally:
        del loop.create_task


@contextmanager
def _threads() -> Iterator[Mapping[threading.Thread, str]]:
    """Note which threads are started, and where; none is kept alive by that."""
    started: WeakKeyDictionary[threading.Thread, str] = WeakKeyDictionary()
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
    """Say whether a thread belongs to a pool, where it waits for work when it has none."""
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


@contextmanager
def _coroutines(found: list[str]) -> Iterator[None]:
    """Note coroutines that nobody awaited: those that are gone, and those still held."""
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(DEPTH)
    with warnings.catch_warnings():
        warnings.filterwarnings("always", _NEVER_AWAITED, RuntimeWarning)
        show = warnings.showwarning

        def noting(message: Any, category: Any, *args: Any, **kwargs: Any) -> None:
            text = str(message)
            if category is RuntimeWarning and "was never awaited" in text:
                found.append(f"{text.splitlines()[0]}, made at\n{told_again(text)}")
            else:
                show(message, category, *args, **kwargs)

        warnings.showwarning = noting
        try:
            yield
            gc.collect()
            for coro in _unstarted():
                name = coro.__qualname__
                found.append(f"coroutine {name!r} was never awaited, made at\n{origin(coro)}")
                coro.close()
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)


def _unstarted() -> list[CoroutineType[Any, Any, Any]]:
    return [
        thing
        for thing in gc.get_objects()
        if type(thing) is CoroutineType
        and thing.cr_origin is not None
        and inspect.getcoroutinestate(thing) == inspect.CORO_CREATED
    ]
