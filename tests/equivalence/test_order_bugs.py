"""Bugs of order, one kind each: right as long as tasks take their turns as they usually do."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.lowlevel import checkpoint

from portable._backends import BACKENDS
from portable.equivalence import Program, record

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


async def steps(count: int) -> None:
    """Take so many steps."""
    for _ in range(count):
        await checkpoint()


async def together(*jobs: Callable[[], Awaitable[object]]) -> None:
    """Run jobs as tasks."""
    async with anyio.create_task_group() as group:
        for job in jobs:
            group.start_soon(job)


async def check_then_act() -> None:
    """There is a ticket when it is looked for, and none when it is taken."""
    tickets = ["ticket"]

    async def early() -> None:
        if tickets:
            await checkpoint()
            tickets.pop()

    async def late() -> None:
        await checkpoint()
        await early()

    await together(early, late)


async def lost_update() -> None:
    """What another task has added between reading and writing back is lost."""
    total = 0

    async def add() -> None:
        nonlocal total
        before = total
        await checkpoint()
        total = before + 1

    async def late() -> None:
        await checkpoint()
        await add()

    await together(add, late)
    assert total == 2


async def lost_update_steps_apart() -> None:
    """The same, of tasks that come to it many steps after each other."""
    total = 0

    async def add(late: int) -> None:
        nonlocal total
        await steps(late)
        before = total
        await checkpoint()
        total = before + 1

    await together(lambda: add(0), lambda: add(8))
    assert total == 2


async def forgotten_wake_up() -> None:
    """Who begins to wait after the news is never told."""
    waiting: list[anyio.Event] = []

    async def listen() -> None:
        waiting.append(anyio.Event())
        with anyio.fail_after(5):
            await waiting[-1].wait()

    async def publish() -> None:
        for event in waiting:
            event.set()

    await together(listen, publish)


async def used_before_it_is_there() -> None:
    """One task needs what another's first step makes."""
    settings: dict[str, str] = {}

    async def load() -> None:
        settings["host"] = "example.org"

    async def connect() -> None:
        assert settings["host"]

    await together(load, connect)


async def closed_too_early() -> None:
    """The stream is closed at the time when the last item is due, not after it."""
    send, receive = anyio.create_memory_object_stream[str](1)

    async def produce() -> None:
        await anyio.sleep(1)
        send.send_nowait("the last item")

    async def close() -> None:
        await anyio.sleep(1)
        send.close()

    got = []
    async with receive, anyio.create_task_group() as group:
        group.start_soon(produce)
        group.start_soon(close)
        async for item in receive:
            got.append(item)
    assert got


async def locks_in_two_orders() -> None:
    """Two tasks take two locks each, in opposite orders."""
    left, right = anyio.Lock(), anyio.Lock()

    async def transfer(first: anyio.Lock, then: anyio.Lock, late: int) -> None:
        await steps(late)
        async with first:
            await checkpoint()
            async with then:
                await checkpoint()

    await together(lambda: transfer(left, right, 0), lambda: transfer(right, left, 9))


async def made_twice() -> None:
    """Two tasks find that there is no connection, and make one each."""
    made: list[object] = []
    connection: list[object] = []

    async def connect(late: int) -> None:
        await steps(late)
        if not connection:
            await steps(2)
            made.append(object())
            connection[:] = made[-1:]

    await together(lambda: connect(0), lambda: connect(4))
    assert len(made) == 1


async def ended_before_the_last() -> None:
    """The first producer that is done says that all are, and what comes then is lost."""
    send, receive = anyio.create_memory_object_stream[int | None](20)
    got: list[int] = []

    async def produce(items: int, end: bool) -> None:
        for item in range(items):
            await checkpoint()
            await send.send(item)
        if end:
            await send.send(None)

    async def consume() -> None:
        while (item := await receive.receive()) is not None:
            got.append(item)

    with send, receive:
        await together(lambda: produce(2, False), lambda: produce(5, True), consume)
    assert len(got) == 7


async def torn_read() -> None:
    """Money is on neither account while it is moved, and that is when they are counted."""
    accounts = [100, 0]

    async def move() -> None:
        accounts[0] -= 60
        await checkpoint()
        accounts[1] += 60

    async def audit() -> None:
        await steps(5)
        assert sum(accounts) == 100

    await together(move, audit)


async def old_answer_wins() -> None:
    """Of two answers the one that comes last is shown, whichever was asked for last."""
    shown = ""

    async def ask(word: str, late: int, answer: int) -> None:
        nonlocal shown
        await steps(late + answer)
        shown = word

    await together(lambda: ask("old", 0, 2), lambda: ask("new", 3, 2))
    assert shown == "new"


async def back_as_it_was() -> None:
    """A value that was changed and changed back counts as one that nobody touched."""
    top, taken = ["a"], list[str]()

    async def pop_slowly() -> None:
        seen = list(top)
        await steps(2)
        if top and top == seen:
            taken.append("a" if "a" not in taken else "a again")
            top.clear()

    async def borrow() -> None:
        await steps(6)
        if top:
            taken.append(top.pop())
            await checkpoint()
            top.append("a")

    await together(pop_slowly, borrow)
    assert "a again" not in taken


async def a_millisecond_apart() -> None:
    """The answer is expected before a timer that is set for a millisecond later."""
    answered = False

    async def answer() -> None:
        nonlocal answered
        await anyio.sleep(0.5)
        answered = True

    async def give_up() -> None:
        await anyio.sleep(0.501)
        assert answered

    await together(answer, give_up)


BUGS = {
    bug.__name__: bug
    for bug in (
        check_then_act,
        lost_update,
        lost_update_steps_apart,
        forgotten_wake_up,
        used_before_it_is_there,
        closed_too_early,
        locks_in_two_orders,
        made_twice,
        ended_before_the_last,
        torn_read,
        old_answer_wins,
        back_as_it_was,
    )
}


@pytest.mark.parametrize("bug", BUGS.values(), ids=list(BUGS))
@pytest.mark.parametrize("backend", BACKENDS)
def test_each_takes_few_seeds(bug: Callable[[], Awaitable[None]], backend: str) -> None:
    """No plain run on asyncio shows it, and one of the first sixteen schedules does."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    program = Program("bug", bug, "anyio")
    assert record(program).outcome.exception is None
    assert any(record(program, backend, seed=seed).outcome.exception for seed in range(16))
