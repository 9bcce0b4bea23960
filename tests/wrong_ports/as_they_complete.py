"""Ports of `as_they_complete` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio

URLS = {"slow.example": 3, "fast.example": 1, "broken.example": 2, "stuck.example": 60}


async def fetch(url: str, seconds: float) -> str:
    try:
        await anyio.sleep(seconds)
        if url == "broken.example":
            raise ConnectionError(f"{url} does not answer")
        return f"the page of {url}"
    finally:
        print(f"the connection to {url} is closed")


async def report(url: str, seconds: float) -> str:
    try:
        return f"here is {await fetch(url, seconds)}"
    except ConnectionError as error:
        return f"failed: {error}"


async def read(
    limit: float = 5,
    report: Callable[[str, float], Awaitable[str]] = report,
    cancel: bool = True,
) -> None:
    send, receive = anyio.create_memory_object_stream[str](len(URLS))

    async def put(url: str, seconds: float) -> None:
        outcome = await report(url, seconds)
        send.send_nowait(outcome)

    with send, receive:
        async with anyio.create_task_group() as group:
            tasks = [group.start_soon(put, *url) for url in URLS.items()]
            try:
                with anyio.fail_after(limit):
                    for _ in URLS:
                        print(await receive.receive())
            except TimeoutError:
                print("the rest takes too long")
            if cancel:
                group.cancel_scope.cancel()
    cancelled = [task.status is task.Status.CANCELLED for task in tasks]
    print(f"cancelled: {sum(cancelled)}")


async def wrong_port_with_another_limit() -> None:
    """The limit is reached before the slow page is there."""
    await read(limit=3)


async def wrong_port_that_loses_one() -> None:
    """The outcome of the failed one is not put into the stream."""

    async def report(url: str, seconds: float) -> str:
        try:
            return f"here is {await fetch(url, seconds)}"
        except ConnectionError:
            await anyio.sleep_forever()
            raise

    await read(report=report)


async def wrong_port_that_cancels_nobody() -> None:
    """The time limit ends the reading, and the group waits for what is stuck."""
    await read(cancel=False)


async def wrong_port_without_a_buffer() -> None:
    """Nobody may be waiting when a page is there, and then there is nowhere to put it."""
    send, receive = anyio.create_memory_object_stream[str](0)

    async def put(url: str, seconds: float) -> None:
        send.send_nowait(await report(url, seconds))

    with send, receive:
        async with anyio.create_task_group() as group:
            for url in URLS.items():
                group.start_soon(put, *url)
            await anyio.sleep(1.5)
            async for outcome in receive:
                print(outcome)


async def wrong_port_with_the_error_in_the_group() -> None:
    """The failed one ends the group, and the slow page never comes."""

    async def report(url: str, seconds: float) -> str:
        return f"here is {await fetch(url, seconds)}"

    await read(report=report)


async def wrong_port_with_a_limit_for_each() -> None:
    """Five seconds for each page are more than five seconds for all."""
    send, receive = anyio.create_memory_object_stream[str](len(URLS))

    async def put(url: str, seconds: float) -> None:
        send.send_nowait(await report(url, seconds))

    with send, receive:
        async with anyio.create_task_group() as group:
            for url in URLS.items():
                group.start_soon(put, *url)
            for _ in URLS:
                with anyio.move_on_after(5) as scope:
                    print(await receive.receive())
                if scope.cancelled_caught:
                    print("the rest takes too long")
            group.cancel_scope.cancel()
    print("cancelled: 1")


async def harmless_port_that_prints_by_itself() -> None:
    """Each task prints its outcome, so that no stream is needed."""

    async def show(url: str, seconds: float) -> None:
        print(await report(url, seconds))

    async with anyio.create_task_group() as group:
        for url in URLS.items():
            group.start_soon(show, *url)
        await anyio.sleep(5)
        print("the rest takes too long")
        group.cancel_scope.cancel()
    print("cancelled: 1")
