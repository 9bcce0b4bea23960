"""What takes too long is timed out, in three ways, with AnyIO."""

import anyio


async def eternity():
    await anyio.sleep(3600)
    print("yay!")


async def main():
    begun = anyio.current_time()
    try:
        with anyio.fail_after(1.0):
            await eternity()
    except TimeoutError:
        print("timeout!")
    with anyio.CancelScope() as limit:
        limit.deadline = anyio.current_time() + 10
        await eternity()
    if limit.cancelled_caught:
        print("looks like we have not finished on time.")
    print(anyio.current_time() - begun)


anyio.run(main)
