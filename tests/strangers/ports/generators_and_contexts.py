"""An async generator within an async context manager, with AnyIO."""

import anyio


class Manager:
    async def __aenter__(self):
        print(">entering the context manager")
        await anyio.sleep(0.5)
        return self

    async def __aexit__(self, kind, error, traceback):
        print(f">exiting with {kind.__name__ if kind else None}")
        await anyio.sleep(0.5)
        return kind is LookupError


async def count(limit):
    try:
        for i in range(limit):
            await anyio.sleep(1)
            yield i
    finally:
        print("closed")


async def main():
    async with Manager():
        print([i * i async for i in count(4) if i % 2])
    async with Manager():
        numbers = count(3)
        async for i in numbers:
            print(i)
            await numbers.aclose()
            break
        raise LookupError
    print("after")


anyio.run(main)
