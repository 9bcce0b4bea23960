"""A shop with customers of three ranks and a priority queue.

After Matthew Fowler, *Python Concurrency with asyncio*.
"""

import asyncio
from asyncio import PriorityQueue
from dataclasses import dataclass, field
from enum import IntEnum
from random import randrange


class Rank(IntEnum):
    OWNER = 0
    MEMBER = 1
    GUEST = 2


@dataclass(order=True)
class Order:
    rank: Rank
    number: int
    seconds: int = field(compare=False)


async def worker(number, queue):
    while not queue.empty():
        order = await queue.get()
        print(f"worker {number}: processing {order.rank.name} order {order.number}")
        await asyncio.sleep(order.seconds)
        print(f"worker {number}: processed {order.rank.name} order {order.number}")
        queue.task_done()


async def customers(queue):
    number = 0
    while number < 8:
        rank = Rank(randrange(3))
        print(f"a {rank.name} comes in")
        await queue.put(Order(rank, number, 1 + randrange(3)))
        number += 1
        await asyncio.sleep(0.25 * randrange(3))


async def main():
    queue = PriorityQueue(10)
    await asyncio.create_task(customers(queue))
    workers = [asyncio.create_task(worker(i, queue)) for i in range(2)]
    await asyncio.gather(queue.join(), *workers)


asyncio.run(main())
