"""Random draws until they pass a threshold.

After Real Python's tutorials.
"""

import asyncio
import random

COLOURS = ("\033[0m", "\033[36m", "\033[91m", "\033[35m")


async def draw(number: int, threshold: int = 6) -> int:
    print(COLOURS[number + 1] + f"initiated draw({number}).")
    drawn = random.randint(0, 10)
    while drawn <= threshold:
        print(COLOURS[number + 1] + f"draw({number}) == {drawn} too low; retrying.")
        await asyncio.sleep(number + 1)
        drawn = random.randint(0, 10)
    print(COLOURS[number + 1] + f"---> finished: draw({number}) == {drawn}" + COLOURS[0])
    return drawn


async def main():
    return await asyncio.gather(*(draw(i, 10 - i - 1) for i in range(3)))


if __name__ == "__main__":
    random.seed(444)
    r1, r2, r3 = asyncio.run(main())
    print()
    print(f"r1: {r1}, r2: {r2}, r3: {r3}")
