"""Wait, in many tasks at once: for a turn, for a partner's event, for a partner's message.

Starting and ending the tasks does not count. The meter runs from the moment when all tasks have
begun until the last wait is over.
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

from portable.bench._measurement import Sample
from portable.bench._operations import WAITING, Operation, Workload
from portable.bench._results import NATIVE, PORTABLE

#: How many tasks wait.
TASK_COUNT = 100

WAIT = Operation(
    "wait",
    f"Wait once, {TASK_COUNT} tasks at a time; on trio against checkpoint()",
    {
        "smoke": tuple(Workload(job, 1_000) for job in ("turn", "future", "queue")),
        "small": tuple(Workload(job, 5_000) for job in ("turn", "future", "queue")),
        "full": tuple(Workload(job, 20_000) for job in ("turn", "future", "queue")),
    },
    theme=WAITING,
)
WAIT_IN_TRIO = Operation(
    "wait_in_trio",
    f"Wait once in trio, {TASK_COUNT} tasks at a time, against plain tasks of trio's",
    {
        "smoke": tuple(Workload(job, 1_000) for job in ("turn", "future", "queue")),
        "small": tuple(Workload(job, 5_000) for job in ("turn", "future", "queue")),
        "full": tuple(Workload(job, 20_000) for job in ("turn", "future", "queue")),
    },
    theme=WAITING,
)


@dataclass(frozen=True, slots=True)
class Library:
    """What the tasks need from a library.

    Attributes:
        turn: gives the other tasks a turn.
        event: makes an event.
        fire: sets an event.
        wait: waits for an event.
        channel: makes the two ends of a channel, one to put into and one to get from.
        put: puts a message into a channel.
        get: waits for a message from a channel.
        close: closes an end of a channel.
    """

    turn: Callable[[], Awaitable[object]]
    event: Callable[[], Any]
    fire: Callable[[Any], object]
    wait: Callable[[Any], Awaitable[object]]
    channel: Callable[[], tuple[Any, Any]]
    put: Callable[[Any], object]
    get: Callable[[Any], Awaitable[object]]
    close: Callable[[Any], object]


def asyncio_library() -> Library:
    """Return what asyncio has for it."""
    loop = asyncio.get_running_loop()

    def channel() -> tuple[Any, Any]:
        queue: asyncio.Queue[None] = asyncio.Queue()
        return queue, queue

    return Library(
        turn=partial(asyncio.sleep, 0),
        event=loop.create_future,
        fire=lambda future: future.set_result(None),
        wait=lambda future: future,
        channel=channel,
        put=lambda queue: queue.put_nowait(None),
        get=lambda queue: queue.get(),
        close=lambda queue: None,
    )


def trio_library(trio: Any) -> Library:
    """Return what trio has for it."""
    return Library(
        turn=trio.lowlevel.checkpoint,
        event=trio.Event,
        fire=lambda event: event.set(),
        wait=lambda event: event.wait(),
        channel=partial(trio.open_memory_channel, 1),
        put=lambda send: send.send_nowait(None),
        get=lambda receive: receive.receive(),
        close=lambda end: end.close(),
    )


def anyio_library() -> Library:
    """Return what AnyIO has for it."""
    return Library(
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
    """The tasks of one sample, in pairs of partners that wait for each other in turn.

    Attributes:
        tasks: how many tasks there are.
    """

    def __init__(self, sample: Sample, library: Library, job: str | None = None) -> None:
        self._job = job or sample.job
        self.tasks = TASK_COUNT if sample.size % TASK_COUNT == 0 else 2
        self._each = sample.size // self.tasks
        self._sample = sample
        self._library = library
        self._ready = 0
        self._done: list[int] = []
        self._events = [library.event() for _ in range(self.tasks)]
        self._channels: list[tuple[Any, Any]] = []
        if self._job == "queue":
            self._channels = [library.channel() for _ in range(self.tasks)]

    async def run(self, number: int) -> None:
        """Do the waits of one task."""
        library, sample = self._library, self._sample
        once = getattr(self, f"_{self._job}")(number)
        self._ready += 1
        if self._ready == self.tasks:
            sample.start()
        while self._ready < self.tasks:
            await library.turn()
        for _ in range(self._each):
            await once()
        self._done.extend(range(number * self._each, (number + 1) * self._each))
        if len(self._done) == sample.size:
            sample.results = self._done
            sample.stop()
            for end in (end for ends in self._channels for end in ends):
                library.close(end)

    def _turn(self, number: int) -> Callable[[], Awaitable[object]]:
        return self._library.turn

    def _future(self, number: int) -> Callable[[], Awaitable[object]]:
        event, fire, wait, events = (
            self._library.event,
            self._library.fire,
            self._library.wait,
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
        put, get = self._library.put, self._library.get
        _, mine = self._channels[number]
        others, _ = self._channels[number - 1 if number % 2 else number + 1]

        async def lead() -> None:
            put(others)
            await get(mine)

        async def follow() -> None:
            await get(mine)
            put(others)

        return follow if number % 2 else lead


async def by_create_task(sample: Sample, library: Library) -> None:
    """Let asyncio's tasks wait."""
    waiting = Waiting(sample, library)
    async with asyncio.TaskGroup() as group:
        for number in range(waiting.tasks):
            group.create_task(waiting.run(number))


async def by_start_soon(
    sample: Sample, library: Library, make_group: Callable[[], Any], job: str | None = None
) -> None:
    """Let the tasks of a nursery, or of AnyIO's group, wait."""
    waiting = Waiting(sample, library, job)
    async with make_group() as group:
        for number in range(waiting.tasks):
            group.start_soon(waiting.run, number)


@WAIT.by_asyncio
async def with_asyncio(sample: Sample) -> None:
    """Use `sleep(0)`, a future of the loop's, a queue."""
    await by_create_task(sample, asyncio_library())


@WAIT.by(NATIVE, "trio", needs="trio")
async def with_checkpoint(sample: Sample, trio: Any) -> None:
    """Use `trio.lowlevel.checkpoint`, whatever the others wait for."""
    await by_start_soon(sample, trio_library(trio), trio.open_nursery, job="turn")


@WAIT.by("trio's own", "trio", needs="trio")
@WAIT_IN_TRIO.by(NATIVE, "trio", needs="trio")
async def with_trio(sample: Sample, trio: Any) -> None:
    """Use `checkpoint`, an `Event`, a memory channel."""
    await by_start_soon(sample, trio_library(trio), trio.open_nursery)


@WAIT.by("anyio")
@WAIT_IN_TRIO.by("anyio", "trio")
async def with_anyio(sample: Sample) -> None:
    """Use `checkpoint`, an `Event`, a stream."""
    await by_start_soon(sample, anyio_library(), anyio.create_task_group)


@WAIT_IN_TRIO.by(PORTABLE, "trio", needs="trio", driven=True)
async def in_driven_tasks(sample: Sample, trio: Any) -> None:
    """Use trio's functions in asyncio tasks."""
    await by_create_task(sample, trio_library(trio))
