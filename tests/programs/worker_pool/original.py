"""Workers over a queue that finish what they have begun when they are told to stop."""

import asyncio
import logging

log = logging.getLogger("pool")


async def worker(name: str, jobs: asyncio.Queue[int | None], done: list[int]) -> None:
    while (job := await jobs.get()) is not None:
        await asyncio.sleep(job)
        done.append(job)
        print(f"{name} did {job}")
    log.warning("%s stops", name)


async def main() -> None:
    jobs: asyncio.Queue[int | None] = asyncio.Queue()
    done: list[int] = []
    workers = [asyncio.create_task(worker(f"worker {n}", jobs, done)) for n in range(3)]
    for job in (3, 1, 4, 1.5, 5, 9, 2.5):
        jobs.put_nowait(job)
    await asyncio.sleep(4.25)
    print("shutting down")
    for _ in workers:
        jobs.put_nowait(None)
    await asyncio.gather(*workers)
    print(sum(done), "seconds of work")


if __name__ == "__main__":
    asyncio.run(main())
