"""Tasks time each other with a decorator.

After Matthew Fowler, *Python Concurrency with asyncio*.
"""

import asyncio
import functools
import time
from collections.abc import Callable
from typing import Any


def async_timed():
    def wrapper(func: Callable) -> Callable:
        @functools.wraps(func)
        async def wrapped(*args, **kwargs) -> Any:
            print(f"starting {func.__name__} with args {args} {kwargs}")
            start = time.time()
            try:
                return await func(*args, **kwargs)
            finally:
                print(f"finished {func.__name__} in {time.time() - start:.4f} second(s)")

        return wrapped

    return wrapper


@async_timed()
async def delay(seconds: int) -> int:
    print(f"sleeping for {seconds} second(s)")
    await asyncio.sleep(seconds)
    print(f"finished sleeping for {seconds} second(s)")
    return seconds


@async_timed()
async def main():
    first = asyncio.create_task(delay(2))
    second = asyncio.create_task(delay(3))
    await first
    await second
    long = asyncio.create_task(delay(10))
    elapsed = 0
    while not long.done():
        print("task not finished, checking again in a second")
        await asyncio.sleep(1)
        elapsed += 1
        if elapsed == 5:
            long.cancel()
    try:
        await long
    except asyncio.CancelledError:
        print("our task was cancelled")


asyncio.run(main())
