"""A loop in a thread takes work from the main thread, with AnyIO."""

import anyio
from anyio.from_thread import start_blocking_portal


async def work(number):
    await anyio.sleep(number)
    return number * number


closed = False
with start_blocking_portal() as portal:
    for number in (3, 1, 2):
        print(portal.call(work, number))
closed = True
print("closed:", closed)
