"""The first of five wins, the rest are cancelled, with AnyIO."""

import random

import anyio


async def work(number):
    seconds = random.random() * 10
    await anyio.sleep(seconds)
    print(f">task {number} done after {seconds:.3f}")
    return number


async def main():
    random.seed(7)
    done, cancelled = [], []

    async def run(number):
        try:
            done.append(await work(number))
            tasks.cancel_scope.cancel()
        except anyio.get_cancelled_exc_class():
            cancelled.append(number)
            raise

    async with anyio.create_task_group() as tasks:
        for i in range(5):
            tasks.start_soon(run, i)
    print(f"done: {len(done)}, first: {done[0]}")
    print(len(cancelled) == 4)


anyio.run(main)
