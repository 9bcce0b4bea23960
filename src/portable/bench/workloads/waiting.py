"""Wait, in many tasks at once: a turn for the others, an event of a partner's, a message.

What it takes to start and to end the tasks is not counted: the clock runs from when all of them
are there until the last wait is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

import anyio
import anyio.lowlevel

from portable.bench._measure import Sample
from portable.bench._operations import Operation, Workload
from portable.bench._results import NATIVE, PORTABLE

#: How many tasks wait.
TASKS = 100

WAIT = Operation(
    "wait",
    f"Wait once, {TASKS} tasks at a time; on trio against checkpoint()",
    {
        "smoke": tuple(Workload(job, 1_000) for job in ("turn", "future", "queue")),
        "small": tuple(Workload(job, 5_000) for job in ("turn", "future", "queue")),
        "full": tuple(Workload(job, 20_000) for job in ("turn", "future", "queue")),
    },
)
WAIT_IN_TRIO = Operation(
    "wait_in_trio",
    f"Wait once in trio, {TASKS} tasks at a time, against plain tasks of trio's",
    {
        "smoke": tuple(Workload(job, 1_000) for job in ("turn", "future", "queue")),
        "small": tuple(Workload(job, 5_000) for job in ("turn", "future", "queue")),
        "full": tuple(Workload(job, 20_000) for job in ("turn", "future", "queue")),
    },
)


@dataclass(frozen=True, slots=True)
class Words:
    """How a library says what the tasks do.

    Attributes:
        turn: gives the other tasks a turn.
        event: makes what is waited for once.
        fire: lets the waiting for it end.
        wait: waits for it.
        channel: makes a pair of a channel's ends, to put in and to get from.
        put: puts into the one.
        get: waits for what comes out of the other.
        close: closes both.
    """

    turn: Callable[[], Awaitable[object]]
    event: Callable[[], Any]
    fire: Callable[[Any], object]
    wait: Callable[[Any], Awaitable[object]]
    channel: Callable[[], tuple[Any, Any]]
    put: Callable[[Any], object]
    get: Callable[[Any], Awaitable[object]]
    close: Callable[[Any], object]


def asyncio_words() -> Words:
    """Return asyncio's."""
    loop = asyncio.get_running_loop()

    def channel() -> tuple[Any, Any]:
        queue: asyncio.Queue[None] = asyncio.Queue()
        return queue, queue

    return Words(
        turn=partial(asyncio.sleep, 0),
        event=loop.create_future,
        fire=lambda future: future.set_result(None),
        wait=lambda future: future,
        channel=channel,
        put=lambda queue: queue.put_nowait(None),
        get=lambda queue: queue.get(),
        close=lambda queue: None,
    )


def trio_words(trio: Any) -> Words:
    """Return trio's."""
    return Words(
        turn=trio.lowlevel.checkpoint,
        event=trio.Event,
        fire=lambda event: event.set(),
        wait=lambda event: event.wait(),
        channel=partial(trio.open_memory_channel, 1),
        put=lambda send: send.send_nowait(None),
        get=lambda receive: receive.receive(),
        close=lambda end: end.close(),
    )


def anyio_words() -> Words:
    """Return AnyIO's."""
    return Words(
        turn=anyio.lowlevel.checkpoint,
        event=anyio.Event,
        fire=lambda event: event.set(),
        wait=lambda event: event.wait(),
        channel=partial(anyio.create_memory_object_stream, inf),
        put=lambda send: send.send_nowait(None),
        get=lambda receive: receive.receive(),
        close=lambda end: end.close(),
    )


class Waiting:
    """The tasks of one sample. The even ones and the odd ones are partners, who wait in turn.

    Attributes:
        tasks: how many there are.
    """

    def __init__(self, sample: Sample, words: Words, job: str | None = None) -> None:
        self._job = job or sample.job
        self.tasks = TASKS if sample.size % TASKS == 0 else 2
        self._each = sample.size // self.tasks
        self._sample = sample
        self._words = words
        self._ready = 0
        self._done: list[int] = []
        self._events = [words.event() for _ in range(self.tasks)]
        self._channels: list[tuple[Any, Any]] = []
        if self._job == "queue":
            self._channels = [words.channel() for _ in range(self.tasks)]

    async def run(self, number: int) -> None:
        """Do the waits of one task."""
        words, sample = self._words, self._sample
        once = getattr(self, f"_{self._job}")(number)
        self._ready += 1
        if self._ready == self.tasks:
            sample.start()
        while self._ready < self.tasks:
            await words.turn()
        for _ in range(self._each):
            await once()
        self._done.extend(range(number * self._each, (number + 1) * self._each))
        if len(self._done) == sample.size:
            sample.results = self._done
            sample.stop()
            for end in (end for ends in self._channels for end in ends):
                words.close(end)

    def _turn(self, number: int) -> Callable[[], Awaitable[object]]:
        return self._words.turn

    def _future(self, number: int) -> Callable[[], Awaitable[object]]:
        event, fire, wait, events = (
            self._words.event,
            self._words.fire,
            self._words.wait,
            self._events,
        )

        async def lead() -> None:
            mine = events[number] = event()
            fire(events[number + 1])
            await wait(mine)

        async def follow() -> None:
            await wait(events[number])
            events[number] = event()
            fire(events[number - 1])

        return follow if number % 2 else lead

    def _queue(self, number: int) -> Callable[[], Awaitable[object]]:
        put, get = self._words.put, self._words.get
        _, mine = self._channels[number]
        others, _ = self._channels[number - 1 if number % 2 else number + 1]

        async def lead() -> None:
            put(others)
            await get(mine)

        async def follow() -> None:
            await get(mine)
            put(others)

        return follow if number % 2 else lead


async def by_create_task(sample: Sample, words: Words) -> None:
    """Let asyncio's tasks wait."""
    waiting = Waiting(sample, words)
    async with asyncio.TaskGroup() as group:
        for number in range(waiting.tasks):
            group.create_task(waiting.run(number))


async def by_start_soon(
    sample: Sample, words: Words, make_group: Callable[[], Any], job: str | None = None
) -> None:
    """Let the tasks of a nursery wait, or of AnyIO's group."""
    waiting = Waiting(sample, words, job)
    async with make_group() as group:
        for number in range(waiting.tasks):
            group.start_soon(waiting.run, number)


@WAIT.by_asyncio
async def with_asyncio(sample: Sample) -> None:
    """Use `sleep(0)`, a future of the loop's, a queue."""
    await by_create_task(sample, asyncio_words())


@WAIT.by(NATIVE, "trio", needs="trio")
async def with_checkpoint(sample: Sample, trio: Any) -> None:
    """Use `trio.lowlevel.checkpoint`, whatever the others wait for."""
    await by_start_soon(sample, trio_words(trio), trio.open_nursery, job="turn")


@WAIT.by("trio's own", "trio", needs="trio")
@WAIT_IN_TRIO.by(NATIVE, "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use `checkpoint`, an `Event`, a memory channel."""
    await by_start_soon(sample, trio_words(trio), trio.open_nursery)


@WAIT.by("anyio")
@WAIT_IN_TRIO.by("anyio", "trio")
async def with_anyio(sample: Sample) -> None:
    """Use `checkpoint`, an `Event`, a stream."""
    await by_start_soon(sample, anyio_words(), anyio.create_task_group)


@WAIT_IN_TRIO.by(PORTABLE, "trio", needs="trio", driven=True)
async def in_driven_tasks(sample: Sample, trio: Any) -> None:
    """Use trio's words in tasks of asyncio's."""
    await by_create_task(sample, trio_words(trio))
