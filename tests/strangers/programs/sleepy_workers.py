"""Three workers share a queue of sleeps.

After the chapter on queues in Python's documentation.
"""

import asyncio
import random
import time


async def worker(name, queue):
    while True:
        seconds = await queue.get()
        await asyncio.sleep(seconds)
        queue.task_done()
        print(f"{name} has slept for {seconds:.2f} seconds")


async def main():
    queue = asyncio.Queue()
    total = 0
    for _ in range(20):
        seconds = random.uniform(0.05, 1.0)
        total += seconds
        queue.put_nowait(seconds)
    tasks = [asyncio.create_task(worker(f"worker-{i}", queue)) for i in range(3)]
    began = time.monotonic()
    await queue.join()
    slept = time.monotonic() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    print("====")
    print(f"3 workers slept in parallel for {slept:.2f} seconds")
    print(f"total expected sleep time: {total:.2f} seconds")


asyncio.run(main())
