"""Answers are shown as they come, with AnyIO."""

import random
import time

import anyio

start = time.time()
CLIENTS = 3


async def fetch(pid, send):
    begun = time.time()
    seconds = random.randint(2, 5)
    print(f"fetch process {pid} started, sleeping for {seconds} seconds")
    await anyio.sleep(seconds)
    await send.send(f"process {pid}: took {time.time() - begun:.2f} seconds")


async def main():
    send, receive = anyio.create_memory_object_stream(CLIENTS)
    with send, receive:
        async with anyio.create_task_group() as tasks:
            for i in range(1, CLIENTS + 1):
                tasks.start_soon(fetch, i, send)
            for i in range(CLIENTS):
                result = await receive.receive()
                print(f"{'>>' * (i + 1)} {result}")
    print(f"process took: {time.time() - start:.2f} seconds")


anyio.run(main)
