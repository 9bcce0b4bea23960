"""Producers with random delays fill a queue, consumers empty it, with AnyIO."""

import argparse
import os
import random
import time
from time import perf_counter

import anyio


class Pending:
    """How many items are yet to be dealt with, as `Queue.join()` counts them."""

    def __init__(self):
        self.count = 0
        self.none = anyio.Event()

    def add(self):
        self.count += 1

    def done(self):
        self.count -= 1
        if not self.count:
            self.none.set()

    async def join(self):
        while self.count:
            self.none = anyio.Event()
            await self.none.wait()


async def pause(caller=None):
    seconds = random.randint(0, 10)
    if caller:
        print(f"{caller} sleeps for {seconds} seconds.")
    await anyio.sleep(seconds)


async def produce(name, send, pending):
    for _ in range(random.randint(1, 5)):
        await pause(f"producer {name}")
        item = random.randbytes(5).hex()
        pending.add()
        send.send_nowait((item, perf_counter()))
        print(f"producer {name} added <{item}>")


async def consume(name, receive, pending):
    while True:
        await pause(f"consumer {name}")
        item, begun = await receive.receive()
        print(f"consumer {name} got <{item}> in {perf_counter() - begun:0.5f} seconds.")
        pending.done()


async def main(producers, consumers):
    send, receive = anyio.create_memory_object_stream(float("inf"))
    pending = Pending()
    with send, receive:
        async with anyio.create_task_group() as taking:
            async with anyio.create_task_group() as making:
                for n in range(producers):
                    making.start_soon(produce, n, send, pending)
                for n in range(consumers):
                    taking.start_soon(consume, n, receive, pending)
            await pending.join()
            taking.cancel_scope.cancel()


if __name__ == "__main__":
    random.seed(444)
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--producers", type=int, default=3)
    parser.add_argument("-c", "--consumers", type=int, default=5)
    start = time.perf_counter()
    assert os.getpid()
    args = parser.parse_args()
    anyio.run(main, args.producers, args.consumers)
    print(f"completed in {time.perf_counter() - start:0.5f} seconds.")
