"""Which tasks a program left running when its main ended, counted at one point on all loops.

That point is when the loop has gone on for as long as it takes to notice that main has ended: a
task that was cancelled in main's last step has had its turn by then. What closes an async
generator that was dropped is a task of the loop's, and not the program's; so is what accepts a
connection or connects a child's pipes. What ends the process pool of AnyIO's is AnyIO's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import Context
from pathlib import Path
from typing import Any


async def _generator() -> AsyncGenerator[None]:
    yield  # pragma: no cover - only its methods' types are asked for


def _type_of_aclose() -> type:
    closing = _generator().aclose()
    closing.close()
    return type(closing)


_CLOSES = _type_of_aclose()
_ENDS_THE_POOL = "AnyIO process pool shutdown task"
_LIBRARY = str(Path(asyncio.__file__).parent)


def tasks_left(loop: asyncio.AbstractEventLoop) -> set[asyncio.Task[Any]]:
    """Return the tasks on a loop that are the program's."""
    return {task for task in asyncio.all_tasks(loop) if not _is_a_librarys(task)}


def _is_a_librarys(task: asyncio.Task[Any]) -> bool:
    coro = task.get_coro()
    # asyncio's hook for generators puts what their aclose() returns into a task.
    if isinstance(coro, _CLOSES) or task.get_name() == _ENDS_THE_POOL:
        return True
    code = getattr(coro, "cr_code", None)
    # A private coroutine function of asyncio's: nobody else makes a task of it.
    return (
        code is not None
        and code.co_name.startswith("_")
        and Path(code.co_filename).is_relative_to(_LIBRARY)
    )


def report_when_main_ends(
    loop: asyncio.AbstractEventLoop, ended: Callable[[int], object]
) -> asyncio.AbstractEventLoop:
    """Let a loop that runs one main report how many tasks are left when main has ended.

    Args:
        loop: the loop.
        ended: called with the number of tasks.

    Returns:
        The loop.
    """
    run = loop.run_until_complete

    def run_main(future: Any) -> Any:
        loop.run_until_complete = run  # type: ignore[method-assign]
        try:
            return run(future)
        finally:
            ended(len(tasks_left(loop)))

    loop.run_until_complete = run_main  # type: ignore[method-assign]
    return loop


def report_when_mains_end(runner: asyncio.Runner, ended: Callable[[int], object]) -> None:
    """Let a runner report how many tasks are left each time that a main of its has ended.

    Args:
        runner: the runner.
        ended: called with the number of tasks.
    """
    # On the object, as the class must not be inherited from.
    run_main = runner.run

    def counted(coro: Coroutine[Any, Any, Any], *, context: Context | None = None) -> Any:
        try:
            return run_main(coro, context=context)
        finally:
            pending = tasks_left(runner.get_loop())
            ended(sum(task.get_coro() is not coro for task in pending))

    runner.run = counted  # type: ignore[method-assign]
