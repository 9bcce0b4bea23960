"""Cancel a task with a message.

A fetch takes ten seconds and is cancelled after one. Whoever awaits it learns whether it was
cancelled, and why. AnyIO's handle takes no message, so the port keeps the message in a
variable. Awaiting a cancelled AnyIO task raises `TaskCancelled`, an ordinary exception.
"""


async def original() -> None:
    import asyncio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        try:
            await asyncio.sleep(seconds)
        finally:
            print("the connection is closed")
        return url

    task = asyncio.create_task(fetch("example.org", 10))
    await asyncio.sleep(1)
    task.cancel("Took too long")
    try:
        print(f"finished: {await task}")
    except asyncio.CancelledError as reason:
        print(f"cancelled: {reason}")
    print(f"was cancelled: {task.cancelled()}")


async def port() -> None:
    import anyio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        try:
            await anyio.sleep(seconds)
        finally:
            print("the connection is closed")
        return url

    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 10)
        await anyio.sleep(1)
        reason = "Took too long"
        task.cancel()
        try:
            print(f"finished: {await task}")
        except anyio.TaskCancelled:
            print(f"cancelled: {reason}")
        print(f"was cancelled: {task.status is task.Status.CANCELLED}")
