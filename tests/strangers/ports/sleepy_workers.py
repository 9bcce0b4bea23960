"""Three workers share a stream of sleeps, with AnyIO."""

import random
import time

import anyio


async def worker(name, receive):
    async with receive:
        async for seconds in receive:
            await anyio.sleep(seconds)
            print(f"{name} has slept for {seconds:.2f} seconds")


async def main():
    send, receive = anyio.create_memory_object_stream(20)
    total = 0
    for _ in range(20):
        seconds = random.uniform(0.05, 1.0)
        total += seconds
        send.send_nowait(seconds)
    send.close()
    began = time.monotonic()
    async with anyio.create_task_group() as tasks:
        for i in range(3):
            tasks.start_soon(worker, f"worker-{i}", receive.clone())
        receive.close()
    slept = time.monotonic() - began
    print("====")
    print(f"3 workers slept in parallel for {slept:.2f} seconds")
    print(f"total expected sleep time: {total:.2f} seconds")


anyio.run(main)
