"""Let consumers work on what a producer makes.

A waiter takes orders and two cooks prepare them. No more than two orders may wait between them;
with a third one the waiter has to wait. A failed order does not end the cook. When there are no
more orders, both cooks go home. AnyIO's queues are memory object streams: if one end is closed,
the other end knows that no more items will come. asyncio before Python 3.13 needs a last item
for each cook.
"""


async def original() -> None:
    import asyncio

    menu = {"soup": 2, "toast": 1, "roast": 4, "salad": 1, "cake": 3, "ice": 2}
    orders: asyncio.Queue[tuple[str, float] | None] = asyncio.Queue(2)

    async def prepare(dish: str, seconds: float) -> str:
        await asyncio.sleep(seconds)
        if dish == "toast":
            raise ValueError(f"the {dish} is burnt")
        return f"the {dish} is ready"

    async def cook() -> int:
        cooked = 0
        while (order := await orders.get()) is not None:
            try:
                print(await prepare(*order))
                cooked += 1
            except ValueError as error:
                print(f"sorry, {error}")
        print("a cook goes home")
        return cooked

    cooks = [asyncio.create_task(cook()) for _ in range(2)]
    for order in menu.items():
        await orders.put(order)
        print(f"{order[0]} is ordered")
    for _ in cooks:
        await orders.put(None)
    print(f"{sum(await asyncio.gather(*cooks))} dishes cooked")


async def port() -> None:
    import anyio

    menu = {"soup": 2, "toast": 1, "roast": 4, "salad": 1, "cake": 3, "ice": 2}
    send, receive = anyio.create_memory_object_stream[tuple[str, float]](2)

    async def prepare(dish: str, seconds: float) -> str:
        await anyio.sleep(seconds)
        if dish == "toast":
            raise ValueError(f"the {dish} is burnt")
        return f"the {dish} is ready"

    async def cook() -> int:
        cooked = 0
        async for order in receive:
            try:
                print(await prepare(*order))
                cooked += 1
            except ValueError as error:
                print(f"sorry, {error}")
        print("a cook goes home")
        return cooked

    with receive:
        async with anyio.create_task_group() as group:
            cooks = [group.start_soon(cook) for _ in range(2)]
            with send:
                for order in menu.items():
                    await send.send(order)
                    print(f"{order[0]} is ordered")
    print(f"{sum(cook.return_value for cook in cooks)} dishes cooked")
