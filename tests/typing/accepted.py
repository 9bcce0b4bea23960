"""What type checkers make of right calls: asyncio's types as typeshed has them, and ours.

Nothing here runs: `mypy tests/typing` and `pyright` read it.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any, assert_type

import portable
from portable import Task


async def number() -> int:
    return 1


async def text() -> str:
    return ""


async def spell(item: int) -> str:
    return str(item)


async def stream() -> AsyncIterator[int]:
    yield 1


def blocking(item: int, *, loud: bool = False) -> bytes:
    return b""


def asyncios_names_are_asyncios(task: asyncio.Task[int]) -> None:
    same: portable.Task[int] = task
    back: asyncio.Task[int] = same
    error: type[asyncio.CancelledError] = portable.CancelledError
    queue: asyncio.Queue[int] = portable.Queue()
    print(back, error, queue)


async def tasks() -> None:
    task = portable.create_task(number(), name="n", context=contextvars.copy_context())
    assert_type(task, Task[int])
    assert_type(await task, int)
    assert_type(task.result(), int)
    assert_type(task.exception(), BaseException | None)
    assert_type(task.cancel("why"), bool)
    task.add_done_callback(lambda task: task.result())
    assert_type(portable.current_task(), Task[Any] | None)
    assert_type(portable.get_running_loop(), asyncio.AbstractEventLoop)
    async with portable.TaskGroup() as group:
        assert_type(group.create_task(text(), name="t"), Task[str])


async def limits() -> None:
    async with portable.timeout(3) as limit:
        assert_type(limit.when(), float | None)
        limit.reschedule(None)
    assert_type(await portable.wait_for(number(), 1), int)
    assert_type(await portable.wait_for(portable.create_task(text()), None), str)
    assert_type(await portable.sleep(0, "done"), str)
    assert_type(await portable.shield(number()), int)
    assert_type(await portable.to_thread(blocking, 1, loud=True), bytes)


async def gathering() -> None:
    task = portable.create_task(text())
    first, second = await portable.gather(number(), task)
    assert_type(first, int)
    assert_type(second, str)
    many = [number() for _ in range(10)]
    assert_type(await portable.gather(*many), list[int])
    assert_type(await portable.gather(*many, return_exceptions=True), list[int | BaseException])


async def waiting() -> None:
    chosen = {portable.create_task(number()) for _ in range(3)}
    done, pending = await portable.wait(
        chosen, timeout=1.5, return_when=portable.FIRST_COMPLETED
    )
    assert_type(done, set[Task[int]])
    assert_type(pending, set[Task[int]])
    for coro in portable.as_completed([text(), text()]):
        assert_type(await coro, str)
    try:
        await portable.sleep(1)
    except portable.CancelledError as error:
        assert_type(error, asyncio.CancelledError)
        raise
    except (portable.TimeoutError, portable.QueueEmpty):
        pass


async def supervising() -> None:
    async with portable.Supervisor() as supervisor:
        assert_type(supervisor, portable.Supervisor)
        assert_type(supervisor.create_task(text(), name="t"), Task[str])
        supervisor.cancel("why")


async def racing(future: asyncio.Future[int], aw: Awaitable[int]) -> None:
    assert_type(await portable.race(number(), text()), int | str)
    assert_type(await portable.race(number(), future, aw), int)
    assert_type(await portable.race(*[number() for _ in range(3)]), int)


async def mapping() -> None:
    assert_type(await portable.amap(spell, [1, 2], limit=3), list[str])
    assert_type(await portable.amap(spell, stream()), list[str])
    async for each in portable.amap_unordered(spell, range(3), limit=None):
        assert_type(each, str)
    async with portable.amap_unordered(spell, stream()) as results:
        assert_type([each async for each in results], list[str])
        await results.aclose()
    assert_type(await portable.amap(lambda item: spell(item), iter([1])), list[str])


async def loops() -> None:
    async with portable.asyncio_loop() as loop:
        assert_type(loop, asyncio.AbstractEventLoop)
    assert_type(portable.current_time(), float)
    assert_type(portable.current_backend(), str)
    try:
        pass
    except portable.DeadlockError as error:
        assert_type(error.tasks, tuple[str, ...])
    except (portable.UnknownBackendError, portable.BackendNotInstalledError):
        pass


async def main(item: int) -> str:
    return str(item)


def running() -> Iterator[str]:
    assert_type(portable.run(main, 1), str)
    assert_type(portable.run(main(1), backend="trio", virtual_time=True), str)
    assert_type(portable.run(number, debug=True), int)
    with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        assert_type(runner.run(number()), int)
    yield from portable.__all__
