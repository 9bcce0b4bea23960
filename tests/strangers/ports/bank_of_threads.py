"""A counter in threads, and a lock that keeps it whole, with AnyIO."""

from threading import Lock
from time import sleep

import anyio
from anyio import to_thread

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
        await anyio.sleep(0.5)


async def main():
    limiter = anyio.CapacityLimiter(3)
    results = [None] * 6

    async def job(i):
        results[i] = await to_thread.run_sync(work, 0.3 + 0.7 * (i % 3), limiter=limiter)

    async with anyio.create_task_group() as reporting:
        reporting.start_soon(report, 6)
        async with anyio.create_task_group() as jobs:
            for i in range(6):
                jobs.start_soon(job, i)
        print(results)


anyio.run(main)
