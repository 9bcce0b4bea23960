"""A spinner that turns while something slow runs.

After Luciano Ramalho, *Fluent Python*.
"""

import asyncio
import itertools


async def spin(message):
    for symbol in itertools.cycle("|/-\\"):
        line = f"\r{symbol} {message}"
        print(line, end="", flush=True)
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            break
    print("\r" + " " * len(line) + "\r", end="")


async def ask():
    await asyncio.sleep(3)
    return 42


async def supervise():
    spinner = asyncio.create_task(spin("thinking"))
    result = await ask()
    spinner.cancel()
    return result


def main():
    answer = asyncio.run(supervise())
    print(f"the answer: {answer}")


if __name__ == "__main__":
    main()
