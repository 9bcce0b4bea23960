"""Each task has a request id of its own, with AnyIO."""

import contextvars

import anyio

request_id = contextvars.ContextVar("request_id", default=0)


async def inner(level):
    await anyio.sleep(0.1 * level)
    print(f"level {level}: request {request_id.get()}")


async def handle(number):
    token = request_id.set(number)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(inner, number)
    request_id.reset(token)
    print(f"after {number}: request {request_id.get()}")


async def main():
    async with anyio.create_task_group() as tasks:
        for i in range(1, 4):
            tasks.start_soon(handle, i)
    print(f"main: request {request_id.get()}")


anyio.run(main)
