"""Wrong calls that type checkers must refuse; each bears a comment that takes the error off.

Nothing here runs: `mypy tests/typing` and `pyright` read it. Both report a comment for which
they have no need, so that a wrong call that passes is an error too.
"""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import portable
from portable import Task


async def number() -> int:
    return 1


async def text() -> str:
    return ""


async def spell(item: int) -> str:
    return str(item)


def plain(item: int) -> int:
    return item


async def a_function_in_place_of_a_coroutine(task: Task[int]) -> None:
    portable.create_task(number)  # type: ignore[arg-type]
    await portable.gather(number)  # type: ignore[call-overload]
    await portable.gather(task, spell)  # type: ignore[call-overload]
    await portable.race(number)  # type: ignore[call-overload]
    await portable.wait_for(number, 1)  # type: ignore[arg-type]
    portable.shield(number)  # type: ignore[arg-type]
    portable.as_completed([number])  # type: ignore[arg-type]
    async with portable.TaskGroup() as group:
        group.create_task(spell)  # type: ignore[arg-type]


async def something_else_in_place_of_an_awaitable(task: Task[int]) -> None:
    await portable.gather([number()])  # type: ignore[call-overload]
    await portable.gather(1)  # type: ignore[call-overload]
    portable.as_completed(number())  # type: ignore[arg-type]
    portable.as_completed(task)  # type: ignore[arg-type]
    portable.create_task(task)  # type: ignore[arg-type]


async def coroutines_in_place_of_tasks(task: Task[int]) -> None:
    await portable.wait([number()])  # type: ignore[arg-type]
    await portable.wait(task)  # type: ignore[arg-type]
    await portable.wait({task}, return_when=1)  # type: ignore[arg-type]


async def functions_that_do_not_fit(task: Task[int]) -> None:
    await portable.amap(plain, [1])  # type: ignore[arg-type]
    await portable.amap(spell, ["one"])  # type: ignore[arg-type]
    await portable.amap(spell([1]), [1])  # type: ignore[arg-type]
    await portable.amap(spell, 5)  # type: ignore[arg-type]
    await portable.amap(spell, [1], limit="2")  # type: ignore[arg-type]
    await portable.amap(spell, [1], 2)  # type: ignore[call-arg]
    portable.amap_unordered(spell, [1], limit=1.5)  # type: ignore[arg-type]
    await portable.to_thread(plain, "one")  # type: ignore[arg-type]
    await portable.to_thread(plain, 1, loud=True)  # type: ignore[call-arg]
    portable.run(plain, 1)  # type: ignore[arg-type]
    portable.run(number(), backend=1)  # type: ignore[call-overload]
    task.add_done_callback(lambda: None)  # type: ignore[arg-type, misc]


async def options_of_another_type(task: Task[int]) -> None:
    await portable.wait_for(task, "3")  # type: ignore[arg-type]
    await portable.wait_for(task)  # type: ignore[call-arg]
    portable.timeout("3")  # type: ignore[arg-type]
    await portable.gather(task, return_exceptions="yes")  # type: ignore[call-overload]
    portable.as_completed([task], timeout="3")  # type: ignore[arg-type]


async def results_of_another_type(task: Task[int]) -> None:
    narrower: Task[bool] = task  # type: ignore[assignment]
    first: str = (await portable.gather(number(), text()))[0]  # type: ignore[assignment]
    third = (await portable.gather(number(), text()))[2]  # type: ignore[misc]
    result: int = await portable.race(number(), text())  # type: ignore[arg-type]
    sure: list[int] = await portable.gather(  # type: ignore[assignment]
        *[number()], return_exceptions=True
    )
    print(narrower, first, third, result, sure)
