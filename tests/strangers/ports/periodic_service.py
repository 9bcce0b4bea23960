"""A service that ticks until it is told to stop by its own timer, with AnyIO."""

import contextlib
import logging

import anyio

log = logging.getLogger("service")


async def tick():
    count = 0
    while True:
        count += 1
        log.warning("tick %d", count)
        await anyio.sleep(1)


async def settle():
    with anyio.CancelScope(shield=True):
        await anyio.sleep(1)


async def main():
    with anyio.fail_after(4.5):
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(settle)
            stack.callback(log.warning, "cleaning up")
            await tick()


try:
    anyio.run(main)
except TimeoutError as error:
    print("ended by", type(error).__name__)
