"""Schedules find what plain runs never show, and their seeds show it again."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from portable._backends import BACKENDS
from portable.equivalence import Program, assert_equivalent, compare, record
from portable.patterns import get_pattern, pattern_names

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

Main = Callable[[], Awaitable[object]]
# Five bugs. Each port does what its original did as long as tasks take their turns in the
# order in which they were started.


async def sold_out() -> None:
    print("first sold")
    print("second came too late")


async def check_then_act() -> None:
    """Looks whether there is a ticket, waits, and takes it: it may be gone by then."""
    tickets = ["ticket"]

    async def buy(name: str, late: int) -> None:
        for _ in range(late):
            await anyio.lowlevel.checkpoint()
        if not tickets:
            print(name, "came too late")
            return
        await anyio.lowlevel.checkpoint()
        tickets.pop()
        print(name, "sold")

    async with anyio.create_task_group() as group:
        group.start_soon(buy, "first", 0)
        group.start_soon(buy, "second", 1)


async def told() -> None:
    print("the news came")


async def set_before_anyone_waits() -> None:
    """Wakes who waits now, and forgets those who are about to."""
    waiting: list[anyio.Event] = []

    async def listen() -> None:
        waiting.append(anyio.Event())
        await waiting[-1].wait()
        print("the news came")

    async def publish() -> None:
        for event in waiting:
            event.set()

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        group.start_soon(publish)


async def delivered() -> None:
    await asyncio.sleep(1)
    print("got the last item")


async def closed_too_early() -> None:
    """Closes the stream at the time when the last item is due, and not after it."""
    send, receive = anyio.create_memory_object_stream[str](1)

    async def produce() -> None:
        await anyio.sleep(1)
        send.send_nowait("the last item")

    async def close() -> None:
        await anyio.sleep(1)
        send.close()

    async with receive, anyio.create_task_group() as group:
        group.start_soon(produce)
        group.start_soon(close)
        async for item in receive:
            print("got", item)


async def counted() -> None:
    print("2")


async def lost_update() -> None:
    """Reads, waits and writes back: what another wrote meanwhile is lost."""
    total = 0

    async def add(late: int) -> None:
        nonlocal total
        for _ in range(late):
            await anyio.lowlevel.checkpoint()
        before = total
        await anyio.lowlevel.checkpoint()
        total = before + 1

    async with anyio.create_task_group() as group:
        group.start_soon(add, 0)
        group.start_soon(add, 1)
    print(total)


async def configured() -> None:
    print("connecting to example.org")


async def used_before_it_is_there() -> None:
    """Relies on another task's first step."""
    settings: dict[str, str] = {}

    async def load() -> None:
        settings["host"] = "example.org"

    async def connect() -> None:
        print("connecting to", settings.get("host"))

    async with anyio.create_task_group() as group:
        group.start_soon(load)
        group.start_soon(connect)


BUGS: list[tuple[Main, Main]] = [
    (sold_out, check_then_act),
    (told, set_before_anyone_waits),
    (delivered, closed_too_early),
    (counted, lost_update),
    (configured, used_before_it_is_there),
]


@pytest.mark.parametrize(("original", "port"), BUGS, ids=lambda main: main.__name__)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("schedules", [20, 100])
@pytest.mark.slow
def test_schedules_find_what_plain_runs_do_not(
    original: Main, port: Main, backend: str, schedules: int
) -> None:
    """Plain runs pass on asyncio, some of the schedules fail, and the seed fails again."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    plain = Program("port", port, "anyio")
    assert_equivalent(original, plain, backends=["asyncio"], fork=False)
    right = record(Program("original", original, "asyncio"))
    program = Program("port", port, "anyio")
    runs = {seed: record(program, backend, seed=seed) for seed in range(schedules)}
    failing = [
        seed for seed, trace in runs.items() if not compare(right, trace).verdict.equivalent
    ]
    assert failing
    assert len(failing) < schedules
    for seed in failing[:3]:
        assert str(record(program, backend, seed=seed)) == str(runs[seed])


async def lost_update_of_asyncio() -> None:
    """Reads, waits and writes back, with asyncio's names."""
    total = 0

    async def add(late: int) -> None:
        nonlocal total
        for _ in range(late):
            await asyncio.sleep(0)
        before = total
        await asyncio.sleep(0)
        total = before + 1

    await asyncio.gather(add(0), add(1))
    print(total)


