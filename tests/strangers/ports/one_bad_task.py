"""One of ten fails, and its error stands among the results, with AnyIO."""

import anyio


async def task_coro(value):
    print(f">task {value} executing")
    await anyio.sleep(1)
    if value == 3:
        raise ValueError("something bad happened")
    return value * 10


async def main():
    print("main starting")
    values = [None] * 10

    async def settle(i):
        try:
            values[i] = await task_coro(i)
        except Exception as error:
            values[i] = error

    async with anyio.create_task_group() as tasks:
        for i in range(10):
            tasks.start_soon(settle, i)
    print(values)
    try:
        async with anyio.create_task_group() as tasks:
            for i in range(2, 5):
                tasks.start_soon(task_coro, i)
    except* ValueError as group:
        print(f"failed: {group.exceptions[0]}")
    await anyio.sleep(1)
    print("main done")


anyio.run(main)
