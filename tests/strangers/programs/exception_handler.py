"""Errors that nobody retrieves reach the loop's handler.

After Mohamed Mustapha Tahrioui, *asyncio Recipes*.
"""

import asyncio
import gc


async def faulty(number):
    await asyncio.sleep(number)
    raise RuntimeError(f"number {number} failed")


def handler(loop, context):
    print(f"{context['message']}: {context.get('exception')!r}")


async def main():
    asyncio.get_running_loop().set_exception_handler(handler)
    tasks = [asyncio.create_task(faulty(i)) for i in (1, 2)]
    await asyncio.sleep(3)
    del tasks
    gc.collect()
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(1)


asyncio.run(main())
