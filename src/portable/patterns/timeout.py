"""Time a task out.

Two fetches take thirty seconds each. The first one is timed out after three seconds. The second
one is cancelled by somebody else after one second. Whoever awaits them can tell the two cases
apart, and neither fetch goes on. asyncio's `wait_for()` cancels the task that it waits for. In
AnyIO a time limit ends only the wait, and the port has to cancel the task itself.
"""


async def original() -> None:
    import asyncio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        try:
            await asyncio.sleep(seconds)
        finally:
            print(f"the connection to {url} is closed")
        return url

    async def cancel_later(task: asyncio.Task[str], seconds: float) -> None:
        await asyncio.sleep(seconds)
        task.cancel()

    async def outcome(task: asyncio.Task[str]) -> str:
        try:
            return await asyncio.wait_for(task, timeout=3)
        except TimeoutError:
            return "timed out"
        except asyncio.CancelledError:
            return "cancelled"

    slow = asyncio.create_task(fetch("slow.example", 30))
    print(f"slow.example {await outcome(slow)}")
    unwanted = asyncio.create_task(fetch("unwanted.example", 30))
    canceller = asyncio.create_task(cancel_later(unwanted, 1))
    print(f"unwanted.example {await outcome(unwanted)}")
    await canceller
    print(f"both have stopped: {slow.done() and unwanted.done()}")


async def port() -> None:
    import anyio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        try:
            await anyio.sleep(seconds)
        finally:
            print(f"the connection to {url} is closed")
        return url

    async def cancel_later(task: anyio.TaskHandle[str], seconds: float) -> None:
        await anyio.sleep(seconds)
        task.cancel()

    async def outcome(task: anyio.TaskHandle[str]) -> str:
        try:
            with anyio.fail_after(3):
                return await task
        except TimeoutError:
            task.cancel()
            await task.wait()
            return "timed out"
        except anyio.TaskCancelled:
            return "cancelled"

    async with anyio.create_task_group() as group:
        slow = group.start_soon(fetch, "slow.example", 30)
        print(f"slow.example {await outcome(slow)}")
        unwanted = group.start_soon(fetch, "unwanted.example", 30)
        canceller = group.start_soon(cancel_later, unwanted, 1)
        print(f"unwanted.example {await outcome(unwanted)}")
        await canceller
        stopped = slow.Status.CANCELLED
        print(f"both have stopped: {slow.status is unwanted.status is stopped}")
