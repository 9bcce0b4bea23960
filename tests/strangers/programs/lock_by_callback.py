"""A lock is held and given back by a callback.

After Doug Hellmann, *Python 3 Module of the Week*.
"""

import asyncio
import functools


def unlock(lock):
    print("callback releasing lock")
    lock.release()


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


async def main(loop):
    lock = asyncio.Lock()
    print("acquiring the lock before starting coroutines")
    await lock.acquire()
    print(f"lock acquired: {lock.locked()}")
    loop.call_later(0.1, functools.partial(unlock, lock))
    print("waiting for coroutines")
    await asyncio.gather(first(lock), second(lock))


loop = asyncio.new_event_loop()
try:
    loop.run_until_complete(main(loop))
finally:
    loop.close()
