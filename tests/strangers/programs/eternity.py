"""What takes too long is timed out, in three ways.

After Python's documentation.
"""

import asyncio


async def eternity():
    await asyncio.sleep(3600)
    print("yay!")


async def main():
    try:
        await asyncio.wait_for(eternity(), timeout=1.0)
    except TimeoutError:
        print("timeout!")
    try:
        async with asyncio.timeout(None) as limit:
            limit.reschedule(asyncio.get_running_loop().time() + 10)
            await eternity()
    except TimeoutError:
        pass
    if limit.expired():
        print("looks like we have not finished on time.")
    print(asyncio.get_running_loop().time())


asyncio.run(main())
