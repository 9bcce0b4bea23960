"""Two tasks and the main one meet at a barrier.

After Python's documentation.
"""

import asyncio


async def main():
    barrier = asyncio.Barrier(3)
    first = asyncio.create_task(barrier.wait())
    second = asyncio.create_task(barrier.wait())
    await asyncio.sleep(0.5)
    print(barrier.n_waiting)
    await barrier.wait()
    print(barrier.broken, barrier.n_waiting)
    await asyncio.sleep(0)
    print(sorted([first.result(), second.result()]))
    await barrier.abort()
    try:
        await barrier.wait()
    except asyncio.BrokenBarrierError:
        print("broken")


asyncio.run(main())
