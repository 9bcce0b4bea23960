"""`as_completed()`: tasks one by one, in the order in which they end.

Each task that ends is put in line by its done callback; whoever asks for the next one waits
for an event of its own, so that several who wait are served in the order in which they
came. The tasks of coroutines belong to the ambient supervisor or, in the `async with` form,
to one of their own that ends with the block.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Coroutine, Iterable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anyio

from ._ambient import ambient
from ._arguments import check_awaitables, check_kinds, close_all, coroutine_of
from ._backends import running_loop
from ._checks import time_limit
from ._children import caller_message
from ._groups import Supervisor
from ._tasks import Task

T = TypeVar("T")


class AsCompleted(Generic[T]):
    """What `as_completed()` returns: to be iterated, or opened as a block and iterated."""

    def __init__(self, aws: Iterable[Awaitable[T]], deadline: float) -> None:
        self._aws: list[Awaitable[T]] | None = list(dict.fromkeys(aws))
        self._deadline = deadline
        self._left = len(self._aws)
        self._pending: set[Task[T]] = set()
        self._ended: deque[Task[T]] = deque()
        self._waiting: deque[anyio.Event] = deque()
        self._block: Supervisor | None = None

    # -- beginning ---------------------------------------------------------------------

    def _begin(self, supervisor: Supervisor | None) -> None:
        """Make tasks of the coroutines and listen to all; only the first time."""
        if self._aws is None:
            return
        aws, self._aws = self._aws, None
        check_awaitables("as_completed", "aws", aws)
        if supervisor is None and not all(isinstance(aw, Task) for aw in aws):
            close_all(aws)
            raise RuntimeError(
                "as_completed(): aws: there is no portable.run() under way in this thread to "
                "own the tasks of coroutines; start the program with portable.run(main), or "
                "write `async with as_completed(...) as finished:`, which owns them"
            )
        for aw in aws:
            if isinstance(aw, Task):
                task = aw
            else:
                assert supervisor is not None
                task = supervisor.create_task(coroutine_of(aw))
            if task.done():
                self._ended.append(task)
            else:
                self._pending.add(task)
                task.add_done_callback(self._task_ended)

    def _task_ended(self, task: Task[T]) -> None:
        self._pending.discard(task)
        # What ends when the time is up comes too late, even if nobody has asked since.
        if self._deadline == math.inf or anyio.current_time() < self._deadline:
            self._ended.append(task)
            self._wake_next()

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting.popleft().set()

    # -- one after the other -----------------------------------------------------------

    async def _next(self) -> Task[T]:
        """Return the next task that has ended, or raise `TimeoutError`."""
        while not self._ended:
            woken = anyio.Event()
            self._waiting.append(woken)
            try:
                with anyio.CancelScope(deadline=self._deadline) as scope:
                    await woken.wait()
            except BaseException:
                if self._ended:
                    self._wake_next()  # it was this one's turn, and shall be another's
                raise
            finally:
                if not woken.is_set():
                    self._waiting.remove(woken)
            if scope.cancelled_caught and not self._ended:
                self._stop_listening()
                raise TimeoutError
        return self._ended.popleft()

    async def _next_result(self) -> T:
        return await (await self._next())

    def _stop_listening(self) -> None:
        for task in self._pending:
            task.remove_done_callback(self._task_ended)

    def __aiter__(self) -> Self:
        self._begin(ambient.supervisor)
        return self

    async def __anext__(self) -> Task[T]:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return await self._next()

    def __iter__(self) -> Self:
        self._begin(ambient.supervisor)
        return self

    def __next__(self) -> Coroutine[Any, Any, T]:
        if not self._left:
            raise StopIteration
        self._left -= 1
        return self._next_result()

    # -- the block ---------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        if self._aws is None:
            raise RuntimeError(
                "as_completed(): it has begun already; open the block first: "
                "`async with as_completed(...) as finished:`, then iterate over `finished`"
            )
        try:
            block = Supervisor()
            await block.__aenter__()
        except BaseException:
            close_all(self._aws)
            raise
        self._block = block
        try:
            self._begin(block)
        except BaseException as error:
            await block.__aexit__(type(error), error, error.__traceback__)
            raise
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        assert self._block is not None
        self._stop_listening()
        rest = list(self._pending)
        message = self._block.message = caller_message()
        for task in rest:
            task.cancel(message)
        self._block._shut_down()
        with anyio.CancelScope(shield=True):
            for task in rest:
                while not task.done():
                    await task._handle.wait()
        return await self._block.__aexit__(exc_type, exc, traceback)


def as_completed(
    aws: Iterable[Awaitable[T]], *, timeout: float | None = None
) -> AsCompleted[T]:
    """Get tasks one by one, in the order in which they end.

    Stands for `asyncio.as_completed()`, in its forms and one more:

    - `async for task in as_completed(aws):` gives tasks that have ended, failed ones too:
      the very objects of `aws` where those are tasks. (asyncio has it since Python 3.13.)
    - `for coro in as_completed(aws): result = await coro` gives coroutines; each waits for
      the next task to end and gives its result or raises its exception.
    - `async with as_completed(aws) as finished:` and one of the loops over `finished` inside.
      Leaving the block cancels what has not ended, coroutines and tasks, and awaits its end
      (D5). It needs no `run()`.

    Without the block, coroutines become tasks of `run()`, as by `create_task()`, and those
    that are left over when the loop is left go on.

    Args:
        aws: coroutines, tasks, anything that can be awaited; the same one twice comes once.
        timeout: seconds from now until `TimeoutError` is raised at whoever waits for the
            next one; `None` for no limit. It cancels nothing.

    Returns:
        What to iterate over, or to open as a block.

    Raises:
        TimeoutError: (in the loop) the time is up and not all have ended.
        TypeError: `aws` is not a collection of awaitables.
        ValueError: `timeout` is NaN, or one of `aws` is a task of another run.
        RuntimeError: a coroutine has been used before, no event loop runs here, or there is
            nothing to own the tasks of coroutines.

    Differences from asyncio: D4, D5 (of the block), D6 (a failed task that comes has not been
    seen before it is awaited or asked), D7.

    Example:
        >>> import portable
        >>> async def fetch(number):
        ...     await portable.sleep(number)
        ...     return number
        >>> async def main():
        ...     async with portable.as_completed(fetch(n) for n in (3, 1, 9)) as finished:
        ...         async for task in finished:
        ...             print(await task, "after", portable.current_time())
        ...             if task.result() == 3:
        ...                 break
        >>> portable.run(main, virtual_time=True)
        1 after 1.0
        3 after 3.0
    """
    try:
        running_loop("as_completed")
        # A future of asyncio's is iterable too: that is how it is awaited.
        if isinstance(aws, Awaitable) or not isinstance(aws, Iterable):
            raise TypeError(
                f"as_completed(): aws must be a collection of awaitables, got {aws!r}; "
                "write as_completed([first(), second()])"
            )
    except BaseException:
        close_all([aws])
        raise
    aws = list(aws)
    check_kinds("as_completed", "aws", aws)
    try:
        limit = time_limit("as_completed", "timeout", timeout)
        deadline = math.inf if limit is None else anyio.current_time() + limit
        return AsCompleted(aws, deadline)
    except BaseException:
        close_all(aws)
        raise
