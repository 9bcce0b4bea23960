"""Ports of `at_most_n_at_a_time` as people write them: wrong ones, why, and good ones."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

PAGES = list(enumerate((3, 1, 1, 4, 2, 2), 1))
Outcomes = dict[int, str | ConnectionError]


async def fetch(number: int, seconds: float) -> str:
    print(f"page {number} begins")
    await anyio.sleep(seconds)
    if number == 3:
        raise ConnectionError(f"page {number} is lost")
    print(f"page {number} is complete")
    return f"page {number}"


async def keep(outcomes: Outcomes, number: int, seconds: float) -> None:
    try:
        outcomes[number] = await fetch(number, seconds)
    except ConnectionError as error:
        outcomes[number] = error


def show(outcomes: Outcomes) -> None:
    print(*(repr(outcomes[number]) for number in sorted(outcomes)), sep=", ")


async def in_a_group(limit: int, keep: Callable[..., Awaitable[None]] = keep) -> None:
    places = anyio.CapacityLimiter(limit)
    outcomes: Outcomes = {}

    async def in_turn(number: int, seconds: float, *, task_status: object) -> None:
        async with places:
            task_status.started()  # type: ignore[attr-defined]
            await keep(outcomes, number, seconds)

    async with anyio.create_task_group() as group:
        for page in PAGES:
            await group.start(in_turn, *page)
        print("all have begun")
    show(outcomes)


@asynccontextmanager
async def place(places: anyio.Semaphore) -> AsyncIterator[None]:
    try:
        yield
    finally:
        places.release()


async def wrong_port_with_another_limit() -> None:
    """Three at a time, by a slip."""
    await in_a_group(3)


async def wrong_port_without_a_limit() -> None:
    """A task group bounds nothing: all begin at once."""
    outcomes: Outcomes = {}
    async with anyio.create_task_group() as group:
        for page in PAGES:
            group.start_soon(keep, outcomes, *page)
        print("all have begun")
    show(outcomes)


async def wrong_port_in_batches() -> None:
    """Two are started when the last two are both complete, so that a place is left empty."""
    outcomes: Outcomes = {}
    for first in range(0, len(PAGES), 2):
        async with anyio.create_task_group() as group:
            for page in PAGES[first : first + 2]:
                group.start_soon(keep, outcomes, *page)
            if first + 2 == len(PAGES):
                print("all have begun")
    show(outcomes)


async def wrong_port_that_keeps_the_place_of_the_failed() -> None:
    """The place is given back where the fetch succeeds, and is lost where it fails."""
    places = anyio.Semaphore(2)
    outcomes: Outcomes = {}

    async def in_turn(number: int, seconds: float) -> None:
        await keep(outcomes, number, seconds)
        if isinstance(outcomes[number], str):
            places.release()

    async with anyio.create_task_group() as group:
        for page in PAGES:
            await places.acquire()
            group.start_soon(in_turn, *page)
        print("all have begun")
    show(outcomes)


async def wrong_port_with_the_error_in_the_group() -> None:
    """The page that is lost takes all others with it."""

    async def keep(outcomes: Outcomes, number: int, seconds: float) -> None:
        outcomes[number] = await fetch(number, seconds)

    await in_a_group(2, keep)


async def wrong_port_that_passes_over_the_lost_page() -> None:
    """The error is nowhere among the outcomes."""

    async def keep(outcomes: Outcomes, number: int, seconds: float) -> None:
        try:
            outcomes[number] = await fetch(number, seconds)
        except ConnectionError:
            pass

    await in_a_group(2, keep)


async def harmless_port_with_two_workers() -> None:
    """Two workers take the pages from one iterator, each when it is free."""
    outcomes: Outcomes = {}
    pages = iter(PAGES)

    async def work() -> None:
        for page in pages:
            if page == PAGES[-1]:
                print("all have begun")
            await keep(outcomes, *page)

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        group.start_soon(work)
    show(outcomes)
