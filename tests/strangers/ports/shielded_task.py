"""Waiting is cancelled, and what was waited for goes on, with AnyIO."""

import anyio


async def simple_task(number):
    await anyio.sleep(1)
    return number


async def cancel_after(scope):
    await anyio.sleep(0.2)
    scope.cancel()
    print(f"cancelled: {scope.cancel_called}")


async def main():
    results, ended = [], anyio.Event()

    async def run():
        results.append(await simple_task(1))
        ended.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        with anyio.CancelScope() as waiting:
            tasks.start_soon(cancel_after, waiting)
            await ended.wait()
            print(f">got: {results[0]}")
        if waiting.cancelled_caught:
            print("shielded was cancelled")
        await anyio.sleep(1)
        print(f"shielded: {waiting.cancelled_caught}, task: {results[0]}")


anyio.run(main)