@pytest.mark.parametrize("backend", BACKENDS)
def test_schedules_of_asyncios_programs(backend: str) -> None:
    """A program of asyncio's has its bugs found on every backend, by the same seeds."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    program = Program("program", lost_update_of_asyncio)
    assert record(program, backend).lines("stdout") == ["2"]
    runs = [record(program, backend, seed=seed) for seed in range(30)]
    assert {"1", "2"} == {line for trace in runs for line in trace.lines("stdout")}
    for seed, trace in enumerate(runs):
        assert str(record(program, "asyncio", seed=seed)) == str(trace)


def test_a_failure_is_the_report() -> None:
    """The error's message has the verdicts, both sides, and the seeds that fail."""
    with pytest.raises(AssertionError) as failed:
        assert_equivalent(counted, lost_update, backends=["asyncio"], schedules=20, fork=False)
    text = str(failed.value)
    assert text.startswith("lost_update is not equivalent to counted\n")
    assert "asyncio: 20 schedules, 2 distinct traces" in text
    assert "failing; seeds: " in text
    assert "once more: assert_equivalent(..., backends=['asyncio'], schedules=1, seed=" in text
    assert "original on asyncio" in text


async def test_it_works_in_async_code() -> None:
    """It may be called where an event loop runs; its runs take place beside it."""
    assert assert_equivalent(counted, counted, schedules=2).equivalent


@pytest.mark.virtual_time
async def test_it_leaves_the_virtual_time_of_a_test_alone() -> None:
    """Its runs have clocks of their own; the test's stands where it stood, the wall's too."""
    await anyio.sleep(50)
    before = anyio.current_time(), time.time()
    assert assert_equivalent(delivered, closed_in_time, schedules=2).equivalent
    assert (anyio.current_time(), time.time()) == before


async def closed_in_time() -> None:
    await anyio.sleep(1)
    print("got the last item")


def test_bad_arguments_are_refused() -> None:
    """A negative number of schedules is an error that names the parameter."""
    with pytest.raises(ValueError, match="schedules: must not be negative"):
        assert_equivalent(counted, counted, schedules=-1)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", pattern_names())
def test_patterns_hold_under_every_schedule(pattern: str) -> None:
    """The port of each pattern does what the original did, whoever is first."""
    chosen = get_pattern(pattern)
    report = assert_equivalent(
        chosen.original, chosen.port, schedules=15, declared=chosen.declared, fork=False
    )
    assert report.equivalent


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_seed_gives_one_trace(backend: str) -> None:
    """The same program, backend and seed give the same trace each time."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    program = Program("port", check_then_act, "anyio")
    for seed in (0, 3):
        assert len({str(record(program, backend, seed=seed)) for _ in range(20)}) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"seed": "3.1-2.4", "schedules": 2}, "no others follow it: give it alone"),
        ({"seed": "3.1-2.4", "schedules": 1, "stretch": 0.1}, "which sleeps it stretches"),
        ({"stretch": -1.0}, "must be finite and not negative, got -1.0"),
        ({"stretch": float("inf")}, "must be finite and not negative, got inf"),
        ({"seed": "three"}, "'three' names no schedule"),
    ],
)
def test_schedules_that_cannot_be(options: dict[str, Any], words: str) -> None:
    """A seed or a stretch of which there are no schedules is refused, with what to write."""
    with pytest.raises(ValueError, match=re.escape(words)):
        assert_equivalent(counted, counted, backends=["asyncio"], **options)


async def test_a_wrong_argument_in_async_code() -> None:
    """Called where a loop runs, it refuses what cannot be there, as it does elsewhere."""
    with pytest.raises(ValueError, match="fork=True: this process has other threads"):
        assert_equivalent(counted, counted, backends=["asyncio"], fork=True)
