"""Ports of `run_a_task` as people write them: wrong ones, why, and good ones."""

import time

import anyio


async def fetch(url: str, seconds: float) -> tuple[str, str]:
    print(f"fetching {url}")
    await anyio.sleep(seconds)
    return url, time.strftime("%H:%M:%S")


async def wrong_port_that_waits_first() -> None:
    """The other code has to wait for the fetch."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        url, finished = await task
        print("other code begins")
        await anyio.sleep(1)
        print("other code is done")
        print(f"{url} arrived at {finished}")


async def wrong_port_with_the_other_code_outside() -> None:
    """The block ends before the other code begins, and waits for the task."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
    print("other code begins")
    await anyio.sleep(1)
    print("other code is done")
    url, finished = task.return_value
    print(f"{url} arrived at {finished}")


async def wrong_port_that_looks_at_the_clock_early() -> None:
    """The timestamp is taken when the fetch begins."""

    async def fetch(url: str, seconds: float) -> tuple[str, str]:
        print(f"fetching {url}")
        finished = time.strftime("%H:%M:%S")
        await anyio.sleep(seconds)
        return url, finished

    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        print("other code begins")
        await anyio.sleep(1)
        print("other code is done")
        url, finished = await task
        print(f"{url} arrived at {finished}")


async def wrong_port_that_starts_two() -> None:
    """A retry that nobody asked for fetches the page a second time."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        group.start_soon(fetch, "example.org", 3)
        print("other code begins")
        await anyio.sleep(1)
        print("other code is done")
        url, finished = await task
        print(f"{url} arrived at {finished}")


async def wrong_port_that_stops_the_task() -> None:
    """The group is cancelled when the other code is done, and the result is lost."""
    async with anyio.create_task_group() as group:
        group.start_soon(fetch, "example.org", 3)
        print("other code begins")
        await anyio.sleep(1)
        print("other code is done")
        group.cancel_scope.cancel()


async def harmless_port_with_two_children() -> None:
    """The other code is a task as well, so the two may take turns in either order."""

    async def other_code() -> None:
        print("other code begins")
        await anyio.sleep(1)
        print("other code is done")

    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        group.start_soon(other_code)
    url, finished = task.return_value
    print(f"{url} arrived at {finished}")


async def harmless_port_with_a_stream() -> None:
    """The result comes through a memory stream."""
    send, receive = anyio.create_memory_object_stream[tuple[str, str]](1)

    async def fetch_and_send() -> None:
        async with send:
            await send.send(await fetch("example.org", 3))

    async with anyio.create_task_group() as group, receive:
        group.start_soon(fetch_and_send)
        print("other code begins")
        await anyio.sleep(1)
        print("other code is done")
        url, finished = await receive.receive()
        print(f"{url} arrived at {finished}")
