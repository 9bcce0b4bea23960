"""Three ways to wait for two greetings.

After the chapter on tasks in Python's documentation.
"""

import asyncio
import time


async def say_after(delay, what):
    await asyncio.sleep(delay)
    print(what)


async def one_by_one():
    print(f"started at {time.strftime('%X')}")
    await say_after(1, "hello")
    await say_after(2, "world")
    print(f"finished at {time.strftime('%X')}")


async def as_tasks():
    first = asyncio.create_task(say_after(1, "hello"))
    second = asyncio.create_task(say_after(2, "world"))
    print(f"started at {time.strftime('%X')}")
    await first
    await second
    print(f"finished at {time.strftime('%X')}")


async def in_a_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(say_after(1, "hello"))
        group.create_task(say_after(2, "world"))
        print(f"started at {time.strftime('%X')}")
    print(f"finished at {time.strftime('%X')}")


asyncio.run(one_by_one())
asyncio.run(as_tasks())
asyncio.run(in_a_group())
