"""Ten tasks share two places, with AnyIO."""

from random import random, seed

import anyio


async def task(number, semaphore):
    async with semaphore:
        seconds = random()
        await anyio.sleep(seconds)
        print(f"task {number} got {seconds:.3f}")


async def main():
    seed(1)
    semaphore = anyio.Semaphore(2)
    async with anyio.create_task_group() as tasks:
        for i in range(10):
            tasks.start_soon(task, i, semaphore)


anyio.run(main)
