"""The stand-in for asyncio's event loop object, as far as portable can answer for one.

Running a coroutine, making a task, reading the clock and calling a function later have a
meaning under `portable.run()`; they are scaffolding in most tests. Whatever is about the
loop itself is refused. Time is virtual: it jumps instead of following the test's script.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import portable

from . import futures, stage

TURNS = 25
"""After so many turns of the event loop everything that could run has run."""

_IGNORED = {"slow_callback_duration"}
_SCAFFOLDING = {"create_future"}  # tests put a helper of their own in its place


class Loop:
    """Stands for an event loop; all of them are the one that runs."""

    def __init__(self, origin: float | None = None) -> None:
        start = portable.current_time() if origin is None else origin
        self.__dict__["_origin"] = start
        stage.current().loops.append(self)

    async def run_until_complete(self, aw: Any) -> Any:
        """Run something to its end. The tests' calls are made to await this."""
        aw = futures.plain(aw)
        if isinstance(aw, futures.Future):
            return await aw
        if not isinstance(aw, Awaitable):
            raise TypeError(f"not awaitable: {aw!r}")
        stage.judged()
        result = await portable.create_task(futures.as_coroutine(aw))
        if isinstance(result, futures.Deferred):
            result.task()  # asyncio's had begun when it was made
        return result

    def create_task(self, coro: Any, *, name: Any = None, context: Any = None) -> Any:
        stage.judged()
        return portable.create_task(coro, name=name, context=context)

    def create_future(self) -> Any:
        return futures.Future()

    def time(self) -> float:
        return portable.current_time() - self._origin

    def advance_time(self, seconds: float) -> None:
        if seconds:
            stage.current().clock.advance(seconds)

    def call_soon(self, fn: Callable[..., object], *args: object) -> None:
        futures.call_soon(fn, *args)

    def call_later(self, delay: float, fn: Callable[..., object], *args: object) -> Any:
        return futures.call_later(delay, fn, *args)

    def set_task_factory(self, factory: object) -> None:
        """The tests' own factory makes the tasks that portable makes anyway."""

    def set_debug(self, enabled: bool) -> None:
        if enabled:
            stage.refuse("loop.set_debug()")

    def close(self) -> None:
        """`portable.run()` closes what there is to close."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _SCAFFOLDING:
            self.__dict__[name] = value
        elif name not in _IGNORED:
            stage.refuse(f"loop.{name} = ...")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        stage.refuse(f"loop.{name}")


async def turn(times: int) -> None:
    """Let everything else that is ready run, so many times."""
    for _ in range(times):
        await portable.sleep(0)
