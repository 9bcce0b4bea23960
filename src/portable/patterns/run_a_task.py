"""Run a task while other code goes on.

A fetch takes three seconds. Started as a task, it lets other code run meanwhile; awaiting
the task gives what the fetch returned. The AnyIO port needs a task group, which says where
the task ends at the latest.
"""


async def original() -> None:
    import asyncio
    import time

    async def fetch(url: str, seconds: float) -> tuple[str, str]:
        print(f"fetching {url}")
        await asyncio.sleep(seconds)
        return url, time.strftime("%H:%M:%S")

    task = asyncio.create_task(fetch("example.org", 3))
    print("other code begins")
    await asyncio.sleep(1)
    print("other code is done")
    url, finished = await task
    print(f"{url} arrived at {finished}")


async def port() -> None:
    import time

    import anyio

    async def fetch(url: str, seconds: float) -> tuple[str, str]:
        print(f"fetching {url}")
        await anyio.sleep(seconds)
        return url, time.strftime("%H:%M:%S")

    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        print("other code begins")
        await anyio.sleep(1)
        print("other code is done")
        url, finished = await task
        print(f"{url} arrived at {finished}")
