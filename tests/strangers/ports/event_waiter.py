"""A task waits for an event that another sets, with AnyIO."""

import anyio


async def waiter(event):
    print("waiting for it ...")
    await event.wait()
    print("... got it!")


async def main():
    event = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(waiter, event)
        await anyio.sleep(1)
        event.set()


anyio.run(main)
