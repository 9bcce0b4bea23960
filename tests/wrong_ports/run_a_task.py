"""Ports of `run_a_task` as people write them: wrong ones, why, and good ones."""

import time

import anyio

import portable


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


async def wrong_drop_in_with_a_bare_coroutine() -> None:
    """Without create_task nothing runs before it is awaited: one after the other."""
    coroutine = fetch("example.org", 3)
    print("other code begins")
    await portable.sleep(1)
    print("other code is done")
    url, finished = await coroutine
    print(f"{url} arrived at {finished}")


async def wrong_drop_in_that_forgets_the_task() -> None:
    """Nobody awaits the task, so it is left running when main ends."""
    portable.create_task(fetch("example.org", 3))
    print("other code begins")
    await portable.sleep(1)
    print("other code is done")


async def wrong_drop_in_in_milliseconds() -> None:
    """The delay of the other code is given in milliseconds."""
    task = portable.create_task(fetch("example.org", 3))
    print("other code begins")
    await portable.sleep(1000)
    print("other code is done")
    url, finished = await task
    print(f"{url} arrived at {finished}")


async def wrong_drop_in_that_prints_the_task() -> None:
    """The task is printed where its result was meant."""
    task = portable.create_task(fetch("example.org", 3))
    print("other code begins")
    await portable.sleep(1)
    print("other code is done")
    await task
    print(f"{task} arrived at {time.strftime('%H:%M:%S')}")


async def wrong_drop_in_with_one_line_more() -> None:
    """A line from debugging is left in."""
    task = portable.create_task(fetch("example.org", 3))
    print("other code begins")
    await portable.sleep(1)
    print("other code is done")
    print(f"{task.done()=}")
    url, finished = await task
    print(f"{url} arrived at {finished}")


async def wrong_drop_in_without_a_newline() -> None:
    """The text is right, but its line is not ended."""
    task = portable.create_task(fetch("example.org", 3))
    print("other code begins")
    await portable.sleep(1)
    print("other code is done")
    url, finished = await task
    print(f"{url} arrived at {finished}", end="")


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


async def harmless_drop_in_with_a_task_group() -> None:
    """A task group in place of the ambient supervisor; the text in pieces."""
    async with portable.TaskGroup() as group:
        task = group.create_task(fetch("example.org", 3))
        print("other ", "code begins", sep="")
        await portable.sleep(0.25)
        await portable.sleep(0.75)
        print("other code", end=" ")
        print("is done")
    print(*task.result(), sep=" arrived at ")
