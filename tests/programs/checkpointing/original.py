"""A job whose writing of a checkpoint must not be cut short."""

import asyncio

written: list[int] = []


async def write(step: int) -> None:
    print("writing", step)
    await asyncio.sleep(0.75)
    written.append(step)
    print("wrote", step)


async def job() -> None:
    step = 0
    while True:
        await asyncio.sleep(1)
        step += 1
        await asyncio.shield(asyncio.create_task(write(step)))


async def main() -> None:
    running = asyncio.create_task(job())
    await asyncio.sleep(3)
    running.cancel("enough")
    await asyncio.wait([running])
    print("stopped:", running.cancelled(), written)
    await asyncio.sleep(1)
    print(written)


if __name__ == "__main__":
    asyncio.run(main())
