"""A service that ticks until it is told to stop by its own timer.

After Python's documentation.
"""

import asyncio
import contextlib
import logging

log = logging.getLogger("service")


async def tick():
    count = 0
    while True:
        count += 1
        log.warning("tick %d", count)
        await asyncio.sleep(1)


async def main():
    async with asyncio.timeout(4.5):
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(asyncio.sleep, 1)
            stack.callback(log.warning, "cleaning up")
            await tick()


try:
    asyncio.run(main())
except TimeoutError as error:
    print("ended by", type(error).__name__)
