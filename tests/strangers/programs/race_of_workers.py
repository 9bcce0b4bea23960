"""The first of five wins, the rest are cancelled.

After Jason Brownlee, *Python Asyncio Mastery*.
"""

import asyncio
import random


async def work(number):
    seconds = random.random() * 10
    await asyncio.sleep(seconds)
    print(f">task {number} done after {seconds:.3f}")
    return number


async def main():
    random.seed(7)
    tasks = [asyncio.create_task(work(i)) for i in range(5)]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    print(f"done: {len(done)}, first: {done.pop().result()}")
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    print(all(task.cancelled() for task in pending))


asyncio.run(main())
