"""A value is sent by a task, and awaited, with AnyIO."""

import anyio


async def set_after(send, delay, value):
    await anyio.sleep(delay)
    await send.send(value)


async def main():
    send, receive = anyio.create_memory_object_stream(1)
    async with send, receive, anyio.create_task_group() as tasks:
        tasks.start_soon(set_after, send, 1, "... world")
        print("hello ...")
        print(await receive.receive())


anyio.run(main)
