"""A shield is cancelled, and what it shields goes on.

After Jason Brownlee, *Python Asyncio Mastery*.
"""

import asyncio


async def simple_task(number):
    await asyncio.sleep(1)
    return number


async def cancel_task(task):
    await asyncio.sleep(0.2)
    print(f"cancelled: {task.cancel()}")


async def main():
    task = asyncio.create_task(simple_task(1))
    shielded = asyncio.shield(task)
    asyncio.create_task(cancel_task(shielded))
    try:
        print(f">got: {await shielded}")
    except asyncio.CancelledError:
        print("shielded was cancelled")
    await asyncio.sleep(1)
    print(f"shielded: {shielded.cancelled()}, task: {task.result()}")


asyncio.run(main())
