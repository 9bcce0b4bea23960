"""Ports of `producer_and_consumers` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

Order = tuple[str, float]
Orders = MemoryObjectReceiveStream[Order]
MENU = {"soup": 2, "toast": 1, "roast": 4, "salad": 1, "cake": 3, "ice": 2}


async def prepare(dish: str, seconds: float) -> str:
    await anyio.sleep(seconds)
    if dish == "toast":
        raise ValueError(f"the {dish} is burnt")
    return f"the {dish} is ready"


async def cook(orders: Orders) -> int:
    cooked = 0
    async for order in orders:
        try:
            print(await prepare(*order))
            cooked += 1
        except ValueError as error:
            print(f"sorry, {error}")
    print("a cook goes home")
    return cooked


async def kitchen(
    cook: Callable[[Orders], Awaitable[int]] = cook, *, size: float = 2, number: int = 2
) -> None:
    send, receive = anyio.create_memory_object_stream[Order](size)
    with receive:
        async with anyio.create_task_group() as group:
            cooks = [group.start_soon(cook, receive) for _ in range(number)]  # type: ignore[arg-type]
            with send:
                for order in MENU.items():
                    await send.send(order)
                    print(f"{order[0]} is ordered")
    print(f"{sum(cook.return_value for cook in cooks)} dishes cooked")


async def wrong_port_without_a_buffer() -> None:
    """With no buffer the waiter waits for each order to be taken by a cook."""
    await kitchen(size=0)


async def wrong_port_with_an_endless_buffer() -> None:
    """All orders are taken at once, and nothing slows the waiter down."""
    await kitchen(size=100)


async def wrong_port_with_one_cook() -> None:
    """One cook works alone."""
    await kitchen(number=1)


async def wrong_port_that_never_closes() -> None:
    """The stream is not closed, so the cooks wait for ever."""
    send, receive = anyio.create_memory_object_stream[Order](2)
    with send, receive:
        async with anyio.create_task_group() as group:
            cooks = [group.start_soon(cook, receive) for _ in range(2)]
            for order in MENU.items():
                await send.send(order)
                print(f"{order[0]} is ordered")
    print(f"{sum(cook.return_value for cook in cooks)} dishes cooked")


async def wrong_port_that_closes_the_other_end() -> None:
    """The receiving end is closed with what is still in it."""
    send, receive = anyio.create_memory_object_stream[Order](2)
    async with anyio.create_task_group() as group:
        cooks = [group.start_soon(cook, receive) for _ in range(2)]
        with send, receive:
            for order in MENU.items():
                await send.send(order)
                print(f"{order[0]} is ordered")
    print(f"{sum(cook.return_value for cook in cooks)} dishes cooked")


async def wrong_port_that_drops_orders() -> None:
    """What finds no place in the buffer is dropped, where the waiter had to wait."""
    send, receive = anyio.create_memory_object_stream[Order](2)
    with receive:
        async with anyio.create_task_group() as group:
            cooks = [group.start_soon(cook, receive) for _ in range(2)]
            with send:
                for order in MENU.items():
                    await anyio.wait_all_tasks_blocked()
                    try:
                        send.send_nowait(order)
                    except anyio.WouldBlock:
                        continue
                    print(f"{order[0]} is ordered")
    print(f"{sum(cook.return_value for cook in cooks)} dishes cooked")


async def harmless_port_with_a_clone_for_each() -> None:
    """Each cook has an end of its own and closes it, as AnyIO's manual has it."""
    send, receive = anyio.create_memory_object_stream[Order](2)

    async def work(orders: Orders) -> int:
        with orders:
            return await cook(orders)

    async with anyio.create_task_group() as group:
        with receive:
            cooks = [group.start_soon(work, receive.clone()) for _ in range(2)]
        with send:
            for order in MENU.items():
                await send.send(order)
                print(f"{order[0]} is ordered")
    print(f"{sum(cook.return_value for cook in cooks)} dishes cooked")
