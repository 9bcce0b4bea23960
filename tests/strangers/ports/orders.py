"""A shop with customers of three ranks and a heap of orders, with AnyIO."""

import heapq
from dataclasses import dataclass, field
from enum import IntEnum
from random import randrange

import anyio


class Rank(IntEnum):
    OWNER = 0
    MEMBER = 1
    GUEST = 2


@dataclass(order=True)
class Order:
    rank: Rank
    number: int
    seconds: int = field(compare=False)


async def worker(number, orders):
    while orders:
        order = heapq.heappop(orders)
        print(f"worker {number}: processing {order.rank.name} order {order.number}")
        await anyio.sleep(order.seconds)
        print(f"worker {number}: processed {order.rank.name} order {order.number}")


async def customers(orders):
    number = 0
    while number < 8:
        rank = Rank(randrange(3))
        print(f"a {rank.name} comes in")
        heapq.heappush(orders, Order(rank, number, 1 + randrange(3)))
        number += 1
        await anyio.sleep(0.25 * randrange(3))


async def main():
    orders = []
    await customers(orders)
    async with anyio.create_task_group() as tasks:
        for i in range(2):
            tasks.start_soon(worker, i, orders)


anyio.run(main)
