"""Gather the results of many tasks.

Fetches run at the same time, and their results come in the order of the calls. The error of a
failing fetch is either one of the results, or is raised as it is while the other tasks go on.
An AnyIO task group cancels all of its tasks when one fails, so the port catches the error where
it is raised, before it reaches the group.
"""


async def original() -> None:
    import asyncio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        await asyncio.sleep(seconds)
        if url == "broken.example":
            print(f"{url} has hung up")
            raise ConnectionError(f"{url} does not answer")
        print(f"{url} has arrived")
        return f"the page of {url}"

    pages = await asyncio.gather(fetch("slow.example", 3), fetch("fast.example", 1))
    print(*pages, sep=", then ")
    outcomes = await asyncio.gather(
        fetch("broken.example", 1), fetch("slow.example", 2), return_exceptions=True
    )
    print(*map(repr, outcomes), sep=", then ")
    slow = asyncio.create_task(fetch("slow.example", 3))
    try:
        await asyncio.gather(slow, fetch("broken.example", 1))
    except ConnectionError as error:
        print(f"the first error: {error}")
    print(f"the other goes on: {await slow}")


async def port() -> None:
    import anyio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        await anyio.sleep(seconds)
        if url == "broken.example":
            print(f"{url} has hung up")
            raise ConnectionError(f"{url} does not answer")
        print(f"{url} has arrived")
        return f"the page of {url}"

    async def outcome(url: str, seconds: float) -> str | ConnectionError:
        try:
            return await fetch(url, seconds)
        except ConnectionError as error:
            return error

    async with anyio.create_task_group() as group:
        slow = group.start_soon(fetch, "slow.example", 3)
        fast = group.start_soon(fetch, "fast.example", 1)
    print(slow.return_value, fast.return_value, sep=", then ")
    async with anyio.create_task_group() as group:
        failed = group.start_soon(outcome, "broken.example", 1)
        other = group.start_soon(outcome, "slow.example", 2)
    print(repr(failed.return_value), repr(other.return_value), sep=", then ")
    async with anyio.create_task_group() as group:
        slow = group.start_soon(fetch, "slow.example", 3)
        try:
            await fetch("broken.example", 1)
        except ConnectionError as error:
            print(f"the first error: {error}")
        print(f"the other goes on: {await slow}")
