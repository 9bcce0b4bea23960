"""Errors that nobody waits for reach a handler of the program's own, with AnyIO."""

import anyio


async def faulty(number):
    await anyio.sleep(number)
    raise RuntimeError(f"number {number} failed")


def handler(message, error):
    print(f"{message}: {error!r}")


async def main():
    errors = []

    async def keep_error(number):
        try:
            await faulty(number)
        except Exception as error:
            errors.append(error)

    async with anyio.create_task_group() as tasks:
        for i in (1, 2):
            tasks.start_soon(keep_error, i)
        await anyio.sleep(3)
        for error in reversed(errors):
            handler("Task exception was never retrieved", error)
        try:
            _ = 1 / 0
        except ZeroDivisionError as error:
            handler("Exception in callback main.<locals>.<lambda>()", error)
        await anyio.sleep(1)


anyio.run(main)
