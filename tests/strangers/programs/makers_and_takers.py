"""Producers with random delays fill a queue, consumers empty it.

After Brad Solomon, Real Python.
"""

import argparse
import asyncio
import os
import random
import time
from time import perf_counter


async def pause(caller=None):
    seconds = random.randint(0, 10)
    if caller:
        print(f"{caller} sleeps for {seconds} seconds.")
    await asyncio.sleep(seconds)


async def produce(name, queue):
    for _ in range(random.randint(1, 5)):
        await pause(f"producer {name}")
        item = random.randbytes(5).hex()
        await queue.put((item, perf_counter()))
        print(f"producer {name} added <{item}>")


async def consume(name, queue):
    while True:
        await pause(f"consumer {name}")
        item, begun = await queue.get()
        print(f"consumer {name} got <{item}> in {perf_counter() - begun:0.5f} seconds.")
        queue.task_done()


async def main(producers, consumers):
    queue = asyncio.Queue()
    making = [asyncio.create_task(produce(n, queue)) for n in range(producers)]
    taking = [asyncio.create_task(consume(n, queue)) for n in range(consumers)]
    await asyncio.gather(*making)
    await queue.join()
    for task in taking:
        task.cancel()


if __name__ == "__main__":
    random.seed(444)
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--producers", type=int, default=3)
    parser.add_argument("-c", "--consumers", type=int, default=5)
    start = time.perf_counter()
    assert os.getpid()
    asyncio.run(main(**vars(parser.parse_args())))
    print(f"completed in {time.perf_counter() - start:0.5f} seconds.")
