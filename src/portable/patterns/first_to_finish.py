"""Take the first to finish and cancel the others.

Several mirrors are asked for the same page. The first answer counts, be it a page or an error.
The others are cancelled, and their clean-up is awaited. In the port the first task to end
cancels the group in which all run. It keeps an error until the group is over; out of the group
the error would come in an `ExceptionGroup`.
"""


async def original() -> None:
    import asyncio

    async def fetch(mirror: str, seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            print(f"{mirror} is not needed")
            raise
        if mirror == "broken.example":
            raise ConnectionError(f"{mirror} does not answer")
        return f"the page from {mirror}"

    async def first(mirrors: dict[str, float]) -> str:
        tasks = [asyncio.create_task(fetch(*mirror)) for mirror in mirrors.items()]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(pending)
        print(f"cancelled: {sum(task.cancelled() for task in tasks)}")
        return await done.pop()

    print(await first({"far.example": 5, "near.example": 1, "old.example": 9}))
    try:
        print(await first({"far.example": 5, "broken.example": 2}))
    except ConnectionError as error:
        print(f"the first to finish has failed: {error}")


async def port() -> None:
    import anyio

    async def fetch(mirror: str, seconds: float) -> str:
        try:
            await anyio.sleep(seconds)
        except anyio.get_cancelled_exc_class():
            print(f"{mirror} is not needed")
            raise
        if mirror == "broken.example":
            raise ConnectionError(f"{mirror} does not answer")
        return f"the page from {mirror}"

    async def first(mirrors: dict[str, float]) -> str:
        outcomes: list[str | ConnectionError] = []

        async def compete(mirror: str, seconds: float) -> None:
            try:
                outcomes.append(await fetch(mirror, seconds))
            except ConnectionError as error:
                outcomes.append(error)
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            tasks = [group.start_soon(compete, *mirror) for mirror in mirrors.items()]
        print(f"cancelled: {sum(task.status is task.Status.CANCELLED for task in tasks)}")
        if isinstance(outcomes[0], ConnectionError):
            raise outcomes[0]
        return outcomes[0]

    print(await first({"far.example": 5, "near.example": 1, "old.example": 9}))
    try:
        print(await first({"far.example": 5, "broken.example": 2}))
    except ConnectionError as error:
        print(f"the first to finish has failed: {error}")
