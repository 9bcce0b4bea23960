"""Take results as they complete.

Four fetches run at once. Each page is shown when it arrives, and a failure when it happens.
After five seconds nobody waits any longer, and the last fetch is cancelled. In the port each
task puts its outcome into a memory object stream. A time limit around the reading does not
affect the tasks, as in asyncio.
"""


async def original() -> None:
    import asyncio

    async def fetch(url: str, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
            if url == "broken.example":
                raise ConnectionError(f"{url} does not answer")
            return f"the page of {url}"
        finally:
            print(f"the connection to {url} is closed")

    urls = {"slow.example": 3, "fast.example": 1, "broken.example": 2, "stuck.example": 60}
    tasks = [asyncio.create_task(fetch(*url)) for url in urls.items()]
    for earliest in asyncio.as_completed(tasks, timeout=5):
        try:
            print(f"here is {await earliest}")
        except ConnectionError as error:
            print(f"failed: {error}")
        except TimeoutError:
            print("the rest takes too long")
            break
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    print(f"cancelled: {sum(task.cancelled() for task in tasks)}")


async def port() -> None:
    import anyio

    async def fetch(url: str, seconds: float) -> str:
        try:
            await anyio.sleep(seconds)
            if url == "broken.example":
                raise ConnectionError(f"{url} does not answer")
            return f"the page of {url}"
        finally:
            print(f"the connection to {url} is closed")

    urls = {"slow.example": 3, "fast.example": 1, "broken.example": 2, "stuck.example": 60}
    send, receive = anyio.create_memory_object_stream[str](len(urls))

    async def report(url: str, seconds: float) -> None:
        try:
            outcome = f"here is {await fetch(url, seconds)}"
        except ConnectionError as error:
            outcome = f"failed: {error}"
        send.send_nowait(outcome)

    with send, receive:
        async with anyio.create_task_group() as group:
            tasks = [group.start_soon(report, *url) for url in urls.items()]
            try:
                with anyio.fail_after(5):
                    for _ in urls:
                        print(await receive.receive())
            except TimeoutError:
                print("the rest takes too long")
            group.cancel_scope.cancel()
    print(f"cancelled: {sum(task.status is task.Status.CANCELLED for task in tasks)}")
