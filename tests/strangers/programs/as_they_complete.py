"""Answers are shown as they come.

After Yeray Diaz, *AsyncIO for the Working Python Developer*.
"""

import asyncio
import random
import time

start = time.time()
CLIENTS = 3


async def fetch(pid):
    begun = time.time()
    seconds = random.randint(2, 5)
    print(f"fetch process {pid} started, sleeping for {seconds} seconds")
    await asyncio.sleep(seconds)
    return f"process {pid}: took {time.time() - begun:.2f} seconds"


async def main():
    tasks = [asyncio.ensure_future(fetch(i)) for i in range(1, CLIENTS + 1)]
    for i, task in enumerate(asyncio.as_completed(tasks)):
        result = await task
        print(f"{'>>' * (i + 1)} {result}")
    print(f"process took: {time.time() - start:.2f} seconds")


loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(main())
loop.close()
