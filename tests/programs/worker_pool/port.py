"""Workers over a queue that finish what they have begun when they are told to stop."""

import logging

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

log = logging.getLogger("pool")


async def worker(name: str, jobs: MemoryObjectReceiveStream[float], done: list[float]) -> None:
    async for job in jobs:
        await anyio.sleep(job)
        done.append(job)
        print(f"{name} did {job}")
    log.warning("%s stops", name)


async def main() -> None:
    send, receive = anyio.create_memory_object_stream[float](100)
    done: list[float] = []
    async with receive, anyio.create_task_group() as group:
        async with send:
            for job in (3, 1, 4, 1.5, 5, 9, 2.5):
                send.send_nowait(job)
            for number in range(3):
                await group.start(begin, f"worker {number}", receive, done)
            await anyio.sleep(4.25)
            print("shutting down")
    print(sum(done), "seconds of work")


async def begin(
    name: str,
    jobs: MemoryObjectReceiveStream[float],
    done: list[float],
    *,
    task_status: anyio.abc.TaskStatus[None],
) -> None:
    """Take the jobs in the order of the workers."""
    job = jobs.receive_nowait()
    task_status.started()
    await anyio.sleep(job)
    done.append(job)
    print(f"{name} did {job}")
    await worker(name, jobs, done)


if __name__ == "__main__":
    anyio.run(main)
