"""Ten tasks share two places.

After Jason Brownlee, *Python Asyncio Mastery*.
"""

import asyncio
from random import random, seed


async def task(number, semaphore):
    async with semaphore:
        seconds = random()
        await asyncio.sleep(seconds)
        print(f"task {number} got {seconds:.3f}")


async def main():
    seed(1)
    semaphore = asyncio.Semaphore(2)
    tasks = [asyncio.create_task(task(i, semaphore)) for i in range(10)]
    await asyncio.wait(tasks)


asyncio.run(main())
