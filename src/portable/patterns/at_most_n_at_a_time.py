"""Run at most so many at a time.

Six pages are fetched, two at a time. Before a task is made, its maker waits for a free place.
So tasks do not pile up, and pages begin in their order on every loop; on trio, AnyIO's tasks
that start at the same instant would begin in any order. A fetch that fails gives its place
back, too. In the port a capacity limiter counts the places, and `start()` waits until the task
has one.
"""


async def original() -> None:
    import asyncio

    places = asyncio.Semaphore(2)

    async def fetch(number: int, seconds: float) -> str:
        try:
            print(f"page {number} begins")
            await asyncio.sleep(seconds)
            if number == 3:
                raise ConnectionError(f"page {number} is lost")
            print(f"page {number} is complete")
            return f"page {number}"
        finally:
            places.release()

    tasks = []
    for number, seconds in enumerate((3, 1, 1, 4, 2, 2), 1):
        await places.acquire()
        tasks.append(asyncio.create_task(fetch(number, seconds)))
    print("all have begun")
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    print(*map(repr, outcomes), sep=", ")


async def port() -> None:
    import anyio
    import anyio.abc

    places = anyio.CapacityLimiter(2)
    outcomes: dict[int, str | ConnectionError] = {}

    async def fetch(number: int, seconds: float) -> str:
        print(f"page {number} begins")
        await anyio.sleep(seconds)
        if number == 3:
            raise ConnectionError(f"page {number} is lost")
        print(f"page {number} is complete")
        return f"page {number}"

    async def fetch_in_turn(
        number: int, seconds: float, *, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        async with places:
            task_status.started()
            try:
                outcomes[number] = await fetch(number, seconds)
            except ConnectionError as error:
                outcomes[number] = error

    async with anyio.create_task_group() as group:
        for number, seconds in enumerate((3, 1, 1, 4, 2, 2), 1):
            await group.start(fetch_in_turn, number, seconds)
        print("all have begun")
    print(*(repr(outcomes[number]) for number in sorted(outcomes)), sep=", ")
