"""Three ways to wait for two greetings, with AnyIO."""

import time

import anyio


async def say_after(delay, what):
    await anyio.sleep(delay)
    print(what)


async def one_by_one():
    print(f"started at {time.strftime('%X')}")
    await say_after(1, "hello")
    await say_after(2, "world")
    print(f"finished at {time.strftime('%X')}")


async def in_a_group():
    async with anyio.create_task_group() as group:
        group.start_soon(say_after, 1, "hello")
        group.start_soon(say_after, 2, "world")
        print(f"started at {time.strftime('%X')}")
    print(f"finished at {time.strftime('%X')}")


anyio.run(one_by_one)
anyio.run(in_a_group)
anyio.run(in_a_group)
