"""The date once a second, with AnyIO."""

import datetime

import anyio


async def show_date(end_time):
    print(datetime.datetime.now())
    while anyio.current_time() + 1.0 < end_time:
        await anyio.sleep(1)
        print(datetime.datetime.now())


async def main():
    await show_date(anyio.current_time() + 5.0)


anyio.run(main)
