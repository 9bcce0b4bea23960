"""A job whose writing of a checkpoint must not be cut short."""

import portable

written: list[int] = []


async def write(step: int) -> None:
    print("writing", step)
    await portable.sleep(0.75)
    written.append(step)
    print("wrote", step)


async def job() -> None:
    step = 0
    while True:
        await portable.sleep(1)
        step += 1
        await portable.shield(portable.create_task(write(step)))


async def main() -> None:
    running = portable.create_task(job())
    await portable.sleep(3)
    running.cancel("enough")
    await portable.wait([running])
    print("stopped:", running.cancelled(), written)
    await portable.sleep(1)
    print(written)


if __name__ == "__main__":
    portable.run(main)
