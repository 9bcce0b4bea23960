"""What type checkers make of right calls: the types they infer, name by name.

Nothing here runs: `mypy tests/typing` and `pyright` read it.
"""

from __future__ import annotations

import contextvars
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
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


async def tasks() -> None:
    task = portable.create_task(number(), name="n", context=contextvars.copy_context())
    assert_type(task, Task[int])
    assert_type(await task, int)
    assert_type(task.result(), int)
    assert_type(task.exception(), BaseException | None)
    assert_type(task.cancel("why"), bool)
    assert_type(task.done(), bool)
    assert_type(task.get_name(), str)
    coro: Coroutine[Any, Any, int] = task.get_coro()
    assert_type(task.get_context(), contextvars.Context)
    task.add_done_callback(lambda task: task.result())
    wider: Task[int | str] = task  # a task of an int is a task of an int or a str
    assert_type(portable.current_task(), Task[Any] | None)
    async with portable.Supervisor() as supervisor:
        assert_type(supervisor.create_task(text()), Task[str])
        supervisor.cancel("why")
    async with portable.TaskGroup() as group:
        assert_type(group.create_task(text(), name="t"), Task[str])
    result: int | str = await wider
    print(result)
    assert_type(await coro, int)


async def limits() -> None:
    async with portable.timeout(3) as limit:
        assert_type(limit.when(), float | None)
        limit.reschedule(None)
    with portable.timeout_at(None) as limit:
        assert_type(limit.expired(), bool)
    assert_type(await portable.wait_for(number(), 1), int)
    assert_type(await portable.wait_for(portable.create_task(text()), None), str)
    assert_type(await portable.sleep(0, "done"), str)
    assert_type(portable.current_time(), float)
    assert_type(portable.current_backend(), str)


async def gathering() -> None:
    task = portable.create_task(text())
    assert_type(await portable.gather(number()), list[int])
    assert_type(await portable.gather(number(), task), tuple[int, str])
    first, second = await portable.gather(number(), text())
    assert_type(first, int)
    assert_type(second, str)
    assert_type(
        await portable.gather(number(), text(), number(), text(), number(), task),
        tuple[int, str, int, str, int, str],
    )
    assert_type(
        await portable.gather(number(), text(), return_exceptions=True),
        tuple[int | BaseException, str | BaseException],
    )
    many = [number() for _ in range(10)]
    assert_type(await portable.gather(*many), list[int])
    assert_type(await portable.gather(*many, return_exceptions=True), list[int | BaseException])
    chosen = bool(many)
    assert_type(
        await portable.gather(*many, return_exceptions=chosen), Sequence[int | BaseException]
    )
    assert_type(portable.create_task(portable.gather(number())), Task[list[int]])
    assert_type(await portable.race(number(), text()), int | str)
    assert_type(await portable.race(*many), int)


async def waiting() -> None:
    chosen = {portable.create_task(number()) for _ in range(3)}
    done, pending = await portable.wait(
        chosen, timeout=1.5, return_when=portable.FIRST_COMPLETED
    )
    assert_type(done, set[Task[int]])
    assert_type(pending, set[Task[int]])
    await portable.wait(list(chosen), return_when=portable.FIRST_EXCEPTION)
    await portable.wait(iter(chosen), return_when=portable.ALL_COMPLETED)
    async for task in portable.as_completed(chosen, timeout=3):
        assert_type(task, Task[int])
    for coro in portable.as_completed([text(), text()]):
        assert_type(await coro, str)
    async with portable.as_completed([number()]) as finished:
        assert_type([await task async for task in finished], list[int])


async def mapping() -> None:
    assert_type(await portable.amap(spell, [1, 2], limit=3), list[str])
    assert_type(await portable.amap(spell, stream()), list[str])
    async for each in portable.amap_unordered(spell, range(3), limit=None):
        assert_type(each, str)
    async with portable.amap_unordered(spell, stream()) as results:
        assert_type([each async for each in results], list[str])
        await results.aclose()
    assert_type(await portable.amap(lambda item: spell(item), iter([1])), list[str])


async def shielding() -> None:
    assert_type(await portable.shield(number()), int)
    assert_type(await portable.shield(portable.create_task(text())), str)
    assert_type(await portable.wait_for(portable.shield(number()), 1), int)
    assert_type(await portable.to_thread(blocking, 1, loud=True), bytes)


async def catching() -> None:
    try:
        await portable.sleep(1)
    except portable.CancelledError as error:
        assert_type(error, BaseException)
        raise
    except portable.TaskCancelled as error:
        assert_type(str(error.message), str)


async def main(item: int) -> str:
    return str(item)


def running() -> Iterator[str]:
    assert_type(portable.run(main, 1), str)
    assert_type(portable.run(main(1), backend="trio", virtual_time=True), str)
    assert_type(portable.run(number, debug=True), int)
    yield from portable.__all__
