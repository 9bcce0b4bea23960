"""Functions time each other with a decorator, with AnyIO."""

import functools
import time
from collections.abc import Callable
from typing import Any

import anyio


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
    await anyio.sleep(seconds)
    print(f"finished sleeping for {seconds} second(s)")
    return seconds


@async_timed()
async def main():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(delay, 2)
        tasks.start_soon(delay, 3)
    scope, ended = anyio.CancelScope(), anyio.Event()

    async def long():
        with scope:
            await delay(10)
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(long)
        elapsed = 0
        while not ended.is_set():
            print("task not finished, checking again in a second")
            await anyio.sleep(1)
            elapsed += 1
            if elapsed == 5:
                scope.cancel()
    if scope.cancelled_caught:
        print("our task was cancelled")


anyio.run(main)
