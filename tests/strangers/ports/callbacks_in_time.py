"""Functions are called now, later, and at a time, with AnyIO."""

import anyio


def callback(number, start):
    print(f"callback {number} invoked at {anyio.current_time() - start:.1f}")


async def call_at(when, number, start):
    await anyio.sleep_until(when)
    callback(number, start)


async def main():
    start = anyio.current_time()
    print("registering callbacks")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(call_at, start + 0.2, 1, start)
        tasks.start_soon(call_at, start + 0.1, 2, start)
        tasks.start_soon(call_at, start, 3, start)
        await anyio.sleep(1)


try:
    print("entering event loop")
    anyio.run(main)
finally:
    print("closing event loop")
