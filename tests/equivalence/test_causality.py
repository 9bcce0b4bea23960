"""Which of the things that come at one instant had to come before another."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from portable.equivalence import Trace

Record = Callable[[Callable[[], Awaitable[object]]], Trace]

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


def before(trace: Trace, text: str) -> set[str]:
    """Return the lines of the same instant that had to come before one."""
    [late] = [seen for seen in trace.observations if seen.text == text]
    said = [seen for seen in trace.observations if seen.time == late.time]
    return {seen.text for seen in said if seen is not late and late.has_to_follow(seen)}


async def program() -> None:
    event = asyncio.Event()

    async def sets() -> None:
        print("sets")
        event.set()
        print("has set")

    async def waits() -> None:
        print("waits")
        await event.wait()
        print("woken")

    async def beside() -> None:
        print("beside")

    def callback() -> None:
        print("callback")
        asyncio.get_running_loop().call_soon(print, "next callback")

    print("main")
    tasks = [asyncio.create_task(job()) for job in (waits, sets, beside)]
    asyncio.get_running_loop().call_soon(callback)
    print("all made")
    await tasks[0]
    print("end")
    await asyncio.sleep(1)
    print("later")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("main", set()),
        ("waits", {"main"}),
        ("beside", {"main"}),
        ("callback", {"main"}),
        ("next callback", {"main", "callback"}),
        ("all made", {"main"}),
        ("woken", {"main", "waits", "sets"}),
        ("end", {"main", "all made", "waits", "sets", "woken"}),
        ("later", set()),
    ],
)
def test_what_had_to_come_before(on_asyncio: Record, text: str, expected: set[str]) -> None:
    """Whoever wakes a task, makes it or schedules a callback comes before; others may not."""
    assert before(on_asyncio(program), text) == expected


def test_each_recording_begins_anew(on_asyncio: Record) -> None:
    """What one run has shown is no reason for anything in the next one."""
    first, second = on_asyncio(program), on_asyncio(program)
    assert [seen.after for seen in first.observations] == [
        seen.after for seen in second.observations
    ]


def test_reasons_among_many_tasks(on_asyncio: Record) -> None:
    """Where more than 64 have written at one instant none is known, rather than a part."""

    async def chain(number: int) -> None:
        print(f"number {number}")
        if number < 70:
            await asyncio.create_task(chain(number + 1))

    trace = on_asyncio(lambda: chain(1))
    assert [len(before(trace, f"number {number}")) for number in (1, 64, 65)] == [0, 63, 0]
