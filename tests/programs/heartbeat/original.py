"""A heartbeat beside a long job, stopped when the job ends."""

import asyncio


async def heartbeat(seconds: float) -> None:
    beats = 0
    try:
        while True:
            await asyncio.sleep(seconds)
            beats += 1
            print("beat", beats)
    finally:
        print("stopped after", beats)


async def job() -> str:
    for part in range(3):
        await asyncio.sleep(2.25)
        print("part", part)
    return "done"


async def main() -> str:
    beating = asyncio.create_task(heartbeat(1))
    try:
        return await job()
    finally:
        beating.cancel()
        await asyncio.wait([beating])
        print("cancelled:", beating.cancelled())


if __name__ == "__main__":
    asyncio.run(main())
