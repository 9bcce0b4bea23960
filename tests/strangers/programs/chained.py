"""Two coroutines in a chain, for several arguments.

After Real Python's tutorials.
"""

import asyncio
import random
import sys
import time


async def part1(n: int) -> str:
    seconds = random.randint(0, 10)
    print(f"part1({n}) sleeping for {seconds} seconds.")
    await asyncio.sleep(seconds)
    result = f"result{n}-1"
    print(f"returning part1({n}) == {result}.")
    return result


async def part2(n: int, arg: str) -> str:
    seconds = random.randint(0, 10)
    print(f"part2{n, arg} sleeping for {seconds} seconds.")
    await asyncio.sleep(seconds)
    result = f"result{n}-2 derived from {arg}"
    print(f"returning part2{n, arg} == {result}.")
    return result


async def chain(n: int) -> None:
    start = time.perf_counter()
    result = await part2(n, await part1(n))
    print(
        f"-->chained result{n} => {result} (took {time.perf_counter() - start:0.2f} seconds)."
    )


async def main(*args):
    await asyncio.gather(*(chain(n) for n in args))


if __name__ == "__main__":
    random.seed(444)
    numbers = [1, 2, 3] if len(sys.argv) == 1 else map(int, sys.argv[1:])
    start = time.perf_counter()
    asyncio.run(main(*numbers))
    print(f"program finished in {time.perf_counter() - start:0.2f} seconds.")
