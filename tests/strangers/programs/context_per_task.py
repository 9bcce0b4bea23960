"""Each task has a request id of its own.

After Mohamed Mustapha Tahrioui, *asyncio Recipes*.
"""

import asyncio
import contextvars

request_id = contextvars.ContextVar("request_id", default=0)


async def inner(level):
    await asyncio.sleep(0.1 * level)
    print(f"level {level}: request {request_id.get()}")


async def handle(number):
    token = request_id.set(number)
    await asyncio.create_task(inner(number))
    request_id.reset(token)
    print(f"after {number}: request {request_id.get()}")


async def main():
    await asyncio.gather(*(handle(i) for i in range(1, 4)))
    print(f"main: request {request_id.get()}")


asyncio.run(main())
