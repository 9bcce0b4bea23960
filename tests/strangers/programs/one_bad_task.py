"""One of ten fails, and gather hands it out with the rest.

After Jason Brownlee, *Python Asyncio Mastery*.
"""

import asyncio


async def task_coro(value):
    print(f">task {value} executing")
    await asyncio.sleep(1)
    if value == 3:
        raise ValueError("something bad happened")
    return value * 10


async def main():
    print("main starting")
    values = await asyncio.gather(*[task_coro(i) for i in range(10)], return_exceptions=True)
    print(values)
    try:
        await asyncio.gather(*[task_coro(i) for i in range(2, 5)])
    except ValueError as error:
        print(f"failed: {error}")
    await asyncio.sleep(1)
    print("main done")


asyncio.run(main())
