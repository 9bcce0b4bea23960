"""A spinner that turns while something slow runs, with AnyIO."""

import itertools

import anyio


async def spin(message):
    try:
        for symbol in itertools.cycle("|/-\\"):
            line = f"\r{symbol} {message}"
            print(line, end="", flush=True)
            await anyio.sleep(0.1)
    finally:
        print("\r" + " " * len(line) + "\r", end="")


async def ask():
    await anyio.sleep(3)
    return 42


async def supervise():
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(spin, "thinking")
        result = await ask()
        tasks.cancel_scope.cancel()
    return result


def main():
    answer = anyio.run(supervise)
    print(f"the answer: {answer}")


if __name__ == "__main__":
    main()
