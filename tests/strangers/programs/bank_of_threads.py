"""A counter in threads, and a lock that keeps it whole.

After Matthew Fowler, *Python Concurrency with asyncio*.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import sleep

lock = Lock()
counter = 0


def work(number: int) -> int:
    global counter
    sleep(number)
    with lock:
        counter += 1
    return number


async def report(total: int) -> None:
    while counter < total:
        print(f"finished {counter}/{total} requests")
        await asyncio.sleep(0.5)


async def main():
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(max_workers=3) as pool:
        reporter = asyncio.create_task(report(6))
        jobs = [loop.run_in_executor(pool, work, 0.3 + 0.7 * (i % 3)) for i in range(6)]
        print(await asyncio.gather(*jobs))
        await reporter


asyncio.run(main())
