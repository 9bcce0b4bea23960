"""A heartbeat beside a long job, stopped when the job ends."""

import portable


async def heartbeat(seconds: float) -> None:
    beats = 0
    try:
        while True:
            await portable.sleep(seconds)
            beats += 1
            print("beat", beats)
    finally:
        print("stopped after", beats)


async def job() -> str:
    for part in range(3):
        await portable.sleep(2.25)
        print("part", part)
    return "done"


async def main() -> str:
    beating = portable.create_task(heartbeat(1))
    try:
        return await job()
    finally:
        beating.cancel()
        await portable.wait([beating])
        print("cancelled:", beating.cancelled())


if __name__ == "__main__":
    portable.run(main)
