"""A blocking call in a thread beside a sleep, with AnyIO."""

import time

import anyio
from anyio import to_thread


def blocking_io():
    print(f"start blocking_io at {time.strftime('%X')}")
    time.sleep(1)
    print(f"blocking_io complete at {time.strftime('%X')}")


async def main():
    print(f"started main at {time.strftime('%X')}")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(to_thread.run_sync, blocking_io)
        tasks.start_soon(anyio.sleep, 1)
    print(f"finished main at {time.strftime('%X')}")


anyio.run(main)
