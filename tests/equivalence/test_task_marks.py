"""What becomes of tasks, for the lanes of a page."""

import asyncio
import gc
from collections.abc import Coroutine, Generator
from typing import Any

import anyio
import pytest

from portable.equivalence import Program, Trace
from portable.equivalence.lanes import Lanes
from portable.equivalence.recording import record

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


async def work(name: str) -> None:
    try:
        await asyncio.sleep(2)
    except asyncio.CancelledError:
        print(name, "cleans up")
        await asyncio.sleep(1)
        raise


async def cancelling() -> None:
    first, second = (asyncio.create_task(work(name)) for name in ("a", "b"))
    await asyncio.sleep(1)
    second.cancel()
    await asyncio.wait((first, second))


async def porting() -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.sleep, 3)
        await anyio.sleep(1)
        tasks.cancel_scope.cancel()


async def silent() -> None:
    async def nothing() -> None:
        pass

    await asyncio.create_task(nothing())


async def refused() -> None:
    async def fails() -> None:
        raise LookupError

    task = asyncio.create_task(fails())
    await asyncio.sleep(1)
    del task
    gc.collect()


def marks(trace: Trace) -> list[tuple[str, list[tuple[str, float]]]]:
    return [
        (lane.name, [(mark.kind, mark.time) for mark in lane.marks]) for lane in trace.lanes
    ]


def test_each_task_has_its_marks(backend: str) -> None:
    """Start, wait, cancellation and end of a task are kept with their times."""
    main, first, second = marks(record(Program("cancelling", cancelling, "asyncio"), backend))
    assert main == (
        "cancelling",
        [("start", 0.0), ("wait", 0.0), ("wait", 1.0), ("end", 2.0)],
    )
    assert first == ("work", [("start", 0.0), ("wait", 0.0), ("end", 2.0)])
    assert second == (
        "work",
        [("start", 0.0), ("wait", 0.0), ("cancel", 1.0), ("wait", 1.0), ("end", 2.0)],
    )


def test_tasks_of_a_port_have_theirs(backend: str) -> None:
    """A task of AnyIO's is called after its function, and is cancelled with its scope."""
    _, (name, found) = marks(record(Program("porting", porting, "anyio"), backend))
    assert name == "sleep"
    assert found == [("start", 0.0), ("wait", 0.0), ("cancel", 1.0), ("end", 1.0)]


def test_each_scope_is_told(backend: str) -> None:
    """A task has a mark for each scope that cancels it, and none for sleeps or behind a shield.

    uvloop tells nobody whom it wakes, and AnyIO takes back what it asked for.
    """

    async def limited() -> None:
        for _ in range(2):
            with anyio.move_on_after(1):
                await anyio.sleep(5)
        with anyio.CancelScope() as scope:
            scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(1)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(limited)
            await anyio.sleep(1)

    (_, of_main), (_, found) = marks(record(Program("main", main, "anyio"), backend))
    times = [time for kind, time in found if kind == "cancel"]
    assert times == ([1.0, 2.0] if backend != "uvloop" else [])
    assert "cancel" not in dict(of_main)  # trio's sleep is a scope that ends


def test_a_task_that_shows_nothing_is_there(backend: str) -> None:
    """A task that starts and ends between two looks has a lane all the same."""
    _, (name, found) = marks(record(Program("silent", silent, "asyncio"), backend))
    assert name == "nothing"
    assert found == [("start", 0.0), ("end", 0.0)]


def test_what_is_followed_can_still_be_lost(backend: str) -> None:
    """An error that nobody retrieves is told when the task is gone, as without marks."""
    trace = record(Program("refused", refused, "asyncio"), backend)
    [line] = trace.lines("log")
    assert "Task exception was never retrieved" in line


def test_signs_follow_the_marks() -> None:
    """A lane shows a sign for each change, and what holds until the next one."""
    trace = record(Program("cancelling", cancelling, "asyncio"), "asyncio")
    lanes = Lanes(trace)
    line, outcome = trace.observations
    told = []
    for seen in (line, outcome):
        for change in lanes.changes(before=seen, time=seen.time):
            told.append((change.time, lanes.show(change, change.time)))
        told.append((seen.time, lanes.at(seen, seen.time)))
    assert told == [
        (0.0, "sss"),
        (0.0, "w||"),
        (0.0, ":ww"),
        (1.0, "::c"),
        (1.0, "::o"),
        (1.0, "w:|"),
        (1.0, "::w"),
        (2.0, "eee"),
        (2.0, "   "),
    ]


def test_more_tasks_than_lanes() -> None:
    """Twelve tasks have a lane; six are named at a moment; the others' lines have no sign."""

    async def say(number: int) -> None:
        print(number)

    async def many() -> None:
        await asyncio.gather(*map(say, range(20)))

    trace = record(Program("many", many, "asyncio"), "asyncio")
    lanes = Lanes(trace)
    changes = list(lanes.changes(before=trace.observations[0], time=0.0))
    shown = [lanes.show(change, change.time) for change in changes]
    names = ["many", *(f"#{number} say" for number in range(5))]
    assert f"starts: {', '.join(names)} and 15 more" in [change.text for change in changes]
    assert lanes.width == 12
    assert {len(row) for row in shown} == {12}
    rows = [lanes.at(seen, seen.time) for seen in trace.observations]
    assert ["o" in row for row in rows] == [True] * 11 + [False] * 10


class Slotted(Coroutine[object, object, str]):
    """A coroutine that nobody can refer to weakly, as those of compiled modules."""

    __slots__ = ("coro",)

    def __init__(self, coro: Coroutine[object, object, str]) -> None:
        self.coro = coro

    def send(self, value: object, /) -> object:
        return self.coro.send(value)

    def throw(self, *error: Any) -> object:
        return self.coro.throw(*error)

    def __await__(self) -> Generator[object, object, str]:
        return self.coro.__await__()


def test_a_coroutine_of_another_kind(backend: str) -> None:
    """A task of what is no function's coroutine starts, waits and ends as any other."""

    async def main() -> None:
        print(await asyncio.create_task(Slotted(asyncio.sleep(1, "slept"))))

    trace = record(Program("main", main, "asyncio"), backend)
    assert trace.lines("stdout") == ["slept"]
    assert ("Slotted", [("start", 0.0), ("wait", 0.0), ("end", 1.0)]) in marks(trace)


def test_a_lane_that_is_free_is_used_again() -> None:
    """One task after another takes one column beside main's."""

    async def one_by_one() -> None:
        for seconds in (1, 2, 3):
            await asyncio.create_task(asyncio.sleep(seconds))

    trace = record(Program("one_by_one", one_by_one, "asyncio"), "asyncio")
    lanes = Lanes(trace)
    shown = [lanes.show(change, change.time) for change in lanes.changes(before=None, time=9)]
    assert len(trace.lanes) == 4
    assert not any(row[2:].strip() for row in shown)
