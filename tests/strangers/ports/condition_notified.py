"""Consumers of a condition are let go in small groups, with AnyIO."""

import anyio


async def consumer(condition, number):
    async with condition:
        print(f"consumer {number} is waiting")
        await condition.wait()
        print(f"consumer {number} triggered")
    print(f"ending consumer {number}")


async def manipulate(condition):
    print("starting manipulate_condition")
    await anyio.sleep(0.1)
    for i in range(1, 3):
        async with condition:
            print(f"notifying {i} consumers")
            condition.notify(i)
        await anyio.sleep(0.1)
    async with condition:
        print("notifying remaining consumers")
        condition.notify_all()
    print("ending manipulate_condition")


async def main():
    condition = anyio.Condition()
    async with anyio.create_task_group() as tasks:
        for i in range(5):
            tasks.start_soon(consumer, condition, i)
        await anyio.sleep(0.1)
        tasks.start_soon(manipulate, condition)


result = anyio.run(main)
print(f"result: {result}")
