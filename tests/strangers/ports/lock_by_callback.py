"""A lock is held by a task of its own, which gives it back, with AnyIO.

AnyIO's lock belongs to the task that has acquired it, so no other may release it.
"""

import anyio
from anyio import TASK_STATUS_IGNORED


async def hold(lock, *, task_status=TASK_STATUS_IGNORED):
    async with lock:
        task_status.started()
        await anyio.sleep(0.1)
        print("callback releasing lock")


async def first(lock):
    print("first waiting for the lock")
    async with lock:
        print("first acquired lock")
    print("first released lock")


async def second(lock):
    print("second waiting for the lock")
    await lock.acquire()
    try:
        print("second acquired lock")
    finally:
        print("second released lock")
        lock.release()


async def main():
    lock = anyio.Lock()
    async with anyio.create_task_group() as tasks:
        print("acquiring the lock before starting coroutines")
        await tasks.start(hold, lock)
        print(f"lock acquired: {lock.locked()}")
        print("waiting for coroutines")
        tasks.start_soon(first, lock)
        tasks.start_soon(second, lock)


anyio.run(main)
