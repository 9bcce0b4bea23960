"""Running a coroutine inside one `contextvars.Context`, the very object.

asyncio's `create_task(context=ctx)` runs the task *in* `ctx`; AnyIO and trio run it in a
copy. `in_context` closes the gap on every backend: it stands between the event loop and the
coroutine and enters the context for each step. It shows the coroutine's frames as its own,
so that task dumps read as if it were not there.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from contextvars import Context
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")


class in_context(Generator[Any, Any, T]):  # noqa: N801 - reads as a verb: await in_context(...)
    """Await this to run `coro` to its end, each step inside `context`."""

    __slots__ = ("_context", "_coro")

    def __init__(self, context: Context, coro: Coroutine[Any, Any, T]) -> None:
        self._context = context
        self._coro = coro

    def __await__(self) -> Generator[Any, Any, T]:
        return self

    def __next__(self) -> Any:
        return self._context.run(self._coro.send, None)

    def send(self, value: Any, /) -> Any:
        return self._context.run(self._coro.send, value)

    def throw(self, *error: Any) -> Any:
        return self._context.run(self._coro.throw, *error)

    def close(self) -> None:
        self._context.run(self._coro.close)

    @property
    def cr_frame(self) -> FrameType | None:
        frame: FrameType | None = getattr(self._coro, "cr_frame", None)
        return frame

    @property
    def cr_await(self) -> Any:
        return getattr(self._coro, "cr_await", None)
