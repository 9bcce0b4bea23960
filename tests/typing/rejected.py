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


def programs_that_do_not_fit() -> None:
    portable.run(spell, "x")  # type: ignore[arg-type]
    portable.run(spell)  # type: ignore[call-arg, arg-type]
    portable.run(spell, 1, 2)  # type: ignore[call-arg, arg-type]
    portable.run(plain, 1)  # type: ignore[arg-type]
    portable.run(number(), 1)  # type: ignore[call-overload]
    portable.run(number, backend="tri")  # type: ignore[call-overload, call-arg]
    portable.run(number(), backend="tri")  # type: ignore[call-overload]
    portable.run(number(), backend=1)  # type: ignore[call-overload]
    portable.run(number, virtual_time="yes")  # type: ignore[call-overload, call-arg]
    result: str = portable.run(number)  # type: ignore[assignment]
    print(result)


async def asyncios_names_as_typeshed_has_them(task: Task[int]) -> None:
    portable.create_task(number)  # type: ignore[arg-type]
    await portable.wait_for(number, 1)  # type: ignore[arg-type]
    await portable.wait([number()])  # type: ignore[type-var]
    await portable.to_thread(plain, "one")  # type: ignore[arg-type]
    portable.timeout("3")  # type: ignore[arg-type]
    async with portable.TaskGroup() as group:
        group.create_task(spell)  # type: ignore[arg-type]
    first: str = (await portable.gather(number(), text()))[0]  # type: ignore[assignment]
    print(first)


async def ours_with_functions_in_place_of_coroutines() -> None:
    await portable.race(number)  # type: ignore[call-overload]
    await portable.race([number()])  # type: ignore[call-overload]
    async with portable.Supervisor() as tasks:
        tasks.create_task(spell)  # type: ignore[arg-type]


async def functions_that_do_not_fit() -> None:
    await portable.amap(plain, [1])  # type: ignore[arg-type]
    await portable.amap(spell, ["one"])  # type: ignore[arg-type]
    await portable.amap(spell([1]), [1])  # type: ignore[arg-type]
    await portable.amap(spell, 5)  # type: ignore[arg-type]
    await portable.amap(spell, [1], limit="2")  # type: ignore[arg-type]
    await portable.amap(spell, [1], 2)  # type: ignore[call-arg]
    portable.amap_unordered(spell, [1], limit=1.5)  # type: ignore[arg-type]


async def results_of_another_type() -> None:
    result: int = await portable.race(number(), text())  # type: ignore[arg-type]
    strings: list[int] = await portable.amap(spell, [1])  # type: ignore[arg-type]
    print(result, strings)
