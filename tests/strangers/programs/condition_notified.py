"""Consumers of a condition are let go in small groups.

After Doug Hellmann, *Python 3 Module of the Week*.
"""

import asyncio


async def consumer(condition, number):
    async with condition:
        print(f"consumer {number} is waiting")
        await condition.wait()
        print(f"consumer {number} triggered")
    print(f"ending consumer {number}")


async def manipulate(condition):
    print("starting manipulate_condition")
    await asyncio.sleep(0.1)
    for i in range(1, 3):
        async with condition:
            print(f"notifying {i} consumers")
            condition.notify(n=i)
        await asyncio.sleep(0.1)
    async with condition:
        print("notifying remaining consumers")
        condition.notify_all()
    print("ending manipulate_condition")


async def main():
    condition = asyncio.Condition()
    consumers = [asyncio.create_task(consumer(condition, i)) for i in range(5)]
    await asyncio.sleep(0.1)
    asyncio.create_task(manipulate(condition))
    for task in consumers:
        await task


result = asyncio.run(main())
print(f"result: {result}")
