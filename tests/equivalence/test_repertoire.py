"""A port is held to what its original can show, under any schedule, and to nothing else."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest
from anyio.streams.memory import MemoryObjectReceiveStream

from portable._backends import BACKENDS
from portable.equivalence import Program, Report, check

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

Main = Callable[[], Awaitable[object]]
ON_EACH = pytest.mark.parametrize("backend", BACKENDS)


def judged(original: Main, port: Main, backend: str, schedules: int = 0) -> Report:
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    programs = Program("original", original), Program("port", port, "anyio")
    return check(*programs, backends=[backend], seeds=range(schedules))


async def pool() -> None:
    async def work(number: int) -> None:
        while True:
            item = await queue.get()
            await asyncio.sleep(1)
            print(f"worker {number} did {item}")
            queue.task_done()

    queue: asyncio.Queue[int] = asyncio.Queue()
    for item in range(6):
        queue.put_nowait(item)
    workers = [asyncio.create_task(work(number)) for number in range(3)]
    await queue.join()
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


async def pool_of_anyios(items: int = 6) -> None:
    async def work(number: int, mine: MemoryObjectReceiveStream[int]) -> None:
        with mine:
            async for item in mine:
                await anyio.sleep(1)
                print(f"worker {number} did {item}")

    send, receive = anyio.create_memory_object_stream[int](10)
    async with anyio.create_task_group() as group:
        with send, receive:
            for number in range(3):
                group.start_soon(work, number, receive.clone())
            for item in range(items):
                send.send_nowait(item)


async def pool_that_loses_one() -> None:
    await pool_of_anyios(5)


@pytest.mark.slow
@ON_EACH
def test_who_did_what_is_free_where_it_is_in_the_original(backend: str) -> None:
    """Workers that print their number are right whoever takes what, under any schedule."""
    report = judged(pool, pool_of_anyios, backend, 10)
    assert report.equivalent
    assert report.faithful


@pytest.mark.slow
@ON_EACH
def test_a_line_that_is_lost_is_missed_whoever_was_to_print_it(backend: str) -> None:
    """A worker less at the last instant is different, though anyone might have been idle."""
    row = judged(pool, pool_that_loses_one, backend).row("port", backend)
    assert row.verdict == "different"
    assert row.comparison is not None
    assert "are 2 on stdout, where the original shows 3" in row.comparison.reasons[0]


async def mail_after_saving() -> None:
    async def save() -> None:
        await asyncio.sleep(1)
        print("order saved")
        saved.set()

    async def mail() -> None:
        await saved.wait()
        print("mail sent")

    saved = asyncio.Event()
    await asyncio.gather(mail(), save())


async def mail_at_the_same_time() -> None:
    async def say(text: str) -> None:
        await anyio.sleep(1)
        print(text)

    async with anyio.create_task_group() as group:
        group.start_soon(say, "mail sent")
        group.start_soon(say, "order saved")


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["asyncio", "uvloop"])
def test_what_waits_for_another_comes_after_it(backend: str) -> None:
    """A port that drops an event and relies on time is different, at one instant as well."""
    row = judged(mail_after_saving, mail_at_the_same_time, backend).row("port", backend)
    assert row.verdict == "different"
    assert row.comparison is not None
    assert "in the original, which waits for it" in row.comparison.reasons[0]


async def child_last() -> None:
    async def child() -> None:
        print("child begins")

    task = asyncio.create_task(child())
    print("all have begun")
    await task


async def child_first() -> None:
    print("child begins")
    print("all have begun")


@pytest.mark.slow
@ON_EACH
def test_who_goes_on_and_who_is_woken_may_change_places(backend: str) -> None:
    """A parent's next line and a child's first one have no order, though asyncio has one."""
    row = judged(child_last, child_first, backend).row("port", backend)
    assert row.verdict == "reordered"


async def counted() -> None:
    async def visit() -> None:
        nonlocal count
        async with places:
            count += 1
            await asyncio.sleep(1)
            print(count)

    count, places = 0, asyncio.Semaphore(3)
    await asyncio.gather(*(visit() for _ in range(18)))


async def counted_as_the_third_is_late() -> None:
    for first in range(3, 21, 3):
        await asyncio.sleep(1)
        print(first, first, min(18, first + 1), sep="\n")


@pytest.mark.slow
def test_one_of_several_may_be_late() -> None:
    """Of three that go on at once two may be quicker than those that they let in."""
    assert judged(counted, counted_as_the_third_is_late, "asyncio").equivalent


async def one_of_two() -> None:
    async def take(name: str) -> None:
        if free:
            free.pop()
            print(name, "took it")

    free = ["seat"]
    await asyncio.gather(take("first"), take("second"))


async def both() -> None:
    print("first took it")
    print("second took it")


async def the_other() -> None:
    print("second took it")


@pytest.mark.slow
@ON_EACH
def test_what_never_comes_together_must_not(backend: str) -> None:
    """Each of two lines may come in the original, but not both; the port may choose."""
    assert judged(one_of_two, the_other, backend).equivalent
    assert not judged(one_of_two, both, backend).equivalent


async def either() -> None:
    async def say(name: str, answer: str) -> None:
        said.append(name)
        print(answer if said[0] == "first" else answer.upper())

    said: list[str] = []
    await asyncio.gather(say("first", "yes"), say("second", "no"))


async def mixed() -> None:
    print("yes")
    print("NO")


@pytest.mark.slow
def test_two_that_belong_together_are_not_mixed() -> None:
    """What comes only sometimes is looked at two by two: parts of two traces are no trace."""
    row = judged(either, mixed, "asyncio").row("port", "asyncio")
    assert row.comparison is not None
    assert "never shows both" in row.comparison.reasons[0]


async def silent() -> None:
    async def note(name: str) -> None:
        noted.append(name)

    noted: list[str] = []
    await asyncio.gather(note("first"), note("second"))


async def silent_in_order() -> None:
    async def note(name: str) -> None:
        noted.append(name)

    noted: list[str] = []
    await asyncio.gather(note("first"), note("second"))
    if noted[0] == "second":
        print("out of order")


def test_what_differs_comes_before_what_shows_nothing() -> None:
    """Where a port shows something only in some orders, a schedule is told in which it does."""
    programs = Program("silent", silent), Program("port", silent_in_order)
    for seeds in (range(8), reversed(range(8))):
        [found] = check(*programs, backends=["asyncio"], seeds=seeds).explored
        verdicts = [one.verdict for one in found.failing]
        assert verdicts == sorted(verdicts)
        assert set(verdicts) == {"different", "unjudged"}
